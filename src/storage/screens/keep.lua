-- Keeps the newest frame of a stream for a time.
-- KEYS[1]  the streams of the run that have one, by when it goes
-- KEYS[2]  the frame
-- ARGV[1]  the stream
-- ARGV[2]  the frame
-- ARGV[3]  milliseconds to keep it
-- ARGV[4]  most streams of a run
-- Returns 1; 0 when the run has as many other streams already.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
    return 0
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
