//! A directory as a store. `object_store` writes, lists and removes; the operations that it lacks are here.

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
    /// Opens a directory that exists.
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
        // A write returns after the file and the entries of its directories are on the disk.
        let store = store.with_fsync(true).with_automatic_cleanup(true);
        let disk = Disk::of(&root, min_free_bytes)?;
        Ok((store, Self { root, disk }))
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of an object's file.
    pub(super) fn file(&self, key: ObjectKey<'_>) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Reserves space for an object of `size` bytes; 0 only checks that there is some.
    pub(super) async fn reserve(&self, bytes: u64) -> Result<Reservation, ObjectsError> {
        Ok(self.disk.reserve(bytes).await?)
    }

    /// Moves a file to the object's location. Returns its size, or `None` when the file is on another disk.
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
                    // The directories do not exist, or were empty and have just been removed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && from.exists() => make_above(&root, &to)?,
                    Err(error) => return Err(error.into()),
                }
            }
            sync_above(&to)?;
            Ok(Some(size))
        })
        .await
    }

    /// Removes the files that unfinished writes left beside an object: `NAME#1`, `NAME#2` ...
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

/// Creates the directories above an object. Each is on the disk before the next is created.
fn make_above(root: &Path, file: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = file.ancestors().skip(1).take_while(|above| *above != root).collect();
    for directory in missing.into_iter().rev() {
        let made = match fs::create_dir(directory) {
            Ok(()) => sync_above(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        };
        match made {
            // Another task removes empty directories at the same time; the caller tries again.
            Err(error) if error.kind() == io::ErrorKind::NotFound && root.exists() => return Ok(()),
            made => made?,
        }
    }
    Ok(())
}

/// Syncs the directory that has the entry of `path`.
fn sync_above(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(above) => File::open(above)?.sync_all(),
        None => Ok(()),
    }
}

/// Runs blocking disk work on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectsError> + Send + 'static,
) -> Result<T, ObjectsError> {
    spawn_blocking("object_file", work).await.unwrap_or_else(|error| Err(ObjectsError::Unavailable(error.to_string())))
}
