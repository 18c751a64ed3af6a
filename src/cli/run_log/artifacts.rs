//! The artifacts of an imported run: their rows, and their objects from the directory of the node that they come from.

use std::path::Path;

use anyhow::{Context as _, bail};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::ends::ImportStores;
use crate::artifacts::{Digesting, INCOMING, content_disposition, is_shown};
use crate::protocol::ArtifactState;
use crate::storage::catalog::artifacts::{ArtifactRow, Finished, StoredForm};
use crate::storage::objects::{ObjectMeta, Objects, ObjectsOptions, StoreLocation};

/// Most artifacts of a run: those that are there were taken where they come from.
const ANY_NUMBER: usize = i64::MAX as usize;
/// Bytes of an object that are copied at a time.
const PIECE: usize = 256 * 1024;

/// The directory that has the objects of the runs, as the store that it was.
pub(super) fn former_store(directory: &Path) -> anyhow::Result<Objects> {
    let location = StoreLocation::Directory { path: directory.to_owned(), min_free_bytes: 0 };
    Ok(Objects::open(&ObjectsOptions { location, request: Default::default(), retry: Default::default() })?)
}

/// Adds an artifact's row unless it is there, and its object unless the store has it; whether the store has it then.
///
/// # Errors
/// A store fails, or the object in `former` is not what the row says.
pub(super) async fn import(
    target: &ImportStores,
    former: Option<&Objects>,
    artifact: &ArtifactRow,
) -> anyhow::Result<bool> {
    let catalog = &target.catalog;
    let (id, run) = (artifact.id, &artifact.run);
    let state = catalog.find(run, id).await?.map(|kept| kept.artifact.state);
    if state.is_none() {
        // Until it is ready it has no object: a cleanup must not remove one that others have.
        let pending = ArtifactRow { key: format!("{INCOMING}/{id}/import"), ..artifact.clone() };
        catalog.announce(&pending, ANY_NUMBER).await?;
    }
    let is_there = match &target.objects {
        Some(objects) => bring_object(objects, former, artifact).await?,
        None => false,
    };
    if matches!(state, None | Some(ArtifactState::Pending))
        && let (Some(size), Some(sha256), Some(stored)) = (artifact.size, artifact.sha256, artifact.stored)
    {
        let finished = Finished { key: artifact.key.clone(), size, sha256, stored, compress_at: None };
        if !catalog.set_ready(run, id, &finished).await? {
            bail!("the artifact {id} can't be added: another one has its name and content, or its idempotency key");
        }
    }
    Ok(is_there)
}

/// Copies an object unless the store has it; whether the store has it then.
async fn bring_object(objects: &Objects, former: Option<&Objects>, artifact: &ArtifactRow) -> anyhow::Result<bool> {
    if objects.head(&artifact.key).await?.is_some() {
        return Ok(true);
    }
    let from = former.and_then(|former| former.local_path(&artifact.key)).filter(|from| from.exists());
    let (Some(from), Some(stored)) = (from, artifact.stored) else { return Ok(false) };
    copy(objects, &from, artifact, &stored).await.with_context(|| from.display().to_string())?;
    Ok(true)
}

async fn copy(objects: &Objects, from: &Path, artifact: &ArtifactRow, stored: &StoredForm) -> anyhow::Result<()> {
    // What a bucket hands out by itself it hands out with these headers.
    let meta = ObjectMeta {
        content_type: artifact.content_type.clone(),
        coding: stored.coding,
        disposition: content_disposition(artifact.name.as_str(), is_shown(&artifact.content_type)),
    };
    let mut file = File::open(from).await?;
    let room = objects.reserve(Some(stored.size)).await?;
    let mut writer = objects.writer_in(&artifact.key, &meta, room)?;
    let (mut piece, mut digest) = (vec![0; PIECE], Digesting::default());
    loop {
        let count = file.read(&mut piece).await?;
        if count == 0 {
            break;
        }
        digest.take(&piece[..count]);
        writer.write(&piece[..count]).await?;
    }
    let sha256 = digest.sha256();
    if sha256 != stored.sha256 {
        writer.abort().await?;
        bail!("the object is damaged: its SHA-256 is {sha256} instead of {}", stored.sha256);
    }
    writer.commit().await?;
    Ok(())
}
