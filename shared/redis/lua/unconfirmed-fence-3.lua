-- Tells who has still to confirm a fence: gateways whose lease runs and that have not come so far.
-- KEYS[1] fences   KEYS[2] what gateways have confirmed   KEYS[3] leases of gateways
-- ARGV[1] the fence's id
-- Result: 1 when the fence stands, 0 when this Redis has lost it; then the gateways
local function parse(id)
  local ms, sequence = string.match(id, '(%d+)-(%d+)')
  -- What no gateway of ours wrote confirms nothing.
  return tonumber(ms) or 0, tonumber(sequence) or 0
end
local ms, sequence = parse(ARGV[1])
local result = { #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) }
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. now, '+inf')) do
  local confirmed = redis.call('HGET', KEYS[2], node)
  local confirmedMs, confirmedSequence = parse(confirmed or '0-0')
  if confirmedMs < ms or (confirmedMs == ms and confirmedSequence < sequence) then
    result[#result + 1] = node
  end
end
return result
