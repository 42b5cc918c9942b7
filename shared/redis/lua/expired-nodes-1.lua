-- The nodes of a role whose lease has run out, by Redis' own clock.
-- KEYS[1] leases of the role
-- Result: list of nodes
local time = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
