-- Says which incarnation of the store this is; opens a new one when the server is not the process that it was, for it may have
-- lost writes then: restarted, from an older file, empty, or a promoted replica.
--
-- A store of an older format is marked with the caller's. New births make nodes that are connected to it, and know the older
-- format only, ask again: their next append is stale. A newer format stays as it is, and the caller keeps off it.
--
-- KEYS: store.  ARGV: the highest epoch that the caller has ever seen, the format version that it writes.
-- Returns: incarnation, births, now, 'same' | 'new' (the store has never been used, or is empty) | 'changed';
--          or '0', '0', now, 'newer', format version
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local store = redis.call('HMGET', KEYS[1], 'process', 'incarnation', 'births', 'format')
local format = store[4]
if format and (tonumber(format) or math.huge) > tonumber(ARGV[2]) then return {'0', '0', now, 'newer', format} end
-- A server that is full is marked another time.
if format ~= ARGV[2] then redis.pcall('HSET', KEYS[1], 'format', ARGV[2]) end
local births, seen = tonumber(store[3] or 0), tonumber(ARGV[1])
local fresh = string.format('%.0f', math.max(now, births + 1, seen + 1))
if store[1] == process and births >= seen then
  if not format or format == ARGV[2] then return {store[2], store[3], now, 'same'} end
  redis.call('HSET', KEYS[1], 'births', fresh)
  return {store[2], fresh, now, 'same'}
end
redis.call('HSET', KEYS[1], 'process', process, 'incarnation', fresh, 'births', fresh)
return {fresh, fresh, now, store[1] and 'changed' or 'new'}
