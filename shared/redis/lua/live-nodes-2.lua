-- The nodes of a role whose lease runs.
-- KEYS[1] leases of the role   KEYS[2] what its nodes tell about themselves
-- Result: flat list of node, what it tells
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nodes = {}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
  nodes[#nodes + 1] = node
  nodes[#nodes + 1] = redis.call('HGET', KEYS[2], node) or '{}'
end
return nodes
