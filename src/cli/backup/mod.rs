//! `runcast backup`: a copy of what a single node keeps, while it runs.
//!
//! It reads the data directory itself, and asks no server: it works as well when the node is down or hangs, and there
//! is no route by which anybody who reaches the port could have files written. SQLite lets another process read beside
//! the node's writer (`storage/sqlite_file.rs`); within the node's own process, opening and closing the database's
//! file once more would take SQLite's locks away.
//!
//! The order makes every restore consistent:
//! 1. the catalog: the list of runs is then at most as new as the journal, and a node adds what it lacks at its start;
//! 2. the journal;
//! 3. the artifacts of the catalog once more: each artifact that the journal tells of has its row;
//! 4. the objects that these rows name, and the rows of those that went meanwhile: each object that a row names is there;
//! 5. the node's key, and the manifest, without which the directory is no backup.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::DecimalBytes;

use self::files::FileSum;
use self::manifest::{CATALOG, CatalogPart, FORMAT, JOURNAL, JournalPart, KEY, Manifest, ObjectsPart};
use self::objects::Told;
use self::partial::PartialDir;
use super::stores::{self, StoreArgs};
use super::terminal::counted;
use super::{artifacts::print, block_on, tell};
use crate::app::{URL_KEY, objects_options};
use crate::config::{CatalogSetting, Config, EXIT_CONFIG, JournalUrl};
use crate::protocol::Timestamp;
use crate::storage::catalog::copy::CatalogCopy;
use crate::storage::journal::sqlite::copy::{self as journal_copy, JournalCopy};
use crate::storage::objects::{Objects, StoreLocation};
use crate::storage::space::free_bytes;

mod files;
mod manifest;
mod objects;
mod partial;
pub mod restore;

/// `runcast backup`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Reads the data directory of the configuration, of a node that runs or does not; the node goes on \
                  meanwhile. DIR appears once the backup is whole.\n\
                  Exit codes: 0 done, 1 not done (nothing is left), 2 wrong usage, \
                  64 refused configuration or a store of a newer build."
)]
pub struct BackupArgs {
    /// Make this directory, which may be there if it is empty
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    stores: StoreArgs,
    /// Leave the artifacts where they are, also when they are in a directory of this machine
    #[arg(long)]
    without_artifacts: bool,
    /// Write the manifest of the backup as JSON
    #[arg(long)]
    json: bool,
}

/// The files of a node that a backup is made of.
struct Sources {
    data_dir: PathBuf,
    journal: PathBuf,
    catalog: PathBuf,
}

/// Where the objects are.
enum ObjectSource {
    None,
    /// A directory, with its store unless there is no such directory yet.
    Directory(PathBuf, Option<Objects>),
    Elsewhere(String),
}

/// Makes a backup and says what is in it.
///
/// # Errors
/// It could not be made. Nothing is left of it.
pub fn run(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    let Some(config) = args.stores.load() else { return Ok(ExitCode::from(EXIT_CONFIG)) };
    let started = Instant::now();
    let manifest = match block_on(back_up(args, &config))? {
        Ok(manifest) => manifest,
        Err(error) => return stores::refusal(error),
    };
    let lines = match args.json {
        true => vec![serde_json::to_string_pretty(&manifest)?],
        false => said(&manifest, &args.dir, started),
    };
    print(&lines)?;
    Ok(ExitCode::SUCCESS)
}

async fn back_up(args: &BackupArgs, config: &Config) -> anyhow::Result<Manifest> {
    let sources = sources(config)?;
    let objects = object_source(config, args.without_artifacts)?;
    let started_at = Timestamp::now();
    let backup = PartialDir::begin(&args.dir, 0o700)?;
    let size = |path: &Path| path.metadata().map_or(0, |file| file.len());
    check_space(&backup, size(&sources.journal) + size(&sources.catalog), config)?;

    let catalog = CatalogCopy::make(&sources.catalog, &backup.join(CATALOG)).await;
    let mut catalog = catalog.map_err(stores::opened).context("catalog.url")?;
    let journal = journal_copy::copy(&sources.journal, &backup.join(JOURNAL)).await;
    let journal = journal.map_err(stores::opened).context("journal.url")?;
    catalog.take_artifacts().await?;
    let objects = take_objects(&mut catalog, objects, &backup, config).await?;
    let format = catalog.format();
    catalog.close().await?;

    let key = files::copy(&sources.data_dir.join(URL_KEY), &backup.join(KEY), None)?;
    let JournalCopy { runs, events, last_at, format: journal_format } = journal;
    let manifest = Manifest {
        runcast_backup: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        data_dir: sources.data_dir.display().to_string(),
        started_at: started_at.to_string(),
        finished_at: Timestamp::now().to_string(),
        journal: JournalPart {
            format: journal_format,
            runs,
            events,
            last_at: last_at.map(|at| at.to_string()),
            file: FileSum::of(backup.path(), JOURNAL)?,
        },
        catalog: CatalogPart { format, file: FileSum::of(backup.path(), CATALOG)? },
        key: key.map(|(size, sha256)| FileSum { file: KEY.into(), size, sha256 }),
        objects,
    };
    manifest.write(backup.path())?;
    backup.finish()?;
    Ok(manifest)
}

