//! A directory as a store. `object_store` writes, lists and removes; what it has no verb for is here.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use object_store::local::LocalFileSystem;

use super::ObjectsError;
use super::key::ObjectKey;
use crate::storage::space::{Disk, Reservation};
use crate::tasks::spawn_blocking;

/// A directory that keeps objects.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    root: PathBuf,
    disk: Disk,
}

impl Directory {
    /// Opens one that is there.
    pub(super) fn open(path: &Path, min_free_bytes: u64) -> Result<(LocalFileSystem, Self), ObjectsError> {
        let shown = path.display();
        let root = path.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ObjectsError::NoBucket(format!("there is no directory {shown} (objects.url)")),
            _ => ObjectsError::Denied(format!("{shown}: {error}")),
        })?;
        if !root.is_dir() {
            return Err(ObjectsError::NoBucket(format!("{shown} is no directory (objects.url)")));
        }
        let store = LocalFileSystem::new_with_prefix(&root)?;
        // Each file and each directory's entry is on the disk before a write is answered.
        let store = store.with_fsync(true).with_automatic_cleanup(true);
        let disk = Disk::of(&root, min_free_bytes)?;
        Ok((store, Self { root, disk }))
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The file that an object is.
    pub(super) fn file(&self, key: ObjectKey<'_>) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Space for an object of so many bytes; 0: only whether there is space for any.
    pub(super) async fn reserve(&self, bytes: u64) -> Result<Reservation, ObjectsError> {
        Ok(self.disk.reserve(bytes).await?)
    }

    /// Makes a file the object; its size, or `None` when it is on another disk.
    pub(super) async fn take(&self, key: ObjectKey<'_>, file: &Path) -> Result<Option<u64>, ObjectsError> {
        let (root, from, to) = (self.root.clone(), file.to_owned(), self.file(key));
        blocking(move || {
            let file = File::open(&from)?;
            file.sync_all()?;
            let size = file.metadata()?.len();
            loop {
                match fs::rename(&from, &to) {
                    Ok(()) => break,
                    Err(error) if error.kind() == io::ErrorKind::CrossesDevices => return Ok(None),
                    // The directories are missing, or have just been removed because they were empty.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && from.exists() => make_above(&root, &to)?,
                    Err(error) => return Err(error.into()),
                }
            }
            sync_above(&to)?;
            Ok(Some(size))
        })
        .await
    }

    /// Removes what unfinished writes have left beside an object: `NAME#1`, `NAME#2` ...
    pub(super) async fn clear(&self, key: ObjectKey<'_>) -> Result<(), ObjectsError> {
        let (root, file) = (self.root.clone(), self.file(key));
        blocking(move || {
            let (Some(above), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
                return Ok(());
            };
            let entries = match fs::read_dir(above) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let number = entry
                    .file_name()
                    .to_str()
                    .and_then(|found| found.strip_prefix(name)?.strip_prefix('#').map(str::to_owned));
                if number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit())) {
                    fs::remove_file(entry.path())?;
                }
            }
            for empty in above.ancestors().take_while(|above| *above != root) {
                if fs::remove_dir(empty).is_err() {
                    break; // it is not empty
                }
            }
            Ok(())
        })
        .await
    }
}

/// Makes the directories above an object, each on the disk before the next.
fn make_above(root: &Path, file: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = file.ancestors().skip(1).take_while(|above| *above != root).collect();
    for directory in missing.into_iter().rev() {
        let made = match fs::create_dir(directory) {
            Ok(()) => sync_above(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        };
        match made {
            // Somebody removes empty ones at the same time: the caller tries again.
            Err(error) if error.kind() == io::ErrorKind::NotFound && root.exists() => return Ok(()),
            made => made?,
        }
    }
    Ok(())
}

/// Puts the entry of `path` in its directory on the disk.
fn sync_above(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(above) => File::open(above)?.sync_all(),
        None => Ok(()),
    }
}

/// Runs what waits for a disk where it holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectsError> + Send + 'static,
) -> Result<T, ObjectsError> {
    spawn_blocking("object_file", work).await.unwrap_or_else(|error| Err(ObjectsError::Unavailable(error.to_string())))
}
