-- Registers a connection of a user and takes out the oldest beyond the limit; safe to repeat.
-- KEYS[1] registry of the user
-- ARGV[1] gateway/connection   ARGV[2] connections allowed, 0 for any number
-- Result: list of gateway/connection that were taken out
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'NX', time[1] * 1000000 + time[2], ARGV[1])
local limit = tonumber(ARGV[2])
local surplus = redis.call('ZCARD', KEYS[1]) - limit
if limit == 0 or surplus <= 0 then
  return {}
end
local replaced = redis.call('ZRANGE', KEYS[1], 0, surplus - 1)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, surplus - 1)
return replaced
