-- Removes tombstones, so that their names are free again; runs born from now on get an epoch that was never given out.
-- A build that knows no control expires runs without removing it, so it goes here as well.
--
-- KEYS: store, gone, deadlines, runs that were only steered last, then per run: head, control.
-- ARGV: expired before, then each run.
-- Returns: births afterwards, how many went
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local births = string.format('%.0f', math.max(now, tonumber(redis.call('HGET', KEYS[1], 'births') or 0) + 1))
redis.call('HSET', KEYS[1], 'births', births)
local went = 0
for i = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[2], ARGV[i])
  if score and tonumber(score) <= tonumber(ARGV[1]) then
    redis.call('UNLINK', KEYS[2 * i + 1], KEYS[2 * i + 2])
    for set = 2, 4 do redis.call('ZREM', KEYS[set], ARGV[i]) end
    went = went + 1
  end
end
return {births, went}
