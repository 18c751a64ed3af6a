//! The spool: a directory for what is on its way, emptied by whoever uses it next.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use crate::storage::space::{Disk, Reservation};

/// Begins the name of a process's own directory in the spool.
const OWN: &str = "runcast-";
/// The file in it that is locked for as long as the process lives.
const LOCK: &str = "lock";

/// See the module. Clones are the same spool.
#[derive(Clone, Debug)]
pub struct Spool(Arc<Own>);

/// A directory that no other process uses, gone with this value.
#[derive(Debug)]
struct Own {
    path: PathBuf,
    disk: Disk,
    _lock: File,
}

/// A file on its way, gone with this value unless it was moved.
#[derive(Debug)]
pub struct SpoolFile {
    path: TempPath,
    /// Given back once the file is gone.
    room: Reservation,
    /// It is a part of a spool that stays while it does.
    _spool: Spool,
}

impl Spool {
    /// A directory of our own in `path`, which is made if it is missing; what processes that are gone have left there is
    /// removed. `min_free_bytes` of its disk stay free; 0 checks nothing.
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
        Ok(Self(Arc::new(Own { path: own.keep(), disk, _lock: lock })))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The gate before its disk.
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

    /// The same in space on this disk that was reserved for it.
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
    // One that is being made has no lock yet: it is not an orphan. One without for another reason stays.
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

impl Drop for Own {
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

    /// Its space: whoever writes to the file takes it from there first.
    pub fn room(&mut self) -> &mut Reservation {
        &mut self.room
    }

    /// Opens it anew, to read it.
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
