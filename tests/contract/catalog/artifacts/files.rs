//! What stays when a catalog is closed, and what becomes of one that an earlier version made.

use runcast::protocol::ArtifactState;
use runcast::storage::catalog::artifacts::{ArtifactRow, DueFor, KeptArtifact, StoredForm};
use runcast::storage::catalog::{Catalog, RunFilter};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::catalog::artifacts::fixture::{
    Backend, at, contract, id, pending, pin, put_all, query, ready, row, run, state,
};
use crate::catalog::backend::without_summaries;

contract! { in sqlite postgres: {
    everything_stays_when_a_catalog_is_opened_again
    a_catalog_of_an_earlier_version_keeps_its_runs_and_takes_artifacts
    artifacts_that_an_earlier_version_kept_are_still_there
} }

async fn everything_stays_when_a_catalog_is_opened_again(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1, 2]).await;
    catalog.announce(&pending(3), 9).await.unwrap();
    catalog.note_upload(id(3), "upload").await.unwrap();
    catalog.remove(&run("r"), id(2), at(5)).await.unwrap();
    catalog.put_off(id(2), at(7)).await.unwrap();
    catalog.pin(&run("r"), &pin(None)).await.unwrap();
    catalog.note("n", "text").await.unwrap();
    assert!(catalog.lease("l", "a", at(0), at(9)).await.unwrap());
    Catalog::close(&*catalog).await;

    let catalog = backend.open().await;
    let kept = KeptArtifact { artifact: ready(1), pin: Some(pin(None)) };
    assert_eq!(catalog.find(&run("r"), id(1)).await.unwrap(), Some(kept));
    let removed = catalog.due(&query(DueFor::Removed, 7, 0)).await.unwrap();
    assert_eq!(removed.iter().map(|due| (due.artifact.id, due.failures)).collect::<Vec<_>>(), [(id(2), 1)]);
    let abandoned = catalog.due(&query(DueFor::Abandoned, 7, 9)).await.unwrap();
    assert_eq!(abandoned[0].upload.as_deref(), Some("upload"));
    assert_eq!(catalog.noted("n").await.unwrap().as_deref(), Some("text"));
    assert!(!catalog.lease("l", "b", at(8), at(9)).await.unwrap());
}

/// Does this to a catalog behind its back: what SQLite and what PostgreSQL are told.
async fn behind_its_back(backend: &Backend, sqlite: &str, postgres: &str) {
    match backend {
        Backend::Memory(_) => panic!("nobody opens it again"),
        Backend::Sqlite(directory) => {
            let url = format!("sqlite:{}", directory.path().join("c.db").display());
            let mut file = SqliteConnection::connect(&url).await.unwrap();
            file.execute(AssertSqlSafe(sqlite.to_owned())).await.unwrap();
            file.close().await.unwrap();
        }
        Backend::Postgres(url) => {
            let mut session = PgConnection::connect(url).await.unwrap();
            session.execute(AssertSqlSafe(postgres.to_owned())).await.unwrap();
        }
    }
}

/// Takes a catalog back to what the first version made of it, with a run in it.
async fn take_back(backend: &Backend) {
    let drop = "DROP TABLE runcast_artifacts; DROP TABLE runcast_pins; DROP TABLE runcast_leases; \
                DROP TABLE runcast_notes; DROP TABLE runcast_packages";
    let sqlite = "DELETE FROM _sqlx_migrations WHERE version > 1; \
                  INSERT INTO runs (run_id, tip, created_at, last_at) VALUES ('old', 3, 1, 2)";
    let postgres = "DELETE FROM _runcast_migrations WHERE version > 1; INSERT INTO runcast_runs \
                    (run_id, tip, created_at, last_at, home) VALUES ('old', 3, 1, 2, 'here')";
    let [older, newer] = ["runs", "runcast_runs"].map(without_summaries);
    behind_its_back(backend, &format!("{older}{drop}; {sqlite}"), &format!("{newer}{drop}; {postgres}")).await;
}

async fn artifacts_that_an_earlier_version_kept_are_still_there(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1]).await;
    Catalog::close(&*catalog).await;
    let drop = "DROP TABLE runcast_packages; DROP INDEX runcast_artifacts_by_idempotency_key; DROP INDEX runcast_artifacts_same; \
                ALTER TABLE runcast_artifacts DROP COLUMN idempotency_key; \
                ALTER TABLE runcast_artifacts DROP COLUMN decoded_size; DELETE FROM";
    let [sqlite, postgres] = [("_sqlx_migrations", "runs"), ("_runcast_migrations", "runcast_runs")]
        .map(|(of, runs)| format!("{}{drop} {of} WHERE version > 2", without_summaries(runs)));
    behind_its_back(&backend, &sqlite, &postgres).await;
    let catalog = backend.open().await;
    let kept = row(&*catalog, 1).await.unwrap();
    let stored =
        kept.stored.map(|stored| StoredForm { decoded: ready(1).stored.and_then(|stored| stored.decoded), ..stored });
    assert_eq!(kept.decoded_size(), None, "nobody has kept it");
    assert_eq!(ArtifactRow { stored, ..kept }, ready(1));
    put_all(&*catalog, [2]).await;
}

async fn a_catalog_of_an_earlier_version_keeps_its_runs_and_takes_artifacts(backend: Backend) {
    Catalog::close(&*backend.open().await).await;
    take_back(&backend).await;
    let catalog = backend.open().await;
    let runs = catalog.list(&RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap();
    assert_eq!(runs.iter().map(|row| (row.row.run.as_str(), row.row.tip)).collect::<Vec<_>>(), [("old", 3)]);
    put_all(&*catalog, [1]).await;
    Catalog::close(&*catalog).await;
    assert_eq!(state(&*backend.open().await, 1).await, Some(ArtifactState::Ready));
}
