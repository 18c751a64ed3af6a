//! A directory that appears whole or not at all: it is filled under another name beside its place, and renamed.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The file whose lock says that somebody is filling the directory. It goes once the directory has its name.
const LOCK: &str = "lock";

/// A directory that is being filled. Dropping it removes it, unless [`PartialDir::finish`] has given it its name; a kill
/// leaves it under the other name, and the next one removes it.
#[derive(Debug)]
pub(crate) struct PartialDir {
    path: PathBuf,
    target: PathBuf,
    lock: Option<File>,
}

impl PartialDir {
    /// Begins a directory that is to be `target`, which may be there if it is empty. `mode` is that of the directory.
    ///
    /// # Errors
    /// `target` has something in it, is a mount point, or can't be made; another process is filling it.
    pub(crate) fn begin(target: &Path, mode: u32) -> anyhow::Result<Self> {
        let shown = target.display();
        let target = std::path::absolute(target)?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            bail!("{shown} can't be replaced: name a directory in it");
        };
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        check_empty(&target, parent)?;
        let mut partial = OsString::from(".");
        partial.push(name);
        partial.push(".partial");
        let path = parent.join(partial);
        let mut dir = DirBuilder::new();
        dir.mode(mode);
        match dir.create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Held while it is removed, so that nobody who fills it loses it.
                let _lock = take_lock(&path)?;
                fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
                dir.create(&path)
            }
            made => made,
        }
        .with_context(|| path.display().to_string())?;
        let lock = Some(take_lock(&path)?);
        Ok(Self { path, target, lock })
    }

    /// The directory, while it is being filled.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file or directory in it.
    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Gives the directory its name, once all that is in it is on the disk.
    ///
    /// # Errors
    /// Something came to be there meanwhile; the disk fails.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        sync_all_below(&self.path).with_context(|| self.path.display().to_string())?;
        // Without its lock, another process would remove it as what a kill has left.
        fs::rename(&self.path, &self.target).with_context(|| self.target.display().to_string())?;
        self.lock = None;
        // One that stays is an empty file, which a data directory has anyway.
        let _ = fs::remove_file(self.target.join(LOCK));
        if let Some(parent) = self.target.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for PartialDir {
    fn drop(&mut self) {
        if self.lock.take().is_some() {
            // What can't be removed is not taken for anything whole.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn check_empty(target: &Path, parent: &Path) -> anyhow::Result<()> {
    let shown = target.display();
    let mut entries = match fs::read_dir(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| shown.to_string())?,
    };
    if entries.next().is_some() {
        bail!("{shown} is not empty: nothing in it was changed");
    }
    if fs::metadata(target)?.dev() != fs::metadata(parent)?.dev() {
        bail!("{shown} is a mount point, which can't be replaced as a whole: name a directory in it");
    }
    Ok(())
}

fn take_lock(path: &Path) -> anyhow::Result<File> {
    let file = path.join(LOCK);
    let lock = File::options().create(true).truncate(false).write(true).open(&file);
    let lock = lock.with_context(|| file.display().to_string())?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => bail!("another process is filling {}", path.display()),
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| file.display().to_string()),
    }
}

/// Returns once everything on the directory's file system is on the disk.
#[cfg(target_os = "linux")]
fn sync_all_below(directory: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(directory)?)?)
}

/// Returns once everything is on its way to the disk.
#[cfg(not(target_os = "linux"))]
fn sync_all_below(_directory: &Path) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_appears_whole_under_its_name_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("a/b");
        let names = || {
            let entries = fs::read_dir(home.path().join("a")).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        let partial = PartialDir::begin(&target, 0o700).unwrap();
        fs::write(partial.join("x"), "1").unwrap();
        assert_eq!(names(), [".b.partial"]);
        let second = PartialDir::begin(&target, 0o700).unwrap_err().to_string();
        assert!(second.starts_with("another process is filling "), "{second}");
        drop(partial);
        assert_eq!(names(), [""; 0]);

        // What a kill has left is removed by the next one.
        fs::create_dir(home.path().join("a/.b.partial")).unwrap();
        fs::write(home.path().join("a/.b.partial/old"), "1").unwrap();
        fs::create_dir(&target).unwrap(); // an empty directory may be there
        let partial = PartialDir::begin(&target, 0o700).unwrap();
        fs::write(partial.join("x"), "1").unwrap();
        partial.finish().unwrap();
        assert_eq!(names(), ["b"]);
        let inside: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(inside, ["x"]);

        let full = PartialDir::begin(&target, 0o700).unwrap_err().to_string();
        assert!(full.ends_with("is not empty: nothing in it was changed"), "{full}");
    }
}
