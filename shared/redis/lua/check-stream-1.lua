-- Tells whether a worker has checked the ids of a command stream on this very server, which has to be known
-- before anything is added after a reconnect (docs/architecture.md).
-- KEYS[1] run id for which it was checked
-- Result: run id of this server, then 1 when the stream was checked on it, else 0
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
return { run, redis.call('GET', KEYS[1]) == run and 1 or 0 }
