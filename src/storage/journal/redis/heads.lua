-- Reads runs' heads.
--
-- KEYS: store, then each run's head.
-- Returns: now, incarnation, births, then per run: state, at, created, each '' when the run has no event
local time = redis.call('TIME')
local store = redis.call('HMGET', KEYS[1], 'incarnation', 'births')
local found = {time[1] * 1000 + math.floor(time[2] / 1000), store[1] or '', store[2] or ''}
for i = 2, #KEYS do
  local head = redis.call('HMGET', KEYS[i], 'state', 'at', 'created')
  for j = 1, 3 do found[#found + 1] = head[j] or '' end
end
return found
