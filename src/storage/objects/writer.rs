//! Writes an object of unknown size in bounded memory: one part is filled while the part before it is sent.

use std::mem;
use std::sync::Arc;

use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as StorePath;
use object_store::{
    Attributes, MultipartUpload, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutPayloadMut,
};
use tokio::runtime::Handle;
use tracing::debug;

use super::{Objects, ObjectsError};
use crate::storage::space::Reservation;
use crate::tasks::{self, Task};

/// Bytes of a part for a store over HTTP: the minimum of S3; all parts have the same size, as R2 demands.
const PART: usize = 5 * 1024 * 1024;
/// Bytes of a part for a directory.
const FILE_PART: usize = 512 * 1024;
/// Bytes that a part grows by.
const BLOCK: usize = 128 * 1024;
/// Most parts of an object; S3's bound.
pub(super) const MAX_PARTS: usize = 10_000;
/// How often a directory is created again that another task has removed because it was empty.
const TRIES: usize = 100;

/// An object being written. Dropping it before it is finished removes what it wrote, in a task.
pub struct ObjectWriter {
    objects: Objects,
    path: StorePath,
    attributes: Attributes,
    /// Reserved space on the disk, for a directory.
    room: Option<Reservation>,
    /// The bytes of the next part.
    filling: PutPayloadMut,
    /// Bytes written so far.
    size: u64,
    /// The multipart upload, from the second part on.
    upload: Option<OpenUpload>,
    /// The operation in progress. It goes on when its caller is cancelled, and is never repeated.
    task: Option<Task<Result<WriterStep, ObjectsError>>>,
    /// Number of parts sent.
    sent: usize,
    failed: bool,
}

/// A multipart upload in progress.
enum OpenUpload {
    /// An upload with an id, which another process can abort.
    Named { store: Arc<dyn MultipartStore>, id: String, parts: Vec<PartId> },
    /// An upload without an id, which only this process can continue.
    Held(Box<dyn MultipartUpload>),
}

/// The result of an operation.
enum WriterStep {
    Begun(OpenUpload),
    /// A part of an upload with an id is stored.
    Stored(PartId),
    /// A part of an upload without an id is stored.
    Taken,
}

impl ObjectWriter {
    pub(super) fn new(objects: Objects, path: StorePath, attributes: Attributes, room: Option<Reservation>) -> Self {
        let filling = PutPayloadMut::new().with_block_size(BLOCK);
        Self { objects, path, attributes, room, filling, size: 0, upload: None, task: None, sent: 0, failed: false }
    }

    /// The store's id of the multipart upload, once there is one; for [`Objects::clear`].
    pub fn upload(&self) -> Option<&str> {
        match &self.upload {
            Some(OpenUpload::Named { id, .. }) => Some(id),
            _ => None,
        }
    }

