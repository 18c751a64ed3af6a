//! An instance of the store lasts from open to close. At its start it finds out whether the previous instance may have
//! lost writes.
//!
//! There are two witnesses: the database's own `meta` table (boot id, sync mode, clean mark), and a small file beside
//! the database that names its last instance. An older copy that was put in the database's place has another name in
//! `meta`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use super::{SqliteOptions, SyncMode};
use crate::protocol::Epoch;
use crate::storage::journal::JournalError;
use crate::storage::journal::append_rules::Epochs;

/// The end of the witness file's name, behind the database's.
pub(super) const WITNESS: &str = "-instance";

/// Why writes of the last instance may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreDoubt {
    /// The machine stopped while the instance ran, and commits were not synced.
    PowerLost,
    /// The machine stopped while the instance ran, and commits were synced. The new epoch covers a copy that was taken
    /// while it ran, and a disk that lies about syncing. If nothing was lost it resets no reader.
    PowerLostSynced,
    /// Another instance was the last one here, so this database is an older copy.
    OtherCopy,
}

/// What the last instance left in `meta`.
#[derive(Debug)]
struct LastInstance {
    epochs: Epochs,
    boot_id: String,
    clean: bool,
    sync: SyncMode,
    instance: String,
}

impl LastInstance {
    /// Reads it from the rows of `meta`; `None` when the database is new.
    fn from_meta(meta: &HashMap<String, String>) -> Option<Self> {
        let epoch = |key: &str| meta.get(key).and_then(|text| Epoch::parse(text));
        let incarnation = epoch("incarnation")?;
        Some(Self {
            epochs: Epochs { incarnation, births: epoch("births")?.max(incarnation) },
            boot_id: meta.get("boot_id").cloned().unwrap_or_default(),
            clean: meta.get("clean").is_some_and(|text| text == "1"),
            sync: if meta.get("sync").is_some_and(|text| text == "full") { SyncMode::Full } else { SyncMode::Normal },
            instance: meta.get("instance").cloned().unwrap_or_default(),
        })
    }

    /// Judges the last instance. `boot_id` and `witness` are empty when unknown; two unknown boot ids do not count as
    /// equal.
    fn doubt(&self, boot_id: &str, witness: &str) -> Option<StoreDoubt> {
        let same_boot = !boot_id.is_empty() && self.boot_id == boot_id;
        if self.instance != witness {
            Some(StoreDoubt::OtherCopy)
        } else if self.clean || same_boot {
            None
        } else if self.sync == SyncMode::Normal {
            Some(StoreDoubt::PowerLost)
        } else {
            Some(StoreDoubt::PowerLostSynced)
        }
    }
}

/// Begins an instance: judges the last one and removes its clean mark durably (the connection must sync fully).
pub(super) async fn begin(connection: &mut SqliteConnection, options: &SqliteOptions) -> Result<Epochs, JournalError> {
    let boot_id = options.boot_id.clone().unwrap_or_else(boot_id);
    let witness_path = witness_path(&options.path, WITNESS);
    let next_path = witness_path.with_extension("new");
    let failed = |error| JournalError::Unavailable(format!("{}: {error}", witness_path.display()));
    let now = options.clock.now();
    let epochs = match LastInstance::from_meta(&read_meta(connection).await?) {
        None => Epochs::new(now),
        Some(past) => {
            let mut epochs = past.epochs;
            let witness = last_witness(&witness_path, &next_path, &past.instance);
            if let Some(doubt) = past.doubt(&boot_id, &witness) {
                epochs.bump(now);
                report(doubt, epochs.incarnation);
            }
            epochs
        }
    };
    let instance = uuid::Uuid::now_v7().to_string();
    let sync = if options.sync == SyncMode::Full { "full" } else { "normal" };
    let (incarnation, births) = (epochs.incarnation.to_string(), epochs.births.to_string());
    let meta = [
        ("incarnation", incarnation.as_str()),
        ("births", &births),
        ("boot_id", &boot_id),
        ("sync", sync),
        ("clean", "0"),
        ("instance", &instance),
    ];
    // The file is written before the row, so that a full disk fails the start while both name the last instance.
    write_durably(&next_path, &instance).map_err(failed)?;
    write_meta(connection, &meta).await?;
    rename_durably(&next_path, &witness_path).map_err(failed)?;
    Ok(epochs)
}

