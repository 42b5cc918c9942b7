-- The nodes of a role whose lease has run out, by Redis' own clock; and those whose lease runs longer than any does:
-- they are none, or the clock was set back, and a ban would wait for them.
-- KEYS[1] leases of the role
-- ARGV[1] ms that no lease runs
-- Result: list of nodes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nodes = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now + ARGV[1], '+inf')) do
  nodes[#nodes + 1] = node
end
return nodes
