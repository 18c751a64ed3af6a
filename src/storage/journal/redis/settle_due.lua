-- Sets or removes a run's deadline, if its last control event is the one that the caller saw.
--
-- KEYS: head, deadlines.  ARGV: run, 'epoch:seq' of the control event ('' for none), the deadline ('' to remove it).
-- Returns: 1 if so, else 0
local stored = redis.call('HGET', KEYS[1], 'state')
local state = stored and cjson.decode(stored) or {phase = 'gone'}
local control = ''
if state.control then
  -- Its epoch is that of its seq.
  for _, entry in ipairs(state.lineage) do
    if entry[2] <= state.control then control = string.format('%.0f:%.0f', entry[1], state.control) end
  end
end
if control ~= ARGV[2] then return 0 end
if ARGV[3] == '' or state.phase == 'gone' then
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
end
return 1
