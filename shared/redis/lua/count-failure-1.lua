-- Counts one failure in the minute that began with the first.
-- KEYS[1] counter
-- Result: failures in this minute
local failures = redis.call('INCR', KEYS[1])
if failures == 1 then
  redis.call('PEXPIRE', KEYS[1], 60000)
end
return failures
