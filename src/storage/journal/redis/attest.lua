-- Says which incarnation of the store this is; opens a new one when the server is not the process that it was, for it may have
-- lost writes then: restarted, from an older file, empty, or a promoted replica.
--
-- KEYS: store.  ARGV: the highest epoch that the caller has ever seen.
-- Returns: incarnation, births, now, 'same' | 'new' (the store has never been used, or is empty) | 'changed'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local store = redis.call('HMGET', KEYS[1], 'process', 'incarnation', 'births')
local births, seen = tonumber(store[3] or 0), tonumber(ARGV[1])
if store[1] == process and births >= seen then return {store[2], store[3], now, 'same'} end
local fresh = string.format('%.0f', math.max(now, births + 1, seen + 1))
redis.call('HSET', KEYS[1], 'process', process, 'incarnation', fresh, 'births', fresh)
return {fresh, fresh, now, store[1] and 'changed' or 'new'}
