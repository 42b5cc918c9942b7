-- Tells whether a worker has checked the ids of a command stream on this very server, which has to be known
-- before anything is added after a reconnect (docs/architecture.md).
-- KEYS[1] run id for which it was checked
-- Result: run id of this server; 1 when the stream was checked on it, else 0; the time here in ms since the epoch
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return { run, redis.call('GET', KEYS[1]) == run and 1 or 0, now }
