-- What the list shows of a run and finds it by. The names are those of SQLite's columns: the same statements serve both.
ALTER TABLE runcast_runs ADD COLUMN word TEXT; -- NULL: nothing is known of this run yet
ALTER TABLE runcast_runs ADD COLUMN run_group TEXT COLLATE "C";
ALTER TABLE runcast_runs ADD COLUMN project TEXT COLLATE "C";
ALTER TABLE runcast_runs ADD COLUMN branch TEXT COLLATE "C";
ALTER TABLE runcast_runs ADD COLUMN commit_id TEXT;
ALTER TABLE runcast_runs ADD COLUMN number BIGINT;
ALTER TABLE runcast_runs ADD COLUMN ended_at BIGINT;
ALTER TABLE runcast_runs ADD COLUMN labels TEXT; -- each between two line ends
ALTER TABLE runcast_runs ADD COLUMN words TEXT; -- what it is searched by, in lower case
ALTER TABLE runcast_runs ADD COLUMN summary TEXT; -- the members that the list adds, as a JSON object
ALTER TABLE runcast_runs ADD COLUMN summary_tip BIGINT NOT NULL DEFAULT 0; -- the last event in it
ALTER TABLE runcast_runs ADD COLUMN written_at BIGINT NOT NULL DEFAULT 0; -- by the database's clock
ALTER TABLE runcast_runs ADD COLUMN results BIGINT NOT NULL DEFAULT 0; -- 1: its tests may be in the history
CREATE INDEX runcast_runs_by_group ON runcast_runs (run_group, last_at, run_id, created_at);
CREATE INDEX runcast_runs_by_project ON runcast_runs (project, last_at, run_id, run_group, created_at);
CREATE INDEX runcast_runs_by_branch ON runcast_runs (project, branch, created_at);
CREATE INDEX runcast_runs_by_written_at ON runcast_runs (written_at);
CREATE INDEX runcast_runs_behind ON runcast_runs (last_at) WHERE summary_tip < tip;
CREATE INDEX runcast_runs_with_results ON runcast_runs (last_at) WHERE results > 0;

-- How the tests of the runs have ended.
CREATE TABLE runcast_results (
    run_id TEXT COLLATE "C" NOT NULL,
    variant TEXT COLLATE "C" NOT NULL, -- empty: none
    test_id TEXT COLLATE "C" NOT NULL,
    project TEXT COLLATE "C" NOT NULL, -- of the run
    at BIGINT NOT NULL, -- when the run began
    tip BIGINT NOT NULL, -- the run's last event when this was written
    outcome TEXT NOT NULL,
    status TEXT NOT NULL,
    duration_ms BIGINT,
    attempts BIGINT NOT NULL,
    title TEXT,
    test_project TEXT, -- of the test runner: a browser, for instance
    error TEXT,
    location TEXT,
    PRIMARY KEY (run_id, test_id, variant)
);
CREATE INDEX runcast_results_of_test ON runcast_results (project, test_id, variant, at, run_id);
