# The words that blocks.toml uses, in front of every block. $RUNCAST_URL is where its server listens; $OUT is a directory
# for what is said by commands that go on until Ctrl-C.

# Starts a command that goes on until Ctrl-C, and waits until it has said something. It is ended with the block.
endless() {
    local said
    said=$(mktemp "$OUT/XXXXXX")
    "$@" >"$said" 2>"$said.err" &
    until [ -s "$said" ]; do
        kill -0 $! || { cat "$said.err" >&2; return 1; }
        sleep 0.05
    done 2>/dev/null
}

# The same with a server, which takes the place of the one before it.
serving() {
    stop
    endless "$@"
    server=$!
}

stop() {
    if [ -n "${server-}" ]; then
        kill "$server"
        wait "$server" || true
        server=
    fi
}

# Goes on once what follows is so.
until_so() {
    until "$@"; do sleep 0.05; done >/dev/null 2>&1
}

# Posts to a run what comes in.
post() {
    curl -sS "$RUNCAST_URL/api/runs/$1/events" -H 'content-type: application/x-ndjson' --data-binary @-
}

# A run with a worker and a question that is open.
asking() {
    post "$1" <<'END'
{"type":"worker","state":"joined","can":["pause"]}
{"type":"ai_stuck","askId":"q1","needs":"choice","message":"Which?","candidates":[{"id":"a","label":"A"}]}
END
}

# A server with a run that has passed.
story() {
    serving runcast
    runcast publish my-run demo/passed.ndjson
    post my-run <<<'{"type":"log","text":"Timeout exceeded: cannot pay"}'
}

# The demo begins with a run of some time ago.
demo_goes_on() {
    test "$(runcast runs --json | jq -r .status | sort | tr '\n' ' ')" = 'passed running '
}

trap 'jobs -p | xargs -r kill 2>/dev/null || true; wait' EXIT
