-- Holds something that one owner at a time may have, keeps holding it, or lets it go.
-- KEYS[1] what is held
-- ARGV[1] the owner   ARGV[2] ms until it is free by itself; 0 lets it go
-- Result: 1 when it is, or was, this owner's; 0 when it is another's
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
