//! `runcast restore`: a data directory out of a backup.
//!
//! The journal gets no `-instance` file. So a node that opens it begins a new epoch: each run goes on behind its last
//! event in the backup, and viewers and producers that know of more are told.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use indicatif::DecimalBytes;

use super::super::artifacts::print;
use super::super::stores;
use super::super::terminal::counted;
use super::super::{block_on, tell};
use super::manifest::{Manifest, ObjectsPart};
use super::objects;
use super::partial::PartialDir;
use crate::app::{URL_KEY, objects_options};
use crate::config::{CatalogSetting, Config, EXIT_CONFIG, JournalUrl};
use crate::storage::catalog::sqlite::SqliteCatalog;
use crate::storage::journal::sqlite::stored_format;
use crate::storage::objects::StoreLocation;

/// Where objects are restored when the configuration has them elsewhere.
const OBJECTS: &str = "objects";

/// `runcast restore`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "NEW appears once all is restored and compared with the sums of the backup. Start the node on it: runs \
                  go on in a new epoch, and viewers that have seen more than the backup has are told.\n\
                  Exit codes: 0 done, 1 not done (nothing is left), 2 wrong usage, \
                  64 refused configuration or a store of a newer build."
)]
pub struct RestoreArgs {
    /// The backup
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Make this data directory, which may be there if it is empty
    #[arg(long, value_name = "NEW")]
    data_dir: OsString,
    /// Configuration file of the node that is to use it [default: $RUNCAST_CONFIG, else ./config.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Restores a backup and says what is in it.
///
/// # Errors
/// It could not be restored. Nothing is left of it.
pub fn run(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    let Some(config) = stores::load(args.config.clone(), Some(args.data_dir.clone())) else {
        return Ok(ExitCode::from(EXIT_CONFIG));
    };
    let manifest = match restore(args, &config) {
        Ok(manifest) => manifest,
        Err(error) => return stores::refusal(error),
    };
    print(&said(&manifest, &config))?;
    Ok(ExitCode::SUCCESS)
}

fn restore(args: &RestoreArgs, config: &Config) -> anyhow::Result<Manifest> {
    let (JournalUrl::Sqlite(journal), CatalogSetting::Sqlite(catalog)) = (&config.journal.url, &config.catalog.url)
    else {
        bail!(
            "journal.url and catalog.url must both be SQLite: a backup is one of a node that keeps its runs in SQLite"
        );
    };
    let (journal, catalog) = (inside(journal, "journal.url")?, inside(catalog, "catalog.url")?);
    let manifest = Manifest::read(&args.dir)?;
    let target = PartialDir::begin(&config.server.data_dir, 0o755)?;
    for (part, name) in [(&manifest.journal.file, journal), (&manifest.catalog.file, catalog)] {
        part.copy_checked(&args.dir, &target.join(name))?;
    }
    block_on(async {
        stored_format(&target.join(journal)).await.map_err(stores::opened)?;
        SqliteCatalog::stored_format(&target.join(catalog)).await.map_err(stores::opened)
    })??;
    if let Some(key) = &manifest.key {
        key.copy_checked(&args.dir, &target.join(URL_KEY))?;
    }
    if let ObjectsPart::Copied { count, list, .. } = &manifest.objects {
        objects::restore(&args.dir, list, *count, &target.join(objects_dir(config)))?;
    }
    target.finish()?;
    Ok(manifest)
}

/// A file of the data directory.
fn inside<'a>(path: &'a Path, setting: &str) -> anyhow::Result<&'a Path> {
    match path.components().collect::<Vec<_>>()[..] {
        [Component::Normal(_)] => Ok(path),
        _ => bail!(
            "{setting} is {}, which is not a file of the data directory itself: restore without it (its default), then \
             move the file there",
            path.display()
        ),
    }
}

/// The folder of the data directory that gets the objects.
fn objects_dir(config: &Config) -> PathBuf {
    let data_dir = &config.server.data_dir;
    let set = objects_options(config).and_then(|options| match options.location {
        StoreLocation::Directory { path, .. } => path.strip_prefix(data_dir).ok().map(Path::to_owned),
        _ => None,
    });
    let is_below = |path: &PathBuf| path.components().all(|part| matches!(part, Component::Normal(_)));
    set.filter(|path| !path.as_os_str().is_empty() && is_below(path)).unwrap_or_else(|| OBJECTS.into())
}

fn said(manifest: &Manifest, config: &Config) -> Vec<String> {
    let Manifest { journal, objects, .. } = manifest;
    let data_dir = config.server.data_dir.display();
    let mut lines = vec![
        format!("the backup of {} is restored in {data_dir}", manifest.started_at),
        format!("journal    {}, {}", counted(journal.runs, "run", "runs"), counted(journal.events, "event", "events")),
    ];
    match objects {
        ObjectsPart::Copied { count, bytes, .. } => {
            let folder = config.server.data_dir.join(objects_dir(config));
            let (count, bytes) = (counted(*count, "object", "objects"), DecimalBytes(*bytes));
            lines.push(format!("artifacts  {count} in {} ({bytes})", folder.display()));
            if !uses(config, &folder) {
                tell(format_args!(
                    "this configuration looks for artifacts elsewhere: move {} there, or unset objects.url",
                    folder.display()
                ));
            }
        }
        ObjectsPart::Referenced { location, count, .. } => {
            let count = counted(*count, "object", "objects");
            lines.push(format!("artifacts  {count} that are not in the backup: objects.url must lead to {location}"));
        }
        ObjectsPart::None => {}
    }
    lines.push("next       start the node on it: all runs go on in a new epoch".into());
    lines
}

/// Whether a node with this configuration finds its objects in a folder.
fn uses(config: &Config, folder: &Path) -> bool {
    objects_options(config)
        .is_some_and(|options| matches!(&options.location, StoreLocation::Directory { path, .. } if same(path, folder)))
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ObjectsUrl;

    #[test]
    fn what_is_restored_stays_in_the_data_directory() {
        assert!(inside(Path::new("journal.db"), "journal.url").is_ok());
        for outside in ["/a/journal.db", "../journal.db", "a/journal.db", ".."] {
            assert!(inside(Path::new(outside), "journal.url").is_err(), "{outside}");
        }
        let mut config = Config::default();
        assert_eq!(objects_dir(&config), Path::new("objects"));
        for (set, folder) in [("files", "files"), ("a/b", "a/b"), ("../x", "objects"), ("/x", "objects")] {
            config.objects.url = ObjectsUrl::Dir(set.into());
            assert_eq!(objects_dir(&config), Path::new(folder), "{set}");
        }
    }
}
