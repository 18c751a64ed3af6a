-- Reads segments from the one that holds a seq on, until so many bytes of bodies are reached; at least one.
-- One text of lines and one of bodies: a client parses two strings faster than a thousand.
--
-- KEYS: log.  ARGV: seq, bytes.
-- Returns: lines of 'epoch first at length', the bodies joined
local heads, bodies, bytes, from = {}, {}, 0, ARGV[1]
while true do
  local entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 64)
  for _, entry in ipairs(entries) do
    local body = entry[2][4]
    bytes = bytes + #body
    if bytes > tonumber(ARGV[2]) and #heads > 0 then return {table.concat(heads, '\n'), table.concat(bodies)} end
    heads[#heads + 1] = entry[2][2] .. ' ' .. #body
    bodies[#bodies + 1] = body
  end
  if #entries < 64 then return {table.concat(heads, '\n'), table.concat(bodies)} end
  from = '(' .. entries[64][1]
end
