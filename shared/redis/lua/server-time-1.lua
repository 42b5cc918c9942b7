-- What time it is where a key is: servers of a Cluster have clocks of their own.
-- KEYS[1] any key
-- Result: seconds since the epoch, then microseconds
return redis.call('TIME')
