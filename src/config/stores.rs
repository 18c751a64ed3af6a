//! URLs of the stores: `journal.url` and `catalog.url`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Parameters that a PostgreSQL URL may have, besides `options[..]`. sqlx would log and ignore any other, for example a
/// misspelt `sslmode`.
const POSTGRES_PARAMETERS: [&str; 13] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Values of `sslmode` (PostgreSQL manual, 34.19.3).
const SSL_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// `journal.url`: the store of the runs' logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum JournalUrl {
    /// `memory:`: the memory of this process; lost when it ends.
    Memory,
    /// `sqlite:PATH`: a file; a relative path starts at `server.data_dir`.
    Sqlite(PathBuf),
    /// `redis:`: the Redis of the section `redis`, shared by all nodes.
    Redis,
}

/// `catalog.url`: the store of the list of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CatalogSetting {
    /// `memory:`: the memory of this process; lost when it ends.
    Memory,
    /// `sqlite:PATH`: a file; a relative path starts at `server.data_dir`.
    Sqlite(PathBuf),
    /// `postgres://..` or `postgresql://..`. The whole URL is a secret, because it may hold a password.
    Postgres(Secret),
}

/// Why a store's URL can't be used. The message does not show the URL, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// `sqlite:` is followed by something that is not a path.
    #[error("sqlite: needs the path of a file and nothing else, for instance sqlite:journal.db")]
    Path,
    /// The path is SQLite's own name for a store in memory.
    #[error("a store in memory is written memory:")]
    SqliteMemory,
    /// `redis:` is followed by an address, which belongs to `redis.url`.
    #[error("a journal in Redis is written redis: and nothing else; the address belongs to redis.url")]
    RedisAddress,
    /// The URL does not have PostgreSQL's form.
    #[error(
        "must be like postgres://USER:PASSWORD@HOST:PORT/DATABASE; characters like # / ? @ in a password are written \
         %23 %2F %3F %40"
    )]
    PostgresForm,
    /// A parameter after the `?` is not supported.
    #[error("has a parameter behind the ? that is none of {}", POSTGRES_PARAMETERS.join(", "))]
    PostgresParameter,
    /// `sslmode` has an unknown value.
    #[error("sslmode must be one of {}", SSL_MODES.join(", "))]
    PostgresSslMode,
    /// The URL has none of the forms of `journal.url`.
    #[error("must be sqlite:PATH, memory: or redis:")]
    Journal,
    /// The URL has none of the forms of `catalog.url`.
    #[error("must be sqlite:PATH, memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Catalog,
}

/// Parses the text after `sqlite:`.
fn sqlite_path(rest: &str) -> Result<PathBuf, StoreUrlError> {
    if rest == ":memory:" {
        return Err(StoreUrlError::SqliteMemory);
    }
    // `sqlite:///a` and `sqlite://a` are common forms with an empty authority.
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains(['?', '#']) { Err(StoreUrlError::Path) } else { Ok(path.into()) }
}

fn check_postgres(url: &str) -> Result<(), StoreUrlError> {
    // reqwest re-exports `Url` of the url crate.
    let parsed = reqwest::Url::parse(url).map_err(|_| StoreUrlError::PostgresForm)?;
    if !url[parsed.scheme().len()..].starts_with("://") || parsed.fragment().is_some() {
        return Err(StoreUrlError::PostgresForm);
    }
    for (key, value) in parsed.query_pairs() {
        if !POSTGRES_PARAMETERS.contains(&&*key) && !key.starts_with("options[") {
            return Err(StoreUrlError::PostgresParameter);
        }
        if key == "sslmode" && !SSL_MODES.contains(&&*value) {
            return Err(StoreUrlError::PostgresSslMode);
        }
    }
    Ok(())
}

impl TryFrom<String> for JournalUrl {
    type Error = StoreUrlError;

    fn try_from(url: String) -> Result<Self, StoreUrlError> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", rest)) => sqlite_path(rest).map(Self::Sqlite),
            Some(("redis", "")) => Ok(Self::Redis),
            Some(("redis" | "rediss", _)) => Err(StoreUrlError::RedisAddress),
            _ => Err(StoreUrlError::Journal),
        }
    }
}

impl TryFrom<String> for CatalogSetting {
    type Error = StoreUrlError;

