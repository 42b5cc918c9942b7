-- Becomes or stays the leader.
-- KEYS[1] leader
-- ARGV[1] node   ARGV[2] length in ms
-- Result: 1 when the node leads
local leader = redis.call('GET', KEYS[1])
if not leader or leader == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0
