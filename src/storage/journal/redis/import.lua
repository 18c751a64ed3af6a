-- Makes a run of a staged log, if the store does not have it. All or nothing.
--
-- KEYS: store, head, log, marks, control, staged log, staged control, index, deadlines, runs that were only steered last
-- ARGV: incarnation, births, births from then on, segments, version, state, at, created, active, run, deadline ('' for none),
--       notice's channel, version and node, notice's text, then per mark: producer, value
-- Returns: 'imported' | 'stale' (the store is in another incarnation) | 'exists' | 'lost' (the staged log has expired)
local store = redis.call('HMGET', KEYS[1], 'incarnation', 'births')
if store[1] ~= ARGV[1] or store[2] ~= ARGV[2] then return 'stale' end
if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then return 'exists' end
if redis.call('XLEN', KEYS[6]) ~= tonumber(ARGV[4]) then return 'lost' end
-- Only the first write can be refused, for want of memory or of a disk: nothing has been written then.
redis.call('HSET', KEYS[1], 'births', ARGV[3]) -- most often what it is
redis.call('RENAME', KEYS[6], KEYS[3])
redis.call('PERSIST', KEYS[3])
if redis.call('EXISTS', KEYS[7]) == 1 then
  redis.call('RENAME', KEYS[7], KEYS[5])
  redis.call('PERSIST', KEYS[5])
end
for i = 15, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[2], 'version', ARGV[5], 'state', ARGV[6], 'at', ARGV[7], 'created', ARGV[8])
redis.call('ZADD', KEYS[8], ARGV[9], ARGV[10])
if ARGV[9] ~= ARGV[7] then redis.call('ZADD', KEYS[10], ARGV[7], ARGV[10]) end
if ARGV[11] ~= '' then redis.call('ZADD', KEYS[9], ARGV[11], ARGV[10]) end
redis.pcall('PUBLISH', ARGV[12], ARGV[13] .. ' ' .. ARGV[7] .. ' ' .. ARGV[8] .. ' ' .. ARGV[14])
return 'imported'