    fn try_from(url: String) -> Result<Self, StoreUrlError> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", rest)) => sqlite_path(rest).map(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => {
                check_postgres(&url)?;
                Ok(Self::Postgres(Secret::new(url)))
            }
            _ => Err(StoreUrlError::Catalog),
        }
    }
}

impl From<JournalUrl> for String {
    fn from(url: JournalUrl) -> Self {
        match url {
            JournalUrl::Memory => "memory:".into(),
            JournalUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            JournalUrl::Redis => "redis:".into(),
        }
    }
}

impl From<CatalogSetting> for String {
    fn from(url: CatalogSetting) -> Self {
        match url {
            CatalogSetting::Memory => "memory:".into(),
            CatalogSetting::Sqlite(path) => format!("sqlite:{}", path.display()),
            CatalogSetting::Postgres(url) => url.reveal().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(url: &str) -> Result<JournalUrl, StoreUrlError> {
        url.to_owned().try_into()
    }

    fn catalog(url: &str) -> Result<CatalogSetting, StoreUrlError> {
        url.to_owned().try_into()
    }

    #[test]
    fn both_stores_can_be_in_memory_or_in_a_file() {
        let sqlite = |path: &str| (Ok(JournalUrl::Sqlite(path.into())), Ok(CatalogSetting::Sqlite(path.into())));
        let both = |url: &str| (journal(url), catalog(url));
        assert_eq!(both("memory:"), (Ok(JournalUrl::Memory), Ok(CatalogSetting::Memory)));
        assert_eq!(both("sqlite:store.db"), sqlite("store.db"));
        assert_eq!(both("sqlite:///var/s.db"), sqlite("/var/s.db"));
        assert_eq!(both("sqlite://s.db"), sqlite("s.db"));
        for (url, error) in [
            ("sqlite:", StoreUrlError::Path),
            ("sqlite:s.db?mode=rwc", StoreUrlError::Path),
            ("sqlite::memory:", StoreUrlError::SqliteMemory),
        ] {
            assert_eq!(both(url), (Err(error.clone()), Err(error)));
        }
        for url in ["store.db", "memory:x", "mysql://h/d", ""] {
            assert_eq!(both(url), (Err(StoreUrlError::Journal), Err(StoreUrlError::Catalog)));
        }
    }

    #[test]
    fn the_journal_alone_can_be_in_redis_whose_address_stands_elsewhere() {
        assert_eq!(journal("redis:"), Ok(JournalUrl::Redis));
        for url in ["redis://h", "rediss://:p@h", "rediss:"] {
            assert_eq!(journal(url), Err(StoreUrlError::RedisAddress));
        }
        assert_eq!(catalog("redis:"), Err(StoreUrlError::Catalog));
        assert_eq!(journal("postgres://h/d"), Err(StoreUrlError::Journal));
    }

    #[test]
    fn a_catalog_in_postgresql_keeps_its_url_secret() {
        for url in [
            "postgres://u:hunter2@h:5433/d?sslmode=verify-full&sslrootcert=/ca.pem",
            "postgresql://u@h/d?options[search_path]=runcast",
            "postgres:///d?host=/run/postgresql",
        ] {
            let read = catalog(url).unwrap();
            assert_eq!(read, CatalogSetting::Postgres(Secret::new(url)));
            assert_eq!(format!("{read:?}"), "Postgres((set))");
        }
    }

    #[test]
    fn what_is_wrong_with_a_postgresql_url_is_said_without_showing_it() {
        for (url, wanted) in [
            ("postgres:d", StoreUrlError::PostgresForm),
            ("postgres://u:hunter#2@h/d", StoreUrlError::PostgresForm),
            ("postgres://u:hunter/2@h/d", StoreUrlError::PostgresForm),
            ("postgres://u#hunter2@h/d", StoreUrlError::PostgresForm),
            ("postgres://u:2?hunter2@h/d", StoreUrlError::PostgresParameter),
            ("postgres://u:hunter2@h/d?sslmod=require", StoreUrlError::PostgresParameter),
            ("postgres://u:hunter2@h/d?sslmode=hunter2", StoreUrlError::PostgresSslMode),
        ] {
            let error = catalog(url).unwrap_err();
            assert_eq!(error, wanted, "{url}");
            assert!(!error.to_string().contains("hunter"), "{error}");
        }
    }
}
