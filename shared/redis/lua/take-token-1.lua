-- Takes one token from a bucket that refills steadily, by Redis' own clock.
-- KEYS[1] bucket
-- ARGV[1] tokens a second   ARGV[2] tokens that fit in
-- Result: 0 when one was taken, else ms until there is one
local rate = tonumber(ARGV[1])
local burst = math.max(tonumber(ARGV[2]), 1)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(bucket[1] or burst)
local at = tonumber(bucket[2] or now)
-- A clock that was set back refills nothing.
tokens = math.min(burst, tokens + math.max(0, now - at) / 1000 * rate)
local wait = 0
if tokens >= 1 then
  tokens = tokens - 1
else
  wait = math.ceil((1 - tokens) / rate * 1000)
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return wait
