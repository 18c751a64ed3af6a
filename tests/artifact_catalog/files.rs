//! What stays when a catalog is closed, and what becomes of one that an earlier version made.

use runcast::protocol::ArtifactState;
use runcast::storage::catalog::artifacts::{DueFor, Kept};
use runcast::storage::catalog::{Catalog, RunFilter};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::fixture::{Place, at, contract, id, pending, pin, put_all, query, ready, run, state};

contract! { in sqlite postgres: {
    everything_stays_when_a_catalog_is_opened_again
    a_catalog_of_an_earlier_version_keeps_its_runs_and_takes_artifacts
} }

async fn everything_stays_when_a_catalog_is_opened_again(place: Place) {
    let catalog = place.open().await;
    put_all(&*catalog, [1, 2]).await;
    catalog.announce(&pending(3), 9).await.unwrap();
    catalog.note_upload(id(3), "upload").await.unwrap();
    catalog.remove(&run("r"), id(2), at(5)).await.unwrap();
    catalog.put_off(id(2), at(7)).await.unwrap();
    catalog.pin(&run("r"), &pin(None)).await.unwrap();
    catalog.note("n", "text").await.unwrap();
    assert!(catalog.lease("l", "a", at(0), at(9)).await.unwrap());
    Catalog::close(&*catalog).await;

    let catalog = place.open().await;
    let kept = Kept { artifact: ready(1), pin: Some(pin(None)) };
    assert_eq!(catalog.find(&run("r"), id(1)).await.unwrap(), Some(kept));
    let removed = catalog.due(&query(DueFor::Removed, 7, 0)).await.unwrap();
    assert_eq!(removed.iter().map(|due| (due.artifact.id, due.failures)).collect::<Vec<_>>(), [(id(2), 1)]);
    let abandoned = catalog.due(&query(DueFor::Abandoned, 7, 9)).await.unwrap();
    assert_eq!(abandoned[0].upload.as_deref(), Some("upload"));
    assert_eq!(catalog.noted("n").await.unwrap().as_deref(), Some("text"));
    assert!(!catalog.lease("l", "b", at(8), at(9)).await.unwrap());
}

/// Takes a catalog back to what the first version made of it, with a run in it.
async fn take_back(place: &Place) {
    let drop = "DROP TABLE runcast_artifacts; DROP TABLE runcast_pins; DROP TABLE runcast_leases; \
                DROP TABLE runcast_notes";
    match place {
        Place::Memory(_) => panic!("nobody opens it again"),
        Place::Sqlite(directory) => {
            let url = format!("sqlite:{}", directory.path().join("c.db").display());
            let mut file = SqliteConnection::connect(&url).await.unwrap();
            let rest = "DELETE FROM _sqlx_migrations WHERE version > 1; \
                        INSERT INTO runs (run_id, tip, created_at, last_at) VALUES ('old', 3, 1, 2)";
            file.execute(AssertSqlSafe(format!("{drop}; {rest}"))).await.unwrap();
            file.close().await.unwrap();
        }
        Place::Postgres(url) => {
            let mut session = PgConnection::connect(url).await.unwrap();
            let rest = "DELETE FROM _runcast_migrations WHERE version > 1; INSERT INTO runcast_runs \
                        (run_id, tip, created_at, last_at, home) VALUES ('old', 3, 1, 2, 'here')";
            session.execute(AssertSqlSafe(format!("{drop}; {rest}"))).await.unwrap();
        }
    }
}

async fn a_catalog_of_an_earlier_version_keeps_its_runs_and_takes_artifacts(place: Place) {
    Catalog::close(&*place.open().await).await;
    take_back(&place).await;
    let catalog = place.open().await;
    let runs = catalog.list(&RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap();
    assert_eq!(runs.iter().map(|row| (row.run.as_str(), row.tip)).collect::<Vec<_>>(), [("old", 3)]);
    put_all(&*catalog, [1]).await;
    Catalog::close(&*catalog).await;
    assert_eq!(state(&*place.open().await, 1).await, Some(ArtifactState::Ready));
}
