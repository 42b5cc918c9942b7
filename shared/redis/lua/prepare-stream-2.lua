-- Makes a command stream and its group where they are missing, and raises the stream's last id to the greatest
-- position that the database knows: ids must not go backwards after Redis came back empty, failed over, or its
-- clock is behind (docs/architecture.md).
-- KEYS[1] command stream   KEYS[2] run id for which it was checked
-- ARGV[1] group   ARGV[2] ms of the greatest position   ARGV[3] its sequence number
-- Result: 1 when something was made or raised, 0 when all was well
local changed = 0
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
  changed = 1
else
  local found = false
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #group, 2 do
      if group[i] == 'name' and group[i + 1] == ARGV[1] then
        found = true
      end
    end
  end
  if not found then
    redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0')
    changed = 1
  end
end
local last = '0-0'
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    last = info[i + 1]
  end
end
local ms, sequence = string.match(last, '(%d+)-(%d+)')
ms, sequence = tonumber(ms), tonumber(sequence)
local wantMs, wantSequence = tonumber(ARGV[2]), tonumber(ARGV[3])
if ms < wantMs or (ms == wantMs and sequence < wantSequence) then
  redis.call('XSETID', KEYS[1], ARGV[2] .. '-' .. ARGV[3])
  changed = 1
end
redis.call('SET', KEYS[2], string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'))
return changed
