-- Adds segments to the log of a run that is being moved, under keys that nobody reads and that expire.
--
-- KEYS: staged log, staged control.  ARGV: milliseconds until they expire, then per segment: id, epoch first at, whether it
-- holds control events ('1' or ''), body
-- Returns: segments that are staged
for i = 2, #ARGV, 4 do
  redis.call('XADD', KEYS[1], ARGV[i], 'h', ARGV[i + 1], 'b', ARGV[i + 3])
  if ARGV[i + 2] == '1' then redis.call('ZADD', KEYS[2], ARGV[i], ARGV[i]) end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end
return redis.call('XLEN', KEYS[1])
