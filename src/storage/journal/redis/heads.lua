-- Reads runs' heads.
--
-- KEYS: store, then each run's head.
-- Returns: now, incarnation, then per run: state, at, created, each '' when the run has no event; the state is the error
-- when something else than a run's head is there
local time = redis.call('TIME')
local store = redis.call('HGET', KEYS[1], 'incarnation')
local found = {time[1] * 1000 + math.floor(time[2] / 1000), store or ''}
for i = 2, #KEYS do
  local head = redis.pcall('HMGET', KEYS[i], 'state', 'at', 'created')
  if head.err then head = {head.err} end
  for j = 1, 3 do found[#found + 1] = head[j] or '' end
end
return found
