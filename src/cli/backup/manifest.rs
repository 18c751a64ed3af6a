//! What a backup says of itself: `manifest.json`, and the list of objects that it has copied.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::files::FileSum;

/// The version of the backup's own form.
pub(crate) const FORMAT: u32 = 1;
/// The name of the manifest. It is written last: a directory without it is no backup.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The folder of the objects in a backup.
pub(crate) const OBJECTS: &str = "objects";
/// The list of the objects: a line `SHA-256 size key` each.
pub(crate) const OBJECT_LIST: &str = "object-list";
/// The journal, the catalog and the node's key in a backup.
pub(crate) const JOURNAL: &str = "journal.db";
pub(crate) const CATALOG: &str = "catalog.db";
pub(crate) const KEY: &str = "url-key";

/// A backup. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// [`FORMAT`] of the build that made it.
    pub(crate) runcast_backup: u32,
    /// That build's version.
    pub(crate) version: String,
    /// The data directory that it was made of.
    pub(crate) data_dir: String,
    pub(crate) started_at: String,
    pub(crate) finished_at: String,
    pub(crate) journal: JournalPart,
    pub(crate) catalog: CatalogPart,
    /// The key of the node's own URLs and secrets; `None` when the node had none in a file.
    pub(crate) key: Option<FileSum>,
    pub(crate) objects: ObjectsPart,
}

/// The journal of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JournalPart {
    /// Its format version.
    pub(crate) format: u32,
    pub(crate) runs: u64,
    pub(crate) events: u64,
    /// When its last event was stored.
    pub(crate) last_at: Option<String>,
    #[serde(flatten)]
    pub(crate) file: FileSum,
}

/// The catalog of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CatalogPart {
    /// Its format version.
    pub(crate) format: u32,
    #[serde(flatten)]
    pub(crate) file: FileSum,
}

/// The objects that the catalog names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum ObjectsPart {
    /// They are in the backup.
    Copied { location: String, count: u64, bytes: u64, list: FileSum },
    /// They are in their store, and only there.
    Referenced { location: String, count: u64, bytes: u64 },
    /// The node keeps no artifacts.
    None,
}

impl Manifest {
    /// Reads the manifest of the backup in a directory.
    ///
    /// # Errors
    /// There is none, it is not one, or a newer build wrote it.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            runcast_backup: u32,
        }
        let path = directory.join(MANIFEST);
        let shown = directory.display();
        if directory.is_dir() && !path.exists() {
            bail!("{shown} is no backup: it has no {MANIFEST}, which a backup gets last");
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let named = || format!("{} is no manifest of a backup", path.display());
        let Version { runcast_backup } = serde_json::from_str(&text).with_context(named)?;
        if runcast_backup > FORMAT {
            bail!(
                "the backup {shown} has format version {runcast_backup}, and the newest that this build of runcast knows \
                 is {FORMAT}: restore it with the build that made it, or a newer one"
            );
        }
        serde_json::from_str(&text).with_context(named)
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// The disk fails.
    pub(crate) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let path = directory.join(MANIFEST);
        fs::write(&path, text + "\n").with_context(|| path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(name: &str) -> FileSum {
        FileSum { file: name.into(), size: 5, sha256: "ab".repeat(32) }
    }

    #[test]
    fn a_manifest_reads_back_and_what_is_none_is_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let manifest = Manifest {
            runcast_backup: FORMAT,
            version: "1".into(),
            data_dir: "/d".into(),
            started_at: "2026-01-01T00:00:00Z".into(),
            finished_at: "2026-01-01T00:00:01Z".into(),
            journal: JournalPart { format: 2, runs: 1, events: 9, last_at: None, file: sum(JOURNAL) },
            catalog: CatalogPart { format: 5, file: sum(CATALOG) },
            key: Some(sum(KEY)),
            objects: ObjectsPart::Copied { location: "/o".into(), count: 1, bytes: 7, list: sum(OBJECT_LIST) },
        };
        let absent = Manifest::read(home.path()).unwrap_err().to_string();
        assert!(absent.contains("is no backup: it has no manifest.json"), "{absent}");
        manifest.write(home.path()).unwrap();
        assert_eq!(Manifest::read(home.path()).unwrap(), manifest);

        let path = home.path().join(MANIFEST);
        fs::write(&path, r#"{"runcastBackup":2}"#).unwrap();
        let newer = Manifest::read(home.path()).unwrap_err().to_string();
        assert!(
            newer.contains("has format version 2, and the newest that this build of runcast knows is 1"),
            "{newer}"
        );
        fs::write(&path, "{}").unwrap();
        assert!(Manifest::read(home.path()).unwrap_err().to_string().ends_with("is no manifest of a backup"));
    }
}
