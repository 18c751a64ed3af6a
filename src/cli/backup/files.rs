//! Files of a backup: copied and summed in one pass, and compared with what the manifest says.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::artifacts::Digesting;

/// A file and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileSum {
    /// Its name in the backup.
    pub(crate) file: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub(crate) sha256: String,
}

impl FileSum {
    /// The sum of a file as it is.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn of(directory: &Path, name: &str) -> anyhow::Result<Self> {
        let path = directory.join(name);
        let read = || -> io::Result<_> { pass(&mut File::open(&path)?, |_| Ok(())) };
        let (size, sha256) = read().with_context(|| path.display().to_string())?;
        Ok(Self { file: name.into(), size, sha256 })
    }

    /// Copies the file of a backup to `to`.
    ///
    /// # Errors
    /// It is missing, or damaged: its bytes are not those that were summed.
    pub(crate) fn copy_checked(&self, directory: &Path, to: &Path) -> anyhow::Result<()> {
        let from = directory.join(&self.file);
        match copy(&from, to, Some(self.size))? {
            Some((size, sha256)) if size == self.size && sha256 == self.sha256 => Ok(()),
            Some((size, _)) if size != self.size => {
                bail!("{} is damaged: it has {size} bytes instead of {}", from.display(), self.size)
            }
            Some((_, sha256)) => {
                bail!("{} is damaged: its SHA-256 is {sha256} instead of {}", from.display(), self.sha256)
            }
            None => bail!("{} is missing", from.display()),
        }
    }
}

/// Copies a file, with its permissions, into a new one; its size and SHA-256. `None` when it is not there. No more than
/// a byte beyond `most` is read.
///
/// # Errors
/// It can't be read, or the copy not be written; the text names which.
pub(crate) fn copy(from: &Path, to: &Path, most: Option<u64>) -> anyhow::Result<Option<(u64, String)>> {
    let source = match File::open(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.with_context(|| from.display().to_string())?,
    };
    let mode = source.metadata().with_context(|| from.display().to_string())?.mode() & 0o777;
    let target = OpenOptions::new().write(true).create_new(true).mode(mode).open(to);
    let mut target = target.with_context(|| to.display().to_string())?;
    let mut source = source.take(most.map_or(u64::MAX, |most| most.saturating_add(1)));
    let copied = pass(&mut source, |piece| target.write_all(piece));
    copied.map(Some).with_context(|| format!("{} to {}", from.display(), to.display()))
}

/// Reads to the end, handing on each piece; the bytes and their SHA-256.
fn pass(source: &mut impl Read, take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<(u64, String)> {
    let mut digest = Digesting::default();
    let size = digest.read(source, take)?;
    Ok((size, digest.sha256().to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_copied_as_it_was_summed_or_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("a"), |name: &str| home.path().join(name));
        fs::write(&from, "abc").unwrap();
        let sum = FileSum::of(home.path(), "a").unwrap();
        // FIPS 180-4, example "abc".
        assert_eq!(sum.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        sum.copy_checked(home.path(), &to("b")).unwrap();
        assert_eq!(fs::read(to("b")).unwrap(), b"abc");
        for (content, said) in
            [("abd", "a is damaged: its SHA-256 is "), ("ab", "a is damaged: it has 2 bytes instead of 3")]
        {
            fs::write(&from, content).unwrap();
            let error = sum.copy_checked(home.path(), &to(content)).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        fs::write(&from, "much longer").unwrap();
        let error = sum.copy_checked(home.path(), &to("c")).unwrap_err().to_string();
        assert!(error.contains("instead of 3"), "{error}");
        fs::remove_file(&from).unwrap();
        assert!(sum.copy_checked(home.path(), &to("d")).unwrap_err().to_string().ends_with("a is missing"));
    }
}
