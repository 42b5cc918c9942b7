-- Raises a fence and wakes the gateways.
-- KEYS[1] fences
-- ARGV[1] world   ARGV[2] user   ARGV[3] version of the account   ARGV[4] channel   ARGV[5] fences kept, about
-- Result: the fence's id
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*', 'w', ARGV[1], 'u', ARGV[2], 'v', ARGV[3])
redis.call('PUBLISH', ARGV[4], id)
return id
