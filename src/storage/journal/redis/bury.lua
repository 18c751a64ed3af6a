-- Removes tombstones, so that their names are free again; runs born from now on get an epoch that was never given out.
--
-- KEYS: store, gone, then each run's head.  ARGV: expired before, then each run.
-- Returns: births afterwards, how many went
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local births = string.format('%.0f', math.max(now, tonumber(redis.call('HGET', KEYS[1], 'births') or 0) + 1))
redis.call('HSET', KEYS[1], 'births', births)
local went = 0
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[2], ARGV[i])
  if score and tonumber(score) <= tonumber(ARGV[1]) then
    redis.call('UNLINK', KEYS[i + 1])
    redis.call('ZREM', KEYS[2], ARGV[i])
    went = went + 1
  end
end
return {births, went}
