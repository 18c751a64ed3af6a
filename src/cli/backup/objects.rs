//! The objects of a backup: copied from the directory that has them, and listed with their sums.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::files::{self, FileSum};
use super::manifest::{OBJECT_LIST, OBJECTS};
use super::partial::PartialDir;
use crate::protocol::Timestamp;
use crate::storage::catalog::copy::{CatalogCopy, NamedObject};
use crate::storage::objects::{Objects, ObjectsOptions, StoreLocation};

/// Rows of the catalog that are read at a time.
const PAGE: u32 = 500;
/// Most bytes of a line of the list: a digest, a size and the longest key.
const MAX_LINE: u64 = 1_024;
/// Keys that are told by name; the others are counted.
const TOLD: usize = 20;

/// Keys that something is wrong with: the first few, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) count: u64,
    pub(super) first: Vec<String>,
}

impl Told {
    fn note(&mut self, key: &str) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(key.to_owned());
        }
    }
}

/// What was copied, and what was wrong with it.
#[derive(Debug, Default)]
pub(super) struct CopiedObjects {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// Objects that ready artifacts have, and that are not in the store. In the backup these artifacts are deleted.
    pub(super) missing: Told,
    /// Objects that are not what the catalog says. They are copied as they are.
    pub(super) differing: Told,
}

/// Copies each object that the catalog's copy names, and writes the list of them. An artifact that was deleted, or given
/// a smaller form, since the copy was made, is so in the copy afterwards: each object that it names is in the backup.
pub(super) async fn copy(
    catalog: &mut CatalogCopy,
    store: Option<&Objects>,
    backup: &PartialDir,
) -> anyhow::Result<CopiedObjects> {
    let home = backup.join(OBJECTS);
    fs::create_dir(&home)?;
    let mut list = BufWriter::new(File::create_new(backup.join(OBJECT_LIST))?);
    let mut copied = CopiedObjects::default();
    let mut after = String::new();
    loop {
        let page = catalog.objects(&after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for named in page {
            let Some((object, size, sha256)) = copy_current(catalog, store, &named, &home, &mut copied.missing).await?
            else {
                continue;
            };
            if sha256 != object.sha256 {
                copied.differing.note(&object.key);
            }
            copied.count += 1;
            copied.bytes += size;
            writeln!(list, "{sha256} {size} {}", object.key)?;
        }
    }
    list.flush()?;
    Ok(copied)
}

/// Copies the object that an artifact has, or by now has; `None` when it has none any more.
async fn copy_current(
    catalog: &mut CatalogCopy,
    store: Option<&Objects>,
    named: &NamedObject,
    home: &Path,
    missing: &mut Told,
) -> anyhow::Result<Option<(NamedObject, u64, String)>> {
    if let Some((size, sha256)) = copy_one(store, &named.key, home)? {
        return Ok(Some((named.clone(), size, sha256)));
    }
    let Some(now) = catalog.take_again(&named.id).await? else { return Ok(None) };
    if now.key != named.key
        && let Some((size, sha256)) = copy_one(store, &now.key, home)?
    {
        return Ok(Some((now, size, sha256)));
    }
    // The cleanup removes an object before it marks the row; else the object is lost.
    catalog.mark_gone(&named.id, Timestamp::now()).await?;
    missing.note(&now.key);
    Ok(None)
}

fn copy_one(store: Option<&Objects>, key: &str, home: &Path) -> anyhow::Result<Option<(u64, String)>> {
    let Some(from) = store.and_then(|store| store.local_path(key)) else { return Ok(None) };
    if !from.exists() {
        return Ok(None);
    }
    let to = home.join(key);
    if let Some(above) = to.parent() {
        fs::create_dir_all(above)?;
    }
    files::copy(&from, &to, None)
}

/// Copies the objects of a backup into the directory `home`, which is made, and compares them with their sums.
///
/// # Errors
/// One is missing or damaged, or the list is.
pub(super) fn restore(backup: &Path, list: &FileSum, count: u64, home: &Path) -> anyhow::Result<()> {
    let whole = FileSum::of(backup, &list.file)?;
    let path = backup.join(&list.file);
    if whole != *list {
        bail!("{} is damaged: its SHA-256 is {} instead of {}", path.display(), whole.sha256, list.sha256);
    }
    fs::create_dir_all(home)?;
    let location = StoreLocation::Directory { path: home.to_owned(), min_free_bytes: 0 };
    let store = Objects::open(&ObjectsOptions { location, request: Default::default(), retry: Default::default() })?;
    let mut lines = BufReader::new(File::open(&path)?);
    let mut line = String::new();
    for number in 1..=count {
        line.clear();
        lines.by_ref().take(MAX_LINE).read_line(&mut line)?;
        let bad = || format!("line {number} of {} is no SHA-256, size and key", path.display());
        let (object, key) = listed(&line).with_context(bad)?;
        let to = store.local_path(key).with_context(bad)?;
        if let Some(above) = to.parent() {
            fs::create_dir_all(above)?;
        }
        object.copy_checked(backup, &to)?;
    }
    Ok(())
}

/// The object of a line of the list, with its path in the backup, and its key.
fn listed(line: &str) -> Option<(FileSum, &str)> {
    let mut words = line.strip_suffix('\n')?.splitn(3, ' ');
    let (sha256, size, key) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    Some((FileSum { file: format!("{OBJECTS}/{key}"), size, sha256: sha256.to_owned() }, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backups_objects_are_restored_as_listed_and_no_key_leads_out_of_the_directory() {
        let home = tempfile::tempdir().unwrap();
        let (backup, target) = (home.path().join("backup"), home.path().join("target"));
        fs::create_dir_all(backup.join("objects/runs/r")).unwrap();
        fs::write(backup.join("objects/runs/r/a.txt"), "abc").unwrap();
        let abc = FileSum::of(&backup, "objects/runs/r/a.txt").unwrap();
        let list = |text: &str| {
            fs::write(backup.join(OBJECT_LIST), text).unwrap();
            FileSum::of(&backup, OBJECT_LIST).unwrap()
        };
        let good = list(&format!("{} 3 runs/r/a.txt\n", abc.sha256));
        restore(&backup, &good, 1, &target).unwrap();
        assert_eq!(fs::read(target.join("runs/r/a.txt")).unwrap(), b"abc");

        for (number, bad) in ["../../a", "/a", "a b", ""].into_iter().enumerate() {
            let list = list(&format!("{} 3 {bad}\n", abc.sha256));
            let error = restore(&backup, &list, 1, &home.path().join(number.to_string())).unwrap_err();
            assert!(error.to_string().starts_with("line 1 of "), "{bad}: {error}");
        }
        let short = list(&format!("{} 3 runs/r/a.txt\n", abc.sha256));
        assert!(restore(&backup, &short, 2, &home.path().join("short")).is_err());
        let error = restore(&backup, &good, 1, &home.path().join("twice")).map_err(|error| error.to_string());
        assert_eq!(error, Ok(()), "the list is the same again");
        fs::write(backup.join(OBJECT_LIST), "x").unwrap();
        let damaged = restore(&backup, &good, 1, &home.path().join("damaged")).unwrap_err().to_string();
        assert!(damaged.contains("object-list is damaged"), "{damaged}");
    }
}
