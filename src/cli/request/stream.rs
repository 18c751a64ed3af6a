//! The body of a response, written as it comes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Response;
use rustix::fs::OFlags;
use tokio::time::timeout;

use super::{AskError, Failed, unanswered};

/// Longest time without a byte of a response.
const STALL: Duration = Duration::from_secs(30);

/// Hands the body of a response to `take`, piece by piece.
pub(in crate::cli) async fn read_body(
    mut response: Response,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Failed> {
    loop {
        match timeout(STALL, response.chunk()).await {
            Err(_) => return Err(Failed::Again(format!("nothing came for {} s", STALL.as_secs()), None)),
            Ok(Err(error)) => return Err(unanswered(&error)),
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(piece))) => {
                let refused = |error: io::Error| Failed::ForGood(AskError::Failed(format!("writing it: {error}")));
                take(&piece).map_err(refused)?;
            }
        }
    }
}

/// A file that is being written: it takes its name once it is whole.
#[derive(Debug)]
pub(in crate::cli) struct PartFile {
    part: PathBuf,
    path: PathBuf,
    file: File,
}

impl PartFile {
    /// Opens the part of a file beside it, with what is there of it; `tag` tells parts for one name apart.
    pub(in crate::cli) fn open(path: &Path, tag: &str) -> io::Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{tag}.part"));
        // A link that somebody has put there leads nowhere.
        let mut options = OpenOptions::new();
        options.append(true).create(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(&part)?;
        Ok(Self { part: part.into(), path: path.to_owned(), file })
    }

    /// Bytes that are there.
    pub(in crate::cli) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Where the part is.
    pub(in crate::cli) fn part(&self) -> &Path {
        &self.part
    }

    /// Begins anew.
    pub(in crate::cli) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }

    pub(in crate::cli) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Gives the file its name; what had it before is replaced.
    pub(in crate::cli) fn finish(self) -> io::Result<()> {
        fs::rename(&self.part, &self.path)
    }

    /// Removes what is there.
    pub(in crate::cli) fn discard(self) {
        // What can't be removed is in nobody's way.
        let _ = fs::remove_file(&self.part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_goes_on_and_takes_its_name_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        let mut part = PartFile::open(&path, "1").unwrap();
        part.write(b"one").unwrap();
        drop(part);
        let mut part = PartFile::open(&path, "1").unwrap();
        assert_eq!((part.size().unwrap(), path.exists()), (3, false));
        part.write(b" two").unwrap();
        part.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("b.1.part")).unwrap();
        assert!(PartFile::open(&dir.path().join("b"), "1").is_err(), "a link is not followed");
    }
}
