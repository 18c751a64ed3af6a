-- What the journal knows about itself: its epochs, and how its last life ended (sqlite/life.rs).
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    number INTEGER PRIMARY KEY,  -- the run's short name in keys
    run TEXT NOT NULL UNIQUE,
    phase INTEGER NOT NULL,      -- 0 live, 1 sealed, 2 expiring (events still to be removed), 3 gone (a tombstone)
    ended INTEGER NOT NULL,      -- 1: expiry may take it once it is old enough
    status TEXT,
    tip INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL, -- milliseconds since 1970, as all times here
    last_at INTEGER NOT NULL,
    gone_at INTEGER
);
CREATE INDEX runs_by_last_at ON runs (phase, last_at);
CREATE INDEX ended_runs ON runs (last_at) WHERE ended = 1;
CREATE INDEX tombstones ON runs (gone_at) WHERE phase = 3;

CREATE TABLE segments (
    key INTEGER PRIMARY KEY,     -- run number << 32 | last seq: what follows N is one range
    first INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL           -- the events, a line each
);

CREATE TABLE producers (
    run INTEGER NOT NULL,
    producer TEXT NOT NULL,
    high INTEGER NOT NULL,       -- highest number stored
    last_seq INTEGER NOT NULL,   -- the run's tip when it rose: orders them by use
    PRIMARY KEY (run, producer)
) WITHOUT ROWID;

CREATE TABLE lineage (
    run INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
