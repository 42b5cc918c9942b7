-- Renews a node's lease by Redis' own clock, and tells whether it had been held without a gap.
-- KEYS[1] leases of the role   KEYS[2] what its nodes tell about themselves
-- ARGV[1] node   ARGV[2] length in ms   ARGV[3] what it tells, JSON
-- Result: 1 when the lease was still running, 0 when it is new or had run out
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
if ends and tonumber(ends) > now then
  return 1
end
return 0
