-- What the nodes that live say, and how many viewers each of them has for some runs.
-- KEYS[1]  the set of nodes
-- ARGV[1]  begins the keys of a node
-- ARGV[2..]  runs
-- Returns per node: its id, its figures, and its viewers per run (nil for none).
local seen = {}
for _, node in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    local figures = redis.call('GET', ARGV[1] .. node)
    if figures then
        local viewers = {}
        if #ARGV > 1 then
            viewers = redis.call('HMGET', ARGV[1] .. node .. ':runs', unpack(ARGV, 2))
        end
        seen[#seen + 1] = {node, figures, viewers}
    else
        -- Its time is up. A server that can't write now is asked again.
        redis.pcall('SREM', KEYS[1], node)
    end
end
return seen
