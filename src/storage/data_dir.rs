//! The data directory (journal, catalog, objects), owned by one process at a time. A second process is refused.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The data directory could not be locked for this process.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The directory does not exist and could not be created, or it is not writable.
    #[error("data directory {path}: {source}")]
    Unusable {
        /// The directory, or the lock file in it.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("data directory {path} is in use by another process")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
}

/// A locked data directory. The lock ends when this value is dropped or when the process ends, also by a kill.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The open lock file. It is empty and stays after the process.
    _lock: File,
}

impl DataDir {
    /// Creates the directory if it is missing, and takes its lock.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(|source| DataDirError::Unusable { path: path.clone(), source })?;
        let lock_path = path.join("lock");
        let unusable = |source| DataDirError::Unusable { path: lock_path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or directory in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_open_is_refused_until_the_first_is_dropped() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::InUse { .. })));
        drop(first);
        assert_eq!(DataDir::open(&path).unwrap().join("x"), path.join("x"));
    }

    #[test]
    fn a_path_that_cannot_be_a_directory_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = DataDir::open(file.path().join("sub")).unwrap_err();
        assert!(error.to_string().contains("sub"), "{error}");
    }
}
