-- Raises a fence.
-- KEYS[1] fences
-- ARGV[1] world   ARGV[2] user   ARGV[3] version of the account   ARGV[4] fences kept, about
-- Result: the fence's id
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'w', ARGV[1], 'u', ARGV[2], 'v', ARGV[3])
