-- Ends a node's lease at once: it has shut down, or was found dead and cleared up after.
-- KEYS[1] leases of the role   KEYS[2] what its nodes tell about themselves
-- ARGV[1] node
-- Result: 1 when there was one
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
