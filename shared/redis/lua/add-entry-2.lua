-- Adds one entry of commands to a command stream that a worker has prepared, unless the backlog is full, or the entry
-- was held up on its way here.
-- KEYS[1] command stream   KEYS[2] backlog (commands in it)
-- ARGV[1] envelope   ARGV[2] commands in it   ARGV[3] limit of the backlog, 0 for none
-- ARGV[4] until when it may be added, ms since the epoch by this server's clock; left out: for ever
-- Result: the entry's id, and the time here in ms; "overloaded"; "late"; or nil when the stream is not there
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[4] and now > tonumber(ARGV[4]) then
  return 'late'
end
local count = tonumber(ARGV[2])
local limit = tonumber(ARGV[3])
if limit > 0 and tonumber(redis.call('GET', KEYS[2]) or '0') + count > limit then
  return 'overloaded'
end
local id = redis.call('XADD', KEYS[1], 'NOMKSTREAM', '*', 'e', ARGV[1])
if not id then
  return id
end
redis.call('INCRBY', KEYS[2], count)
return { id, now }
