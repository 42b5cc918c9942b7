-- Acknowledges and removes entries; the backlog shrinks by the commands of those that were still there, so that
-- an entry finished twice (its first worker stalled) counts once.
-- KEYS[1] command stream   KEYS[2] backlog
-- ARGV[1] group   then pairs: entry id, commands in it
-- Result: entries removed
local removed = 0
for i = 2, #ARGV, 2 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    removed = removed + 1
    redis.call('DECRBY', KEYS[2], ARGV[i + 1])
  end
end
if redis.call('XLEN', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
end
return removed
