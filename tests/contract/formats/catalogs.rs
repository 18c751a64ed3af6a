//! Both catalogs: their format version is their last migration.

use runcast::protocol::RunId;
use runcast::storage::catalog::postgres::PostgresCatalog;
use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use runcast::storage::catalog::{Catalog, RunFilter, RunRow};
use runcast::storage::format::OpenError;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};

use crate::catalog::backend::without_summaries;
use crate::support::{PASSWORD, Postgres};

fn row() -> RunRow {
    let run = RunId::parse("r").unwrap();
    RunRow { run, status: None, tip: 1, created_at: Default::default(), last_at: Default::default() }
}

async fn holds_its_row(catalog: &dyn Catalog) {
    assert_eq!(catalog.list(&RunFilter { limit: 9, ..RunFilter::default() }).await.unwrap()[0].row, row());
    catalog.close().await;
}

#[tokio::test]
async fn a_catalog_in_a_file_opens_unless_a_newer_build_has_changed_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let open = || async { SqliteCatalog::open(&CatalogUrl::Sqlite(path.clone())).await };
    let file = || async { SqliteConnection::connect(path.to_str().unwrap()).await.unwrap() };
    assert_eq!(SqliteCatalog::stored_format(&path).await, Ok(None));
    let catalog = open().await.unwrap();
    catalog.record(&[row()]).await.unwrap();
    catalog.close().await;
    assert_eq!(SqliteCatalog::stored_format(&path).await, Ok(Some(6)));

    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (7, 'later', true, x'00', 0)";
    file().await.execute(newer).await.unwrap();
    let refused = open().await.unwrap_err();
    assert!(matches!(&refused, OpenError::NewerFormat(newer) if (&*newer.found, newer.known) == ("7", 6)), "{refused}");
    assert!(refused.to_string().starts_with(&format!("the catalog {}", path.display())), "{refused}");
    assert!(SqliteCatalog::stored_format(&path).await.is_err());
    file().await.execute("DELETE FROM _sqlx_migrations WHERE version = 7").await.unwrap();
    holds_its_row(&open().await.unwrap()).await;

    let older = "DELETE FROM _sqlx_migrations WHERE version > 2; DROP TABLE runcast_packages; \
                 DROP INDEX runcast_artifacts_same; DROP INDEX runcast_artifacts_by_idempotency_key; \
                 ALTER TABLE runcast_artifacts DROP COLUMN idempotency_key; \
                 ALTER TABLE runcast_artifacts DROP COLUMN decoded_size";
    let older = format!("{} {older}", without_summaries("runs"));
    file().await.execute(AssertSqlSafe(older)).await.unwrap();
    assert_eq!(SqliteCatalog::stored_format(&path).await, Ok(Some(2)));
    holds_its_row(&open().await.unwrap()).await;
    assert_eq!(SqliteCatalog::stored_format(&path).await, Ok(Some(6)));
}

#[tokio::test]
async fn a_catalog_in_postgresql_opens_unless_a_newer_build_has_changed_it() {
    let url = Postgres::shared().await.database().await;
    let mut owner = PgConnection::connect(&url).await.unwrap();
    let found = PostgresCatalog::inspect(&url).await.unwrap();
    assert_eq!((found.format, found.obstacle), (0, None), "it has no tables");
    let catalog = PostgresCatalog::open(&url, "here").await.unwrap();
    catalog.record(&[row()]).await.unwrap();
    catalog.close().await;
    assert_eq!(PostgresCatalog::inspect(&url).await.unwrap().format, 6);

    let newer = "INSERT INTO _runcast_migrations (version, description, success, checksum, execution_time) \
                 VALUES (7, 'later', true, '\\x00', 0)";
    owner.execute(newer).await.unwrap();
    let refused = PostgresCatalog::open(&url, "here").await.unwrap_err();
    assert!(matches!(&refused, OpenError::NewerFormat(newer) if (&*newer.found, newer.known) == ("7", 6)), "{refused}");
    let told = refused.to_string();
    assert!(told.starts_with("the catalog in PostgreSQL at 127.0.0.1:") && !told.contains(PASSWORD), "{told}");
    assert_eq!(PostgresCatalog::inspect(&url).await.unwrap().obstacle, Some(told));
    owner.execute("DELETE FROM _runcast_migrations WHERE version = 7").await.unwrap();
    holds_its_row(&PostgresCatalog::open(&url, "here").await.unwrap()).await;

    let older = "DELETE FROM _runcast_migrations WHERE version > 2; DROP TABLE runcast_packages; \
                 ALTER TABLE runcast_artifacts DROP COLUMN idempotency_key, DROP COLUMN decoded_size; \
                 DROP INDEX runcast_artifacts_same";
    let older = format!("{} {older}", without_summaries("runcast_runs"));
    owner.execute(AssertSqlSafe(older)).await.unwrap();
    assert_eq!(PostgresCatalog::inspect(&url).await.unwrap().format, 2);
    holds_its_row(&PostgresCatalog::open(&url, "here").await.unwrap()).await;
    assert_eq!(PostgresCatalog::inspect(&url).await.unwrap().format, 6);
}
