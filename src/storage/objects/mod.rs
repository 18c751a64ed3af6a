//! The object store that keeps artifacts: a directory, S3, Google Cloud Storage or Azure, behind one interface.
//!
//! - An object is whole or absent, also after a power loss: what is being written can't be seen, and a write is
//!   answered
//!   once it is durable. Objects are replaced, never changed.
//! - Memory is bounded, whatever the size of an object: a [`ObjectWriter`] holds two parts, a read one piece, a list
//!   one
//!   page.
//! - Waiting is bounded: by [`ObjectsOptions::retry`] and one last [`ObjectsOptions::request`].
//! - [`Objects::clear`] removes what a crash leaves of an upload; the caller keeps [`ObjectWriter::upload`] for it.
//! - Content type, encoding and disposition are given to a store at the upload, so that it hands them out by itself. A
//!   directory keeps none of them: its objects are handed out by whoever knows them, by URLs of our own ([`signing`]).

use std::fmt;
use std::future::ready;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::multipart::MultipartStore;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt as _};

use self::cloud::Cloud;
use self::directory::Directory;
use self::key::ObjectKey;
use super::space::Reservation;
use crate::protocol::Timestamp;

mod cloud;
mod copy;
mod directory;
mod error;
mod key;
mod meta;
mod options;
mod presign;
mod probe;
mod read;
pub mod signing;
mod url_key;
mod writer;

pub use error::ObjectsError;
pub use meta::ObjectMeta;
pub use object_store::signer::Url;
pub use options::{AccessKeys, Addressing, Bucket, ObjectsOptions, StoreLocation};
pub use presign::SignedUpload;
pub use read::{Body, READS_AT_A_TIME};
pub use url_key::UrlKey;
pub use writer::ObjectWriter;

/// The prefix of the objects that probes write. No key can begin with it.
const PROBES: &str = ".probe";

/// An object store. Clones share it.
#[derive(Clone)]
pub struct Objects(Arc<ObjectsState>);

struct ObjectsState {
    store: Arc<dyn ObjectStore>,
    /// The prefix of all keys, with a slash at its end; may be empty.
    prefix: String,
    kind: StoreKind,
}

enum StoreKind {
    Directory(Directory),
    Cloud(Box<Cloud>),
}

/// An object as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The object's key.
    pub key: String,
    /// The object's size in bytes.
    pub size: u64,
    /// Time of its last write, by the store's clock.
    pub modified: Timestamp,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.location())
    }
}