    /// Writes the next bytes; waits while the part before is sent. After an error nothing more can be written.
    ///
    /// # Errors
    /// [`ObjectsError`].
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), ObjectsError> {
        if let Some(room) = &mut self.room
            && let Err(error) = room.write(bytes.len() as u64).await
        {
            self.failed = true;
            return Err(error.into());
        }
        let most = self.most();
        while !bytes.is_empty() {
            // A full part is sent only when more bytes follow, so that the last part is never empty.
            if self.filling.content_length() == most {
                self.send().await?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(most - self.filling.content_length()));
            self.filling.extend_from_slice(now);
            self.size += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Completes the object; returns its size in bytes.
    ///
    /// # Errors
    /// [`ObjectsError`]. The object may exist all the same when the store did not answer.
    pub async fn commit(mut self) -> Result<u64, ObjectsError> {
        let committed = self.complete().await;
        if committed.is_ok() {
            self.upload = None;
        }
        committed.map(|()| self.size)
    }

    /// Aborts the write, and waits until its parts are removed.
    ///
    /// # Errors
    /// [`ObjectsError`]: some parts may be left.
    pub async fn abort(mut self) -> Result<(), ObjectsError> {
        let (task, upload) = (self.task.take(), self.upload.take());
        dismantle(self.path.clone(), task, upload).await
    }

    async fn complete(&mut self) -> Result<(), ObjectsError> {
        if self.upload.is_none() && self.task.is_none() && !self.failed {
            let payload = mem::take(&mut self.filling).freeze();
            let options = PutOptions { attributes: mem::take(&mut self.attributes), ..PutOptions::default() };
            for _ in 0..self.objects.tries() {
                let put = self.objects.0.store.put_opts(&self.path, payload.clone(), options.clone()).await;
                match put.map_err(ObjectsError::from) {
                    Err(ObjectsError::NotFound) => {}
                    put => return put.map(drop),
                }
            }
            return Err(ObjectsError::nowhere());
        }
        self.send().await?;
        self.settle().await?;
        match &mut self.upload {
            Some(OpenUpload::Named { store, id, parts }) => {
                store.complete_multipart(&self.path, id, mem::take(parts)).await?;
            }
            Some(OpenUpload::Held(upload)) => {
                upload.complete().await?;
            }
            None => {}
        }
        Ok(())
    }

    /// Sends the filled part, after the one before it.
    async fn send(&mut self) -> Result<(), ObjectsError> {
        self.settle().await?;
        if self.sent == MAX_PARTS && self.objects.serves_itself() {
            self.failed = true;
            let text = format!("an object elsewhere has at most {} MiB", (MAX_PARTS * PART) >> 20);
            return Err(ObjectsError::TooLarge(text));
        }
        if self.upload.is_none() {
            self.task = Some(self.begin());
            self.settle().await?;
        }
        let part = mem::replace(&mut self.filling, PutPayloadMut::new().with_block_size(BLOCK)).freeze();
        self.task = self.put(part);
        self.sent += 1;
        Ok(())
    }

    /// Waits for the operation. A caller that is cancelled here finds it again at its next call.
    async fn settle(&mut self) -> Result<(), ObjectsError> {
        if self.failed {
            return Err(ObjectsError::Refused("an earlier part failed".into()));
        }
        let Some(task) = &mut self.task else { return Ok(()) };
        let done = task.await.unwrap_or_else(|error| Err(ObjectsError::Unavailable(error.to_string())));
        self.task = None;
        self.failed = done.is_err();
        match (done?, &mut self.upload) {
            (WriterStep::Begun(upload), _) => self.upload = Some(upload),
            (WriterStep::Stored(part), Some(OpenUpload::Named { parts, .. })) => parts.push(part),
            (WriterStep::Stored(_) | WriterStep::Taken, _) => {}
        }
        Ok(())
    }

    fn begin(&mut self) -> Task<Result<WriterStep, ObjectsError>> {
        let options = PutMultipartOptions { attributes: mem::take(&mut self.attributes), ..Default::default() };
        let path = self.path.clone();
        if let Some(store) = self.objects.multipart().cloned() {
            return tasks::spawn("object_part", async move {
                match store.create_multipart_opts(&path, options).await.map_err(ObjectsError::from) {
                    Ok(id) => Ok(WriterStep::Begun(OpenUpload::Named { store, id, parts: Vec::new() })),
                    Err(ObjectsError::NotFound) => Err(ObjectsError::nowhere()),
                    Err(error) => Err(error),
                }
            });
        }
        let (store, tries) = (self.objects.0.store.clone(), self.objects.tries());
        if self.objects.serves_itself() {
            return tasks::spawn("object_part", async move { begin_held(store, path, options, tries).await });
        }
        // A directory creates its file within the call, which may block on the disk.
        let runtime = Handle::current();
        tasks::spawn_blocking("object_part", move || runtime.block_on(begin_held(store, path, options, tries)))
    }

    fn put(&mut self, part: PutPayload) -> Option<Task<Result<WriterStep, ObjectsError>>> {
        let number = self.sent;
        match self.upload.as_mut()? {
            OpenUpload::Named { store, id, .. } => {
                let (store, id, path) = (store.clone(), id.clone(), self.path.clone());
                let put = async move { Ok(WriterStep::Stored(store.put_part(&path, &id, number, part).await?)) };
                Some(tasks::spawn("object_part", put))
            }
            OpenUpload::Held(upload) => {
                let put = upload.put_part(part);
                Some(tasks::spawn("object_part", async move {
                    put.await?;
                    Ok(WriterStep::Taken)
                }))
            }
        }
    }

    fn most(&self) -> usize {
        if self.objects.serves_itself() { PART } else { FILE_PART }
    }
}

async fn begin_held(
    store: Arc<dyn ObjectStore>,
    path: StorePath,
    options: PutMultipartOptions,
    tries: usize,
) -> Result<WriterStep, ObjectsError> {
    for _ in 0..tries {
        match store.put_multipart_opts(&path, options.clone()).await.map_err(ObjectsError::from) {
            Ok(upload) => return Ok(WriterStep::Begun(OpenUpload::Held(upload))),
            Err(ObjectsError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ObjectsError::nowhere())
}

/// Aborts an upload after its operation in progress, because a part that arrives later would stay.
async fn dismantle(
    path: StorePath,
    task: Option<Task<Result<WriterStep, ObjectsError>>>,
    upload: Option<OpenUpload>,
) -> Result<(), ObjectsError> {
    let done = match task {
        Some(task) => task.await.ok().and_then(Result::ok),
        None => None,
    };
    let begun = match done {
        Some(WriterStep::Begun(upload)) => Some(upload),
        _ => upload,
    };
    match begun {
        Some(OpenUpload::Named { store, id, .. }) => {
            match store.abort_multipart(&path, &id).await.map_err(Into::into) {
                Err(ObjectsError::NotFound) => Ok(()),
                aborted => aborted,
            }
        }
        Some(OpenUpload::Held(mut upload)) => Ok(upload.abort().await?),
        None => Ok(()),
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        let (task, upload) = (self.task.take(), self.upload.take());
        if task.is_none() && upload.is_none() {
            return;
        }
        let path = self.path.clone();
        // Without a runtime the process is about to end; the cleanup removes what is left.
        if Handle::try_current().is_ok() {
            drop(tasks::spawn("object_abort", async move {
                if let Err(error) = dismantle(path, task, upload).await {
                    debug!(%error, "what was uploaded of an object is left to the cleanup");
                }
            }));
        }
    }
}

impl Objects {
    /// How often a write is tried again when its directory was removed meanwhile.
    fn tries(&self) -> usize {
        if self.serves_itself() { 1 } else { TRIES }
    }
}
