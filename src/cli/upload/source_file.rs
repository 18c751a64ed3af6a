//! A file as it was when its digest was taken, and the stream of its bytes into a request.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use indicatif::ProgressBar;
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use super::super::artifacts::listing::ShownArtifact;
use crate::artifacts::Digesting;
use crate::protocol::Sha256;

/// Bytes read at a time. An upload holds no more of its file in memory, apart from the connection's buffers.
const PIECE: usize = 256 * 1024;

/// A file that has been read once.
#[derive(Clone, Debug)]
pub(in super::super) struct SourceRead {
    path: PathBuf,
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    /// The upload's idempotency key, the same for each retry.
    pub(super) key: Uuid,
    stamp: Stamp,
}

/// Properties that differ after a file was written to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(meta: &fs::Metadata) -> Self {
        Self { length: meta.len(), modified: meta.modified().ok() }
    }
}

impl SourceRead {
    /// Reads the whole file on a blocking thread. Bytes appended meanwhile are ignored.
    pub(in super::super) async fn of(path: &Path) -> io::Result<Self> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || Self::digest(path)).await.map_err(io::Error::other)?
    }

    fn digest(path: PathBuf) -> io::Result<Self> {
        // Checked first, because opening a pipe waits for its other end.
        if !fs::metadata(&path)?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let file = File::open(&path)?;
        let stamp = Stamp::of(&file.metadata()?);
        let mut file = file.take(stamp.length);
        let mut digest = Digesting::default();
        let size = digest.read(&mut file, |_| Ok(()))?;
        Ok(Self { path, size, sha256: digest.sha256(), key: Uuid::now_v7(), stamp })
    }

    /// Whether the file was changed or removed since.
    pub(super) fn is_stale(&self) -> bool {
        fs::metadata(&self.path).map(|meta| Stamp::of(&meta)).ok().as_ref() != Some(&self.stamp)
    }

    /// The digest of its bytes in hexadecimal digits.
    pub(in super::super) fn sha256(&self) -> String {
        self.sha256.to_string()
    }

    /// Whether the artifact has exactly these bytes.
    pub(in super::super) fn is_that_of(&self, artifact: &ShownArtifact) -> bool {
        artifact.size == Some(self.size) && artifact.sha256.as_deref() == Some(self.sha256.to_string().as_str())
    }

    /// The file's bytes, as many as were read for the digest; `moved` counts each piece that is taken.
    pub(super) async fn body(
        &self,
        moved: Moved,
    ) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
        let file = tokio::fs::File::open(&self.path).await?;
        Ok(try_unfold((file, self.size, moved), async |(mut file, left, moved)| {
            if left == 0 {
                return Ok(None);
            }
            let most = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
            let mut piece = BytesMut::zeroed(most);
            let count = file.read(&mut piece).await?;
            if count == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent"));
            }
            piece.truncate(count);
            moved.add(count as u64);
            Ok(Some((piece.freeze(), (file, left - count as u64, moved))))
        }))
    }
}

/// Progress of one attempt at an upload.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    bytes: Arc<AtomicU64>,
    bar: ProgressBar,
}

impl Moved {
    /// Starts from zero.
    pub(super) fn new(bar: &ProgressBar) -> Self {
        bar.set_position(0);
        Self { bytes: Arc::default(), bar: bar.clone() }
    }

    fn add(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
        self.bar.inc(count);
    }

    /// Bytes that the connection has taken.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    async fn body(reading: &SourceRead) -> io::Result<(Vec<u8>, u64)> {
        let moved = Moved::new(&ProgressBar::hidden());
        let pieces: Vec<Bytes> = reading.body(moved.clone()).await?.try_collect().await?;
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
        Ok((pieces.concat(), moved.bytes()))
    }

    #[tokio::test]
    async fn what_is_sent_is_what_was_read_also_of_a_file_that_grows() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..PIECE as u32 + 1_000).map(|i| i as u8).collect();
        fs::write(file.path(), &content).unwrap();
        let reading = SourceRead::of(file.path()).await.unwrap();
        assert!(!reading.is_stale());
        fs::write(file.path(), [&content[..], b"more"].concat()).unwrap();
        assert!(reading.is_stale());
        let (sent, moved) = body(&reading).await.unwrap();
        assert_eq!((sent == content, moved), (true, content.len() as u64));
        let mut digest = Digesting::default();
        digest.take(&sent);
        assert_eq!(digest.sha256(), reading.sha256);
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_not_sent_as_if_it_were_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "0123456789").unwrap();
        let reading = SourceRead::of(file.path()).await.unwrap();
        fs::write(file.path(), "01234").unwrap();
        assert_eq!(body(&reading).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn an_empty_file_has_a_digest_and_a_pipe_is_refused_without_waiting_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty");
        fs::write(&empty, "").unwrap();
        let reading = SourceRead::of(&empty).await.unwrap();
        assert!(reading.size == 0 && reading.sha256.to_string().starts_with("e3b0c442"));
        assert_eq!(body(&reading).await.unwrap(), (Vec::new(), 0));
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(SourceRead::of(&pipe).await.unwrap_err().to_string().contains("not a regular file"));
    }
}