impl Objects {
    /// Opens the store that the options name. It sends no request yet; see [`Objects::probe`].
    ///
    /// # Errors
    /// [`ObjectsError::Settings`]; [`ObjectsError::NoBucket`] for a directory that is not there.
    pub fn open(options: &ObjectsOptions) -> Result<Self, ObjectsError> {
        let inner = match &options.location {
            StoreLocation::Directory { path, min_free_bytes } => {
                let (store, directory) = Directory::open(path, *min_free_bytes)?;
                ObjectsState { store: Arc::new(store), prefix: String::new(), kind: StoreKind::Directory(directory) }
            }
            StoreLocation::S3 { bucket, .. } | StoreLocation::Gcs { bucket, .. } | StoreLocation::Azure { bucket } => {
                let (store, cloud) = Cloud::open(options, bucket)?;
                let prefix = if bucket.prefix.is_empty() { String::new() } else { format!("{}/", bucket.prefix) };
                ObjectsState { store, prefix, kind: StoreKind::Cloud(Box::new(cloud)) }
            }
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The store's location as a text without secrets.
    pub fn location(&self) -> String {
        match &self.0.kind {
            StoreKind::Directory(directory) => directory.root().display().to_string(),
            StoreKind::Cloud(cloud) => cloud.location().to_owned(),
        }
    }

    /// Whether the store serves its objects itself, by signed URLs. A directory does not.
    pub fn serves_itself(&self) -> bool {
        matches!(self.0.kind, StoreKind::Cloud(_))
    }

    /// The path of an object's file, whether it exists or not; `None` when the store is not a directory.
    pub fn local_path(&self, key: &str) -> Option<PathBuf> {
        match &self.0.kind {
            StoreKind::Directory(directory) => Some(directory.file(ObjectKey::read(key)?)),
            StoreKind::Cloud(_) => None,
        }
    }

    /// Begins to write an object. When it is finished it replaces the object of this key; until then nobody can see it.
    ///
    /// # Errors
    /// [`ObjectsError::Key`]; [`ObjectsError::Full`] when a directory has too little space.
    pub async fn writer(&self, key: &str, meta: &ObjectMeta) -> Result<ObjectWriter, ObjectsError> {
        let room = self.reserve(None).await?;
        self.writer_in(key, meta, room)
    }

    /// Reserves space for an object of `size` bytes, or for its first bytes if the size is not known. `None`: the store
    /// is not on our disk.
    ///
    /// # Errors
    /// [`ObjectsError::Full`].
    pub async fn reserve(&self, size: Option<u64>) -> Result<Option<Reservation>, ObjectsError> {
        match &self.0.kind {
            StoreKind::Directory(directory) => directory.reserve(size.unwrap_or(0)).await.map(Some),
            StoreKind::Cloud(_) => Ok(None),
        }
    }

    /// As [`Objects::writer`], with space that was reserved before.
    ///
    /// # Errors
    /// [`ObjectsError::Key`].
    pub fn writer_in(
        &self,
        key: &str,
        meta: &ObjectMeta,
        room: Option<Reservation>,
    ) -> Result<ObjectWriter, ObjectsError> {
        let path = self.path(ObjectKey::parse(key)?)?;
        let attributes = if self.serves_itself() { meta.attributes() } else { Default::default() };
        Ok(ObjectWriter::new(self.clone(), path, attributes, room))
    }

    /// Stores bytes as an object.
    ///
    /// # Errors
    /// [`ObjectsError`]; [`ObjectsError::Full`] when a directory has too little space.
    pub async fn put(&self, key: &str, meta: &ObjectMeta, bytes: &[u8]) -> Result<(), ObjectsError> {
        let room = self.reserve(Some(bytes.len() as u64)).await?;
        let mut writer = self.writer_in(key, meta, room)?;
        writer.write(bytes).await?;
        writer.commit().await?;
        Ok(())
    }

    /// Stores a file as an object. A directory on the file's disk takes the file itself, which is gone then.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn put_file(&self, key: &str, meta: &ObjectMeta, file: &Path) -> Result<u64, ObjectsError> {
        self.put_file_noting(key, meta, file, |_| ready(Ok(()))).await
    }

    /// As [`Objects::put_file`]; `note` receives the store's id of the multipart upload, for [`Objects::clear`].
    ///
    /// # Errors
    /// [`ObjectsError`], or that of `note`.
    pub async fn put_file_noting<E, N>(
        &self,
        key: &str,
        meta: &ObjectMeta,
        file: &Path,
        note: impl FnOnce(String) -> N,
    ) -> Result<u64, E>
    where
        E: From<ObjectsError>,
        N: Future<Output = Result<(), E>>,
    {
        if let StoreKind::Directory(directory) = &self.0.kind
            && let Some(size) = directory.take(ObjectKey::parse(key)?, file).await?
        {
            return Ok(size);
        }
        let body = read::file(file.to_owned(), None).await?;
        let room = self.reserve(Some(body.size)).await?;
        let (mut writer, mut body) = (self.writer_in(key, meta, room)?, body.stream);
        let mut note = Some(note);
        while let Some(piece) = body.next().await {
            writer.write(&piece?).await?;
            if let Some(upload) = writer.upload()
                && let Some(note) = note.take()
            {
                note(upload.to_owned()).await?;
            }
        }
        Ok(writer.commit().await?)
    }

    /// The size of an object in bytes; `None` when it does not exist.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn head(&self, key: &str) -> Result<Option<u64>, ObjectsError> {
        match self.0.store.head(&self.path(ObjectKey::parse(key)?)?).await.map_err(ObjectsError::from) {
            Ok(found) => Ok(Some(found.size)),
            Err(ObjectsError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads an object, or a range of it, piece by piece as the stream is polled.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn read(&self, key: &str, range: Option<Range<u64>>) -> Result<Body, ObjectsError> {
        let key = ObjectKey::parse(key)?;
        match &self.0.kind {
            StoreKind::Directory(directory) => read::file(directory.file(key), range).await,
            StoreKind::Cloud(_) => read::object(self.0.store.clone(), self.path(key)?, range).await,
        }
    }

    /// Copies an object with its metadata.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn copy(&self, from: &str, to: &str) -> Result<(), ObjectsError> {
        copy::copy(self, from, to).await
    }

    /// Removes an object. An object that does not exist counts as removed.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn delete(&self, key: &str) -> Result<(), ObjectsError> {
        self.delete_path(&self.path(ObjectKey::parse(key)?)?).await
    }

    async fn delete_path(&self, path: &StorePath) -> Result<(), ObjectsError> {
        match self.0.store.delete(path).await.map_err(ObjectsError::from) {
            Err(ObjectsError::NotFound) => Ok(()),
            deleted => deleted,
        }
    }

    /// Removes the parts of an abandoned upload to `key`, and the object itself; `upload` is the id that
    /// its writer had. On Azure uncommitted blocks can't be removed; Azure drops them within a week.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn clear(&self, key: &str, upload: Option<&str>) -> Result<(), ObjectsError> {
        let parsed = ObjectKey::parse(key)?;
        match (&self.0.kind, upload) {
            (StoreKind::Directory(directory), _) => directory.clear(parsed).await?,
            (StoreKind::Cloud(cloud), Some(upload)) => {
                if let Some(store) = cloud.multipart() {
                    match store
                        .abort_multipart(&self.path(parsed)?, &upload.to_owned())
                        .await
                        .map_err(ObjectsError::from)
                    {
                        Ok(()) | Err(ObjectsError::NotFound) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            (StoreKind::Cloud(_), None) => {}
        }
        self.delete(key).await
    }

    /// Lists the objects below `prefix`, which is empty or ends at a slash. Objects whose names are not valid keys are
    /// left out.
    pub fn list(&self, prefix: &str) -> BoxStream<'static, Result<ListedObject, ObjectsError>> {
        let below = self.folder(prefix);
        self.listed(self.0.store.list(below.as_ref()))
    }

    /// Lists the objects below `prefix` whose keys come after `after`, which may be only the beginning of a key.
    pub fn list_after(&self, prefix: &str, after: &str) -> BoxStream<'static, Result<ListedObject, ObjectsError>> {
        let below = self.folder(prefix);
        match StorePath::parse(format!("{}{after}", self.0.prefix)) {
            Ok(after) => self.listed(self.0.store.list_with_offset(below.as_ref(), &after)),
            Err(_) => self.list(prefix),
        }
    }

    /// The path of a folder; `None`: that of the store as a whole.
    fn folder(&self, prefix: &str) -> Option<StorePath> {
        let below = format!("{}{prefix}", self.0.prefix);
        StorePath::parse(below.trim_end_matches('/')).ok().filter(|path| !path.as_ref().is_empty())
    }

    fn listed(
        &self,
        found: BoxStream<'static, object_store::Result<object_store::ObjectMeta>>,
    ) -> BoxStream<'static, Result<ListedObject, ObjectsError>> {
        let ours = self.0.prefix.clone();
        let listed = found.filter_map(move |found| {
            let listed = match found.map_err(ObjectsError::from) {
                // The directory does not exist before the first object.
                Err(ObjectsError::NotFound) => None,
                Err(error) => Some(Err(error)),
                Ok(found) => found.location.as_ref().strip_prefix(ours.as_str()).and_then(ObjectKey::read).map(|key| {
                    let modified = Timestamp::from_millis(found.last_modified.timestamp_millis());
                    Ok(ListedObject { key: key.as_str().to_owned(), size: found.size, modified })
                }),
            };
            std::future::ready(listed)
        });
        listed.boxed()
    }

    /// The name of an object within the bucket.
    fn path(&self, key: ObjectKey<'_>) -> Result<StorePath, ObjectsError> {
        let path = format!("{}{}", self.0.prefix, key.as_str());
        StorePath::parse(path).map_err(|_| ObjectsError::Key(key.as_str().to_owned()))
    }

    fn multipart(&self) -> Option<&Arc<dyn MultipartStore>> {
        match &self.0.kind {
            StoreKind::Directory(_) => None,
            StoreKind::Cloud(cloud) => cloud.multipart(),
        }
    }
}
