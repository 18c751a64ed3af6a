-- The streams of a run whose newest frame is kept.
-- KEYS[1]  these streams, by when their frame goes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', now), '+inf')