/// The name of the last instance, as the witness file has it. If the process ended between the row and the rename, the
/// row's name is in the next file; nothing was stored under it. A deleted witness file stays a reason to doubt.
fn last_witness(witness_path: &Path, next_path: &Path, instance: &str) -> String {
    let Ok(witness) = fs::read_to_string(witness_path) else { return String::new() };
    match fs::read_to_string(next_path) {
        Ok(next) if next == instance => next,
        _ => witness,
    }
}

/// Ends an instance by setting its clean mark (the connection must sync fully, which also syncs everything before it).
pub(super) async fn end(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    write_meta(connection, &[("clean", "1")]).await
}

/// The id of this boot of the machine; empty when the system provides none.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn report(doubt: StoreDoubt, epoch: Epoch) {
    match doubt {
        StoreDoubt::PowerLost => tracing::error!(
            %epoch,
            "the machine stopped while the journal ran with journal.sync = normal: the last moments' events may be \
             lost; runs go on in a new epoch"
        ),
        StoreDoubt::PowerLostSynced => tracing::warn!(
            %epoch,
            "the machine stopped while the journal ran; its events were synced; runs go on in a new epoch"
        ),
        StoreDoubt::OtherCopy => tracing::error!(
            %epoch,
            "the journal is not the one that was last open here, an older copy perhaps: runs go on in a new epoch"
        ),
    }
}

pub(super) async fn read_meta(connection: &mut SqliteConnection) -> Result<HashMap<String, String>, JournalError> {
    let rows = sqlx::query("SELECT key, value FROM meta").fetch_all(connection).await.map_err(super::unavailable)?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, _>>().map_err(super::unavailable)
}

async fn write_meta(connection: &mut SqliteConnection, meta: &[(&str, &str)]) -> Result<(), JournalError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(super::unavailable)?;
    for (key, value) in meta {
        put_meta(&mut transaction, key, value).await.map_err(super::unavailable)?;
    }
    transaction.commit().await.map_err(super::unavailable)
}

/// Sets one row of `meta`.
pub(super) async fn put_meta(connection: &mut SqliteConnection, key: &str, value: &str) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(key).bind(value).execute(connection).await?;
    Ok(())
}

/// The path of a file beside the database, whose name ends with `end`.
pub(super) fn witness_path(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Renames a file within its directory and syncs the directory.
pub(super) fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(clean: bool, sync: SyncMode) -> LastInstance {
        let epochs = Epochs { incarnation: Epoch(5), births: Epoch(5) };
        LastInstance { epochs, boot_id: "boot".into(), clean, sync, instance: "one".into() }
    }

    #[test]
    fn only_an_instance_whose_writes_may_be_missing_is_doubted() {
        use SyncMode::{Full, Normal};
        for (past, boot_id, witness, want) in [
            (past(true, Normal), "boot", "one", None),
            (past(true, Normal), "other", "one", None),
            (past(false, Normal), "boot", "one", None),
            (past(false, Normal), "other", "one", Some(StoreDoubt::PowerLost)),
            (past(false, Normal), "", "one", Some(StoreDoubt::PowerLost)),
            (past(false, Full), "boot", "one", None),
            (past(false, Full), "other", "one", Some(StoreDoubt::PowerLostSynced)),
            (past(true, Full), "boot", "a later one", Some(StoreDoubt::OtherCopy)),
            (past(true, Full), "boot", "", Some(StoreDoubt::OtherCopy)),
        ] {
            assert_eq!(past.doubt(boot_id, witness), want, "{past:?} {boot_id} {witness}");
        }
    }
}
