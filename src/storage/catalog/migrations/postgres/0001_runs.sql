-- The database may be shared with others: every name says whose it is.
CREATE TABLE runcast_runs (
    run_id TEXT COLLATE "C" PRIMARY KEY, -- in the order of bytes, whatever the database's language
    status TEXT,
    tip BIGINT NOT NULL,
    created_at BIGINT NOT NULL, -- milliseconds since 1970, as all times here
    last_at BIGINT NOT NULL,
    home TEXT NOT NULL -- the store that has its log
);
CREATE INDEX runcast_runs_by_last_at ON runcast_runs (last_at, run_id);
CREATE INDEX runcast_runs_by_status ON runcast_runs (status, last_at, run_id);
