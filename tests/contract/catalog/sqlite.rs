//! What is SQLite's alone of a catalog. What all catalogs share: `runs.rs`.

use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use runcast::storage::catalog::{Catalog as _, RunFilter, RunRow};
use sqlx::{ConnectOptions as _, Connection as _};

#[tokio::test]
async fn a_catalog_in_memory_works_like_a_file_until_it_is_closed() {
    let catalog = SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap();
    let row = RunRow {
        run: runcast::protocol::RunId::parse("r").unwrap(),
        status: None,
        tip: 1,
        created_at: Default::default(),
        last_at: Default::default(),
    };
    catalog.record(std::slice::from_ref(&row)).await.unwrap();
    let all = RunFilter { limit: 9, ..RunFilter::default() };
    assert_eq!(catalog.list(&all).await.unwrap()[0].row, row);
    catalog.probe().await.unwrap();
    catalog.close().await;
    assert!(catalog.probe().await.is_err());
}

/// A file that an earlier version made opens only as long as its migrations have the content that they had.
#[tokio::test]
async fn the_migrations_that_files_were_made_with_are_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.db");
    let catalog = SqliteCatalog::open(&CatalogUrl::Sqlite(path.clone())).await.unwrap();
    catalog.close().await;
    let mut file = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let sql = "SELECT version, description, lower(hex(checksum)) FROM _sqlx_migrations ORDER BY version";
    let applied: Vec<(i64, String, String)> = sqlx::query_as(sql).fetch_all(&mut file).await.unwrap();
    file.close().await.unwrap();
    let made = [
        (1, "runs", "fbe782866df325c8590cc7ab698f2de0ceda18d7325de7e9a1d809d7f409205f973129488ed32f184ea1a949c6d8571a"),
        (
            2,
            "artifacts",
            "aec10b86282180b726e55fcc29cacba53e1286c9c025eac7b01f562cfc49e33930afa22b83f0c002a24feb7d26dbea6a",
        ),
        (
            3,
            "repeats",
            "3f11462f248f80c75db87a275fac3cae8b22d265c7dbcea0d9e5a2fd527d9dbe44006f5f2c1347876fb796e47fbc46c4",
        ),
        (
            4,
            "packages",
            "3ede11a008136de4a1e1f2147092f1c0daef091f0e0916ef9b1e4c90192b5177b3fc499e24573987ba24466d549702f0",
        ),
        (
            5,
            "summaries",
            "b7197547494622da1d6bdf3336c4690d5323c58da340fb643d9802141f66bfdebce223a73787e14d37a69cab08a7bc69",
        ),
        (
            6,
            "access",
            "2b37995a00549923311f620040fc969e8578a5b98328c5e69622450fe53aafe2da8c4a264c96c4d417b6613ceddbb109",
        ),
    ];
    assert_eq!(applied, made.map(|(version, name, checksum)| (version, name.to_owned(), checksum.to_owned())));
}

#[test]
fn a_url_names_memory_or_a_file() {
    assert_eq!(CatalogUrl::parse("memory:"), Some(CatalogUrl::Memory));
    assert_eq!(CatalogUrl::parse("sqlite:/x/y.db"), Some(CatalogUrl::Sqlite("/x/y.db".into())));
    for bad in ["", "sqlite:", "memory", "postgres://x"] {
        assert_eq!(CatalogUrl::parse(bad), None, "{bad}");
    }
}
