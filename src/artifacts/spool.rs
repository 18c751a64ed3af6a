//! The spool: a directory for files that become artifacts. Each process has a directory of its own in it, which the
//! next process removes if this one could not.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use crate::storage::space::{Disk, Reservation};

/// Begins the name of a process's own directory in the spool.
const OWN: &str = "runcast-";
/// The file in it that is locked for as long as the process runs.
const LOCK: &str = "lock";

/// A process's directory in the spool. Clones share it.
#[derive(Clone, Debug)]
pub struct Spool(Arc<SpoolDir>);

/// The directory itself; removed when this is dropped.
#[derive(Debug)]
struct SpoolDir {
    path: PathBuf,
    disk: Disk,
    _lock: File,
}

/// A file in the spool; removed when this is dropped, unless it was moved away.
#[derive(Debug)]
pub struct SpoolFile {
    path: TempPath,
    /// The space it may take; given back once the file is gone.
    room: Reservation,
    /// Keeps the directory for as long as the file is in it.
    _spool: Spool,
}

impl Spool {
    /// Makes a directory of this process in `path`, and removes those of processes that are gone. `path` is made if it
    /// is missing. `min_free_bytes` of its disk stay free; 0 checks nothing.
    ///
    /// # Errors
    /// When it can't be made or written to.
    pub fn open(path: &Path, min_free_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(OWN) {
                remove_orphan(&entry.path());
            }
        }
        let own = tempfile::Builder::new().prefix(OWN).tempdir_in(path)?;
        let lock = File::create_new(own.path().join(LOCK))?;
        lock.lock()?;
        let disk = Disk::of(own.path(), min_free_bytes)?;
        Ok(Self(Arc::new(SpoolDir { path: own.keep(), disk, _lock: lock })))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Its disk, where space is reserved before anything is written.
    pub fn disk(&self) -> &Disk {
        &self.0.disk
    }

    /// A new, empty file that is to have `size` bytes, if that is known. Blocking.
    ///
    /// # Errors
    /// Those of the disk; [`io::ErrorKind::StorageFull`] when it has too little space.
    pub fn file(&self, size: Option<u64>) -> io::Result<(File, SpoolFile)> {
        self.file_in(self.0.disk.reserve_now(size.unwrap_or(0))?)
    }

    /// A new, empty file in space that was reserved on this disk. Blocking.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn file_in(&self, room: Reservation) -> io::Result<(File, SpoolFile)> {
        let (file, path) = tempfile::Builder::new().tempfile_in(self.path())?.into_parts();
        Ok((file, SpoolFile { path, room, _spool: self.clone() }))
    }
}

/// Removes the directory of a process that is gone.
fn remove_orphan(path: &Path) {
    // A directory without a lock may be one that is just being made: it stays.
    let Ok(lock) = File::options().write(true).open(path.join(LOCK)) else { return };
    match lock.try_lock() {
        Ok(()) => {
            if let Err(error) = fs::remove_dir_all(path) {
                tracing::warn!(path = %path.display(), %error, "what a former process left on its way stays");
            }
        }
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
    }
}

impl Drop for SpoolDir {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next process.
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl SpoolFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The space of the file: whoever writes to the file takes from it first.
    pub fn room(&mut self) -> &mut Reservation {
        &mut self.room
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn entries(path: &Path) -> usize {
        fs::read_dir(path).unwrap().count()
    }

    #[test]
    fn files_go_with_their_holders_and_the_directory_with_the_last_of_them() {
        let parent = tempfile::tempdir().unwrap();
        let spool = Spool::open(&parent.path().join("spool"), 0).unwrap();
        let own = spool.path().to_owned();
        let (mut file, kept) = spool.file(None).unwrap();
        file.write_all(b"some bytes").unwrap();
        let (_, dropped) = spool.file(None).unwrap();
        assert_eq!(entries(&own), 3, "two files and the lock");
        drop(dropped);
        assert_eq!(entries(&own), 2);
        drop(spool);
        assert_eq!(fs::read(kept.path()).unwrap(), b"some bytes");
        drop(kept);
        assert!(!own.exists());
    }

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_a_living_one_has_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = Spool::open(parent.path(), 0).unwrap();
        let (_, held) = living.file(None).unwrap();
        let dead = parent.path().join("runcast-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("half"), "of an upload").unwrap();
        fs::write(parent.path().join("somebody else's"), "").unwrap();
        let next = Spool::open(parent.path(), 0).unwrap();
        assert!(!dead.exists() && held.path().exists() && next.path() != living.path());
        assert_eq!(entries(parent.path()), 3);
    }
}
