-- Control: where a run's control events are, when it is due, and how its producers stand.
ALTER TABLE runs ADD COLUMN active_at INTEGER NOT NULL DEFAULT 0;     -- last event that did not only steer
ALTER TABLE runs ADD COLUMN control_epoch INTEGER;                    -- the last control event; NULL: there is none
ALTER TABLE runs ADD COLUMN control_seq INTEGER;
ALTER TABLE runs ADD COLUMN control_bytes INTEGER NOT NULL DEFAULT 0; -- of bytes, those that max_run_bytes does not bound
ALTER TABLE runs ADD COLUMN steered INTEGER NOT NULL DEFAULT 0;       -- 1: it was ever steered, or could be
ALTER TABLE runs ADD COLUMN due INTEGER;                              -- its earliest deadline
UPDATE runs SET active_at = last_at;

-- Most runs have one time, and an append moves them in one index.
DROP INDEX runs_by_last_at;
DROP INDEX ended_runs;
CREATE INDEX runs_by_active_at ON runs (phase, active_at);
CREATE INDEX steered_runs_by_last_at ON runs (phase, last_at) WHERE last_at > active_at;
CREATE INDEX ended_runs ON runs (active_at) WHERE ended = 1;
CREATE INDEX runs_by_due ON runs (due) WHERE due IS NOT NULL;

-- The segments that hold control events. A table, because an index would have to read all events that are there.
CREATE TABLE control_segments (
    key INTEGER PRIMARY KEY -- as in segments
);

ALTER TABLE producers ADD COLUMN state TEXT; -- JSON: how it stands in the run; NULL unless it has joined once
