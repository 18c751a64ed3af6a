-- Reads the segments that hold a run's control events, from a seq on, until so many bytes of bodies are reached, those that the
-- caller has already included; at least one in all.
--
-- KEYS: control, log.  ARGV: seq, bytes, bytes that the caller has, most segments.
-- Returns: lines of 'epoch first at length', the bodies joined, the seq from which there may be more ('' at the end)
local most = tonumber(ARGV[4])
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'LIMIT', 0, most)
local heads, bodies, bytes, more = {}, {}, tonumber(ARGV[3]), ''
if #ids == most then more = string.format('%.0f', ids[most] + 1) end
for _, id in ipairs(ids) do
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  if entry then
    local body = entry[2][4]
    bytes = bytes + #body
    if bytes > tonumber(ARGV[2]) and bytes > #body then
      more = ''
      break
    end
    heads[#heads + 1] = entry[2][2] .. ' ' .. #body
    bodies[#bodies + 1] = body
  end
end
return {table.concat(heads, '\n'), table.concat(bodies), more}
