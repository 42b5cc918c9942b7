-- Tells whether a node's lease runs, by Redis' own clock.
-- KEYS[1] leases of the role
-- ARGV[1] node
-- Result: 1 when it does, else 0
local time = redis.call('TIME')
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and tonumber(ends) > time[1] * 1000 + math.floor(time[2] / 1000) then
  return 1
end
return 0