/// The files of a node that keeps all in one data directory.
fn sources(config: &Config) -> anyhow::Result<Sources> {
    let JournalUrl::Sqlite(journal) = &config.journal.url else {
        let kind = if config.is_cluster() { "in Redis" } else { "in memory" };
        bail!(
            "the journal is {kind}: only a node that keeps its runs in SQLite is backed up so; docs/operations.md says \
             how a cluster is"
        );
    };
    let CatalogSetting::Sqlite(catalog) = &config.catalog.url else {
        bail!(
            "catalog.url is not SQLite: the journal and the catalog of a backup must fit together; docs/operations.md \
             says how PostgreSQL is backed up"
        );
    };
    let data_dir = std::path::absolute(&config.server.data_dir)?;
    Ok(Sources { journal: data_dir.join(journal), catalog: data_dir.join(catalog), data_dir })
}

fn object_source(config: &Config, without_artifacts: bool) -> anyhow::Result<ObjectSource> {
    let Some(options) = objects_options(config) else { return Ok(ObjectSource::None) };
    let StoreLocation::Directory { path, .. } = &options.location else {
        return Ok(ObjectSource::Elsewhere(Objects::open(&options)?.location()));
    };
    let path = std::path::absolute(path)?;
    if without_artifacts {
        return Ok(ObjectSource::Elsewhere(path.display().to_string()));
    }
    let store = if path.exists() { Some(Objects::open(&options)?) } else { None };
    Ok(ObjectSource::Directory(path, store))
}

async fn take_objects(
    catalog: &mut CatalogCopy,
    source: ObjectSource,
    backup: &PartialDir,
    config: &Config,
) -> anyhow::Result<ObjectsPart> {
    let (count, bytes) = catalog.count().await?;
    match source {
        ObjectSource::None => Ok(ObjectsPart::None),
        ObjectSource::Elsewhere(location) => Ok(ObjectsPart::Referenced { location, count, bytes }),
        ObjectSource::Directory(path, store) => {
            check_space(backup, bytes, config)?;
            let copied = objects::copy(catalog, store.as_ref(), backup).await?;
            warn("objects are not in the store; in the backup their artifacts are deleted", &copied.missing);
            warn("objects are not what was stored; they were copied as they are", &copied.differing);
            let list = FileSum::of(backup.path(), manifest::OBJECT_LIST)?;
            let location = path.display().to_string();
            Ok(ObjectsPart::Copied { location, count: copied.count, bytes: copied.bytes, list })
        }
    }
}

fn warn(what: &str, told: &Told) {
    if told.count > 0 {
        tell(format_args!(
            "{} {what}: {}{}",
            told.count,
            told.first.join(", "),
            match told.count as usize {
                count if count > told.first.len() => ", ...",
                _ => "",
            }
        ));
    }
}

/// Refuses what would leave a node on the same disk less space than it needs.
fn check_space(backup: &PartialDir, needed: u64, config: &Config) -> anyhow::Result<()> {
    let free = free_bytes(backup.path())?;
    let kept = config.journal.min_free_bytes;
    if free < needed.saturating_add(kept) {
        bail!(
            "{} has {} free: the backup needs {}, and journal.min_free_bytes is {}",
            backup.path().display(),
            DecimalBytes(free),
            DecimalBytes(needed),
            DecimalBytes(kept)
        );
    }
    Ok(())
}

fn said(manifest: &Manifest, dir: &Path, started: Instant) -> Vec<String> {
    let Manifest { journal, catalog, key, objects, data_dir, .. } = manifest;
    let last = journal.last_at.as_ref().map_or_else(String::new, |at| format!(", the last one of {at}"));
    let mut lines = vec![
        format!("{data_dir} is backed up in {} ({:.1} s)", dir.display(), started.elapsed().as_secs_f64()),
        format!(
            "journal    {}, {}{last} ({})",
            counted(journal.runs, "run", "runs"),
            counted(journal.events, "event", "events"),
            DecimalBytes(journal.file.size)
        ),
        format!("catalog    format version {} ({})", catalog.format, DecimalBytes(catalog.file.size)),
    ];
    lines.push(match objects {
        ObjectsPart::Copied { location, count, bytes, .. } => {
            format!(
                "artifacts  {}, copied from {location} ({})",
                counted(*count, "object", "objects"),
                DecimalBytes(*bytes)
            )
        }
        ObjectsPart::Referenced { location, count, bytes } => format!(
            "artifacts  {}, not copied: they are in {location} ({})",
            counted(*count, "object", "objects"),
            DecimalBytes(*bytes)
        ),
        ObjectsPart::None => "artifacts  none are kept".into(),
    });
    lines.push(format!("key        {}", if key.is_some() { KEY } else { "none in a file" }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_node_that_keeps_all_in_sqlite_is_backed_up() {
        let mut config = Config::default();
        assert!(sources(&config).is_ok());
        config.catalog.url = CatalogSetting::Memory;
        assert!(sources(&config).err().unwrap().to_string().starts_with("catalog.url is not SQLite"));
        config.journal.url = JournalUrl::Redis;
        assert!(sources(&config).err().unwrap().to_string().starts_with("the journal is in Redis"));
        config.journal.url = JournalUrl::Memory;
        assert!(sources(&config).err().unwrap().to_string().starts_with("the journal is in memory"));
    }
}
