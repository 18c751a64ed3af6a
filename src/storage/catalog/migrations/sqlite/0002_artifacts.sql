-- The names, columns and indexes are those of PostgreSQL's tables: the same statements serve both.
CREATE TABLE runcast_artifacts (
    id TEXT PRIMARY KEY, -- grows with time
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    content_type TEXT NOT NULL,
    test TEXT,
    state TEXT NOT NULL, -- pending, ready, failed or deleted
    key TEXT NOT NULL,
    direct BOOLEAN NOT NULL,
    size BIGINT,
    sha256 TEXT,
    stored_size BIGINT, -- this and the next three: what the store has, once it is ready
    stored_sha256 TEXT,
    coding TEXT,
    method TEXT,
    failure TEXT,
    created_at BIGINT NOT NULL,
    upload TEXT, -- the store's name of an upload in parts
    compress_at BIGINT, -- not NULL: it waits to be compressed
    claims BIGINT NOT NULL DEFAULT 0, -- how often somebody took it to compress it
    former_key TEXT, -- the object that a smaller one replaced, until it is gone
    former_until BIGINT,
    deleted_at BIGINT,
    gone_at BIGINT, -- when its object was gone
    failures BIGINT NOT NULL DEFAULT 0, -- of its removal
    retry_at BIGINT, -- when its removal is tried again
    seen_at BIGINT -- the last audit that met its object
);
CREATE INDEX runcast_artifacts_of_run ON runcast_artifacts (run_id, id) WHERE state <> 'deleted';
CREATE INDEX runcast_artifacts_by_key ON runcast_artifacts (key);
CREATE INDEX runcast_artifacts_by_former_key ON runcast_artifacts (former_key) WHERE former_key IS NOT NULL;
CREATE INDEX runcast_artifacts_to_compress ON runcast_artifacts (compress_at, id) WHERE compress_at IS NOT NULL;
-- What is due, each in the order in which it is asked for.
-- The columns behind the id are there so that what is ready can be summed, and what is due be counted, in the index alone.
CREATE INDEX runcast_artifacts_ready ON runcast_artifacts
    (kind, created_at, id, run_id, retry_at, size, stored_size) WHERE state = 'ready';
CREATE INDEX runcast_artifacts_pending ON runcast_artifacts (created_at, id) WHERE state = 'pending';
CREATE INDEX runcast_artifacts_failed ON runcast_artifacts (created_at, id) WHERE state = 'failed';
CREATE INDEX runcast_artifacts_removed ON runcast_artifacts (created_at, id) WHERE state = 'deleted' AND gone_at IS NULL;
CREATE INDEX runcast_artifacts_replaced ON runcast_artifacts (created_at, id) WHERE former_key IS NOT NULL;
CREATE INDEX runcast_artifacts_gone ON runcast_artifacts (gone_at, id) WHERE gone_at IS NOT NULL;

CREATE TABLE runcast_pins (
    run_id TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    until BIGINT, -- NULL: until somebody takes it away
    since BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runcast_leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runcast_notes (
    name TEXT PRIMARY KEY,
    content TEXT NOT NULL
) WITHOUT ROWID;
