CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    status TEXT,
    tip INTEGER NOT NULL,
    created_at INTEGER NOT NULL, -- milliseconds since 1970, as all times here
    last_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX runs_by_last_at ON runs (last_at, run_id);
CREATE INDEX runs_by_status ON runs (status, last_at, run_id);
