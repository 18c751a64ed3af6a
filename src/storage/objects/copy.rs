//! Copies of objects within a store, made by the store itself where it can.

use futures_util::StreamExt as _;
use object_store::ObjectStoreExt as _;

use super::key::ObjectKey;
use super::writer::ObjectWriter;
use super::{Objects, ObjectsError, StoreKind, read};

/// Copies an object. Where the store can't (a file system without links, more than 5 GiB on S3), this process reads and
/// writes the bytes.
pub(super) async fn copy(objects: &Objects, from: &str, to: &str) -> Result<(), ObjectsError> {
    let (source, target) = (ObjectKey::parse(from)?, ObjectKey::parse(to)?);
    let paths = (objects.path(source)?, objects.path(target)?);
    match objects.0.store.copy(&paths.0, &paths.1).await.map_err(ObjectsError::from) {
        // A file system without links reports one of these errors.
        Err(ObjectsError::Denied(_) | ObjectsError::Unavailable(_)) if !objects.serves_itself() => {}
        // The target's directory was empty and has just been removed.
        Err(ObjectsError::NotFound) if !objects.serves_itself() && objects.head(from).await?.is_some() => {}
        Err(ObjectsError::Refused(_) | ObjectsError::TooLarge(_)) => {}
        copied => return copied,
    }
    let body = match &objects.0.kind {
        StoreKind::Directory(directory) => read::file(directory.file(source), None).await?,
        StoreKind::Cloud(_) => read::object(objects.0.store.clone(), paths.0, None).await?,
    };
    let room = objects.reserve(Some(body.size)).await?;
    let mut writer = ObjectWriter::new(objects.clone(), paths.1, body.attributes, room);
    let mut stream = body.stream;
    while let Some(piece) = stream.next().await {
        writer.write(&piece?).await?;
    }
    writer.commit().await.map(drop)
}
