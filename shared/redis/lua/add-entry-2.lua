-- Adds one entry of commands to a command stream that a worker has prepared, unless the backlog is full.
-- KEYS[1] command stream   KEYS[2] backlog (commands in it)
-- ARGV[1] envelope   ARGV[2] commands in it   ARGV[3] limit of the backlog, 0 for none
-- Result: the entry's id; "overloaded"; or nil when the stream is not there
local count = tonumber(ARGV[2])
local limit = tonumber(ARGV[3])
if limit > 0 and tonumber(redis.call('GET', KEYS[2]) or '0') + count > limit then
  return 'overloaded'
end
local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'e', ARGV[1])
if id then
  redis.call('INCRBY', KEYS[2], count)
end
return id
