-- The streams of a run whose newest frame is kept, the most recent one first.
-- KEYS[1]  these streams, by when their frame goes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', string.format('(%.0f', now))
