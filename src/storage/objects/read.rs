//! Reading objects as streams of pieces.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path as StorePath;
use object_store::{Attributes, GetOptions, GetRange, GetResult, ObjectStore};
use tokio::sync::Semaphore;

use super::ObjectsError;
use super::directory::blocking;

/// Bytes of a file that are read at a time.
const PIECE: u64 = 256 * 1024;

/// Files that this process has open at a time to read a piece of each. They are part of the descriptors
/// that connections leave free.
pub const READS_AT_A_TIME: usize = 16;

static READS: Semaphore = Semaphore::const_new(READS_AT_A_TIME);

/// The bytes of an object.
pub struct Body {
    /// Bytes of the whole object, also when only a range of it is read.
    pub size: u64,
    /// The range that is read.
    pub range: Range<u64>,
    /// The pieces. Dropping the stream early ends the read.
    pub stream: BoxStream<'static, Result<Bytes, ObjectsError>>,
    /// The metadata that the store keeps.
    pub(super) attributes: Attributes,
}

/// Reads a file. The file is open only while a piece is read, so readers that pause hold no descriptor, however many
/// they are. The stream ends with an error when the file was removed meanwhile.
pub(super) async fn file(path: PathBuf, range: Option<Range<u64>>) -> Result<Body, ObjectsError> {
    let path: Arc<Path> = path.into();
    let opened = path.clone();
    let which = reading(move || FileIdentity::of(&open(&opened)?)).await?;
    let size = which.size;
    let range = match range {
        Some(range) => within(range, size)?,
        None => 0..size,
    };
    let stream = stream::try_unfold((path, range.clone()), move |(path, left)| async move {
        if left.is_empty() {
            return Ok(None);
        }
        reading(move || {
            let file = open(&path)?;
            if FileIdentity::of(&file)? != which {
                return Err(ObjectsError::Refused("the file was replaced while it was read".into()));
            }
            let end = left.end.min(left.start + PIECE);
            let mut piece = vec![0; (end - left.start) as usize];
            file.read_exact_at(&mut piece, left.start)?;
            Ok(Some((Bytes::from(piece), (path, end..left.end))))
        })
        .await
    });
    Ok(Body { size, range, stream: stream.boxed(), attributes: Attributes::default() })
}

/// The identity of a file, to notice that the path leads to another one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    number: u64,
    size: u64,
    modified: (i64, i64),
}

impl FileIdentity {
    fn of(file: &File) -> Result<Self, ObjectsError> {
        let found = file.metadata()?;
        match found.is_file() {
            true => Ok(Self {
                device: found.dev(),
                number: found.ino(),
                size: found.len(),
                modified: (found.mtime(), found.mtime_nsec()),
            }),
            false => Err(ObjectsError::NotFound),
        }
    }
}

fn open(path: &Path) -> Result<File, ObjectsError> {
    Ok(File::open(path)?)
}

/// Runs a blocking read while it holds one of the permits for open files.
async fn reading<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectsError> + Send + 'static,
) -> Result<T, ObjectsError> {
    let permit = READS.acquire().await.map_err(|closed| ObjectsError::Unavailable(closed.to_string()))?;
    blocking(move || {
        let _permit = permit; // until the file is closed, also when nobody waits for it any more
        work()
    })
    .await
}

/// Reads from a store over HTTP.
pub(super) async fn object(
    store: Arc<dyn ObjectStore>,
    path: StorePath,
    range: Option<Range<u64>>,
) -> Result<Body, ObjectsError> {
    let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
    let found = store.get_opts(&path, options).await?;
    let (size, range, attributes) = (found.meta.size, found.range.clone(), found.attributes.clone());
    let tag = found.meta.e_tag.clone();
    let reader = ObjectReader { store, path, tag, left: range.clone(), pieces: pieces(found), has_moved: true };
    let stream = stream::try_unfold(reader, |mut reader| async move {
        let piece = reader.next().await?;
        Ok(piece.map(|piece| (piece, reader)))
    });
    Ok(Body { size, range, stream: stream.boxed(), attributes })
}

/// A read in progress. A broken read is resumed at its offset as long as it makes progress. The client itself resumes
/// only in its first seconds, and counts the time of a slow reader as the store's.
struct ObjectReader {
    store: Arc<dyn ObjectStore>,
    path: StorePath,
    /// The ETag of this version of the object. Another version can't continue it.
    tag: Option<String>,
    left: Range<u64>,
    pieces: BoxStream<'static, Result<Bytes, ObjectsError>>,
    /// Whether a byte came since the read began or was resumed.
    has_moved: bool,
}

impl ObjectReader {
    async fn next(&mut self) -> Result<Option<Bytes>, ObjectsError> {
        loop {
            match self.pieces.next().await {
                Some(Ok(piece)) => {
                    self.left.start += piece.len() as u64;
                    self.has_moved = true;
                    return Ok(Some(piece));
                }
                None if self.left.is_empty() => return Ok(None),
                Some(Err(ObjectsError::Unavailable(_))) | None if self.has_moved && !self.left.is_empty() => {
                    let range = Some(GetRange::Bounded(self.left.clone()));
                    let rest = self.store.get_opts(&self.path, GetOptions { range, ..GetOptions::default() }).await?;
                    if rest.meta.e_tag != self.tag {
                        return Err(ObjectsError::Refused("the object was replaced while it was read".into()));
                    }
                    (self.pieces, self.has_moved) = (pieces(rest), false);
                }
                Some(Err(error)) => return Err(error),
                None => return Err(ObjectsError::Unavailable("the store ended the object too early".into())),
            }
        }
    }
}

fn pieces(found: GetResult) -> BoxStream<'static, Result<Bytes, ObjectsError>> {
    found.into_stream().map_err(ObjectsError::from).boxed()
}

/// The range, cut to an object of this size.
fn within(range: Range<u64>, size: u64) -> Result<Range<u64>, ObjectsError> {
    if range.is_empty() || range.start >= size {
        return Err(ObjectsError::Refused(format!("there are no bytes {range:?} in an object of {size}")));
    }
    Ok(range.start..range.end.min(size))
}
