-- What the list shows of a run and finds it by. The names are those of PostgreSQL's columns: the same statements serve both.
ALTER TABLE runs ADD COLUMN word TEXT; -- NULL: nothing is known of this run yet
ALTER TABLE runs ADD COLUMN run_group TEXT;
ALTER TABLE runs ADD COLUMN project TEXT;
ALTER TABLE runs ADD COLUMN branch TEXT;
ALTER TABLE runs ADD COLUMN commit_id TEXT;
ALTER TABLE runs ADD COLUMN number BIGINT;
ALTER TABLE runs ADD COLUMN ended_at BIGINT;
ALTER TABLE runs ADD COLUMN labels TEXT; -- each between two line ends
ALTER TABLE runs ADD COLUMN words TEXT; -- what it is searched by, in lower case
ALTER TABLE runs ADD COLUMN summary TEXT; -- the members that the list adds, as a JSON object
ALTER TABLE runs ADD COLUMN summary_tip BIGINT NOT NULL DEFAULT 0; -- the last event in it
ALTER TABLE runs ADD COLUMN written_at BIGINT NOT NULL DEFAULT 0; -- by the database's clock
ALTER TABLE runs ADD COLUMN results BIGINT NOT NULL DEFAULT 0; -- 1: its tests may be in the history
-- Everything that runs are found by, so that rows are read only of those that are found. PostgreSQL reads its rows as fast.
DROP INDEX runs_by_last_at;
CREATE INDEX runs_to_search ON runs
    (last_at, run_id, created_at, status, word, run_group, project, branch, labels, words);
CREATE INDEX runs_by_group ON runs (run_group, last_at, run_id, created_at);
CREATE INDEX runs_by_project ON runs (project, last_at, run_id, run_group, created_at);
CREATE INDEX runs_by_branch ON runs (project, branch, created_at);
CREATE INDEX runs_by_written_at ON runs (written_at);
CREATE INDEX runs_behind ON runs (last_at) WHERE summary_tip < tip;
CREATE INDEX runs_with_results ON runs (last_at) WHERE results > 0;

-- How the tests of the runs have ended.
CREATE TABLE runcast_results (
    run_id TEXT NOT NULL,
    variant TEXT NOT NULL, -- empty: none
    test_id TEXT NOT NULL,
    project TEXT NOT NULL, -- of the run
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
) WITHOUT ROWID;
CREATE INDEX runcast_results_of_test ON runcast_results (project, test_id, variant, at, run_id);
