-- How old the first entry of a stream is, by the clock of the server that gave it its id.
-- KEYS[1] stream
-- Result: ms, 0 where there is none
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Ids may be ahead of the clock after a failover.
return math.max(0, now - tonumber(string.match(first[1], '%d+')))
