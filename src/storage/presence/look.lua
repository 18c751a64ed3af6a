-- What the nodes that live say, how many viewers each of them has for some runs, and what these look at.
-- KEYS[1]  the set of nodes
-- ARGV[1]  begins the keys of a node
-- ARGV[2..]  runs
-- Returns per node: its id, its figures, its viewers per run, and their interest (nil for none).
local seen = {}
for _, node in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    local figures = redis.call('GET', ARGV[1] .. node)
    if figures then
        local viewers, interest = {}, {}
        if #ARGV > 1 then
            viewers = redis.call('HMGET', ARGV[1] .. node .. ':runs', unpack(ARGV, 2))
            interest = redis.call('HMGET', ARGV[1] .. node .. ':interest', unpack(ARGV, 2))
        end
        seen[#seen + 1] = {node, figures, viewers, interest}
    else
        -- Its time is up. A server that can't write now is asked again.
        redis.pcall('SREM', KEYS[1], node)
    end
end
return seen
