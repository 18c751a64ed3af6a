-- Reads a run without its events.
--
-- KEYS: head, marks, deadlines.  ARGV: run.
-- Returns: state, at, created, deadline, each '' when there is none; marks as a JSON object
local head = redis.call('HMGET', KEYS[1], 'state', 'at', 'created')
local marks = {}
local stored = redis.call('HGETALL', KEYS[2])
for i = 1, #stored, 2 do marks[stored[i]] = stored[i + 1] end
local due = redis.call('ZSCORE', KEYS[3], ARGV[1])
return {head[1] or '', head[2] or '', head[3] or '', due or '', next(marks) and cjson.encode(marks) or '{}'}
