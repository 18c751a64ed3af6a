-- Turns an ended run into a tombstone, if it is still as the caller saw it: log, control and producers go together.
--
-- KEYS: head, log, marks, index before, gone, control, deadlines, runs that were only steered last.
-- ARGV: version before, version after, state after, run, notice's channel, version and node, notice's text.
-- Returns: 1 when it went, else 0
local head = redis.call('HMGET', KEYS[1], 'version', 'at', 'created')
if head[1] ~= ARGV[1] then return 0 end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[6])
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3])
redis.call('ZREM', KEYS[4], ARGV[4])
redis.call('ZREM', KEYS[7], ARGV[4])
redis.call('ZREM', KEYS[8], ARGV[4])
redis.call('ZADD', KEYS[5], now, ARGV[4])
redis.pcall('PUBLISH', ARGV[5], ARGV[6] .. ' ' .. head[2] .. ' ' .. head[3] .. ' ' .. ARGV[7])
return 1
