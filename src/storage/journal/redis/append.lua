-- Stores what a decision made of a run, if the run is still as the decision saw it. All or nothing.
--
-- KEYS: store, head, log, marks, index before ('' when unborn: the index after again), index after; only when the append
--       changes the run's control or when it was active: control, deadlines, runs that were only steered last
-- ARGV: incarnation, births, version before, deadline, version after ('' to store nothing), state after, run, notice's channel,
--       version and node, notice's text, number of segments, not before, dated at least, number of marks, number of dropped marks,
--       then per segment: id, epoch and first seq, body; per mark: producer, value; per dropped mark: producer;
--       with the further keys: the deadline ('' as it is, '<' and a time to bring it forward, '=' and a time to set it, '=' to
--       remove it), when the run was active last ('' now), the ids of segments that hold control events
-- Returns: 'stored' | 'late' | 'stale', now; or 'changed', now, version, state, at, created, marks as a JSON object
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[4]) or now < tonumber(ARGV[12]) then return {'late', now} end

local store = redis.call('HMGET', KEYS[1], 'incarnation', 'births')
if store[1] ~= ARGV[1] or store[2] ~= ARGV[2] then return {'stale', now} end

local head = redis.call('HMGET', KEYS[2], 'version', 'state', 'at', 'created')
if (head[1] or '') ~= ARGV[3] then
  local marks = {}
  local stored = redis.call('HGETALL', KEYS[4])
  for i = 1, #stored, 2 do marks[stored[i]] = stored[i + 1] end
  local listed = next(marks) and cjson.encode(marks) or '{}'
  return {'changed', now, head[1] or '', head[2] or '', head[3] or '', head[4] or '', listed}
end
if ARGV[5] == '' then return {'stored', now} end

-- A run's time never goes back, whatever the server's clock does.
local at = string.format('%.0f', math.max(now, tonumber(head[3] or 0), tonumber(ARGV[13])))
local created = head[4] or at
local arg = 16
for _ = 1, tonumber(ARGV[11]) do
  -- Only the first write can be refused, for want of memory or of a disk: nothing has been written then.
  redis.call('XADD', KEYS[3], ARGV[arg], 'h', ARGV[arg + 1] .. ' ' .. at, 'b', ARGV[arg + 2])
  arg = arg + 3
end
for _ = 1, tonumber(ARGV[14]) do
  redis.call('HSET', KEYS[4], ARGV[arg], ARGV[arg + 1])
  arg = arg + 2
end
for _ = 1, tonumber(ARGV[15]) do
  redis.call('HDEL', KEYS[4], ARGV[arg])
  arg = arg + 1
end
local active = at
if #KEYS > 6 then
  local due = ARGV[arg]
  if due == '=' then
    redis.call('ZREM', KEYS[8], ARGV[7])
  elseif string.sub(due, 1, 1) == '<' then
    redis.call('ZADD', KEYS[8], 'LT', string.sub(due, 2), ARGV[7])
  elseif due ~= '' then
    redis.call('ZADD', KEYS[8], string.sub(due, 2), ARGV[7])
  end
  if ARGV[arg + 1] ~= '' then active = ARGV[arg + 1] end
  if active == at then
    redis.call('ZREM', KEYS[9], ARGV[7])
  else
    redis.call('ZADD', KEYS[9], at, ARGV[7])
  end
  for i = arg + 2, #ARGV do redis.call('ZADD', KEYS[7], ARGV[i], ARGV[i]) end
end
redis.call('HSET', KEYS[2], 'version', ARGV[5], 'state', ARGV[6], 'at', at, 'created', created)
if KEYS[5] ~= KEYS[6] then redis.call('ZREM', KEYS[5], ARGV[7]) end
redis.call('ZADD', KEYS[6], active, ARGV[7])
-- A notice that may not ring is no reason to deny what is stored.
redis.pcall('PUBLISH', ARGV[8], ARGV[9] .. ' ' .. at .. ' ' .. created .. ' ' .. ARGV[10])
return {'stored', now, at, created}
