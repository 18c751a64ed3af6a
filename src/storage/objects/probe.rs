//! The probe of a store: it writes, reads and removes one small object, and reports which step failed and why.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use object_store::path::Path as StorePath;
use object_store::{ObjectStoreExt as _, PutPayload};
use uuid::Uuid;

use super::{Objects, ObjectsError, PROBES, StoreKind};

const CONTENT: &str = "runcast was here";
/// Lifetime of the URL that the probe signs; nobody receives it.
const TTL: Duration = Duration::from_secs(60);

impl Objects {
    /// Writes, finds, reads, lists and removes an object outside all keys, and signs a URL for it.
    ///
    /// # Errors
    /// Which step failed and why, in words for operators and without secrets.
    pub async fn probe(&self) -> Result<(), ObjectsError> {
        let said = |error: ObjectsError, what: &str| error.within(&format!("{}: can't {what}: ", self.location()));
        let below = format!("{}{PROBES}", self.0.prefix);
        let name =
            |name: Uuid| StorePath::parse(format!("{below}/{name}")).map_err(|_| ObjectsError::Key(below.clone()));
        let (probe, missing) = (name(Uuid::now_v7())?, name(Uuid::now_v7())?);
        if let StoreKind::Directory(directory) = &self.0.kind {
            directory.reserve(0).await.map(drop).map_err(|error| said(error, "store anything"))?;
        }
        let written = self.0.store.put(&probe, PutPayload::from_static(CONTENT.as_bytes())).await;
        match written.map_err(ObjectsError::from) {
            Ok(_) => {}
            Err(ObjectsError::NotFound) => return Err(said(ObjectsError::nowhere(), "write an object")),
            Err(error) => return Err(said(error, "write an object")),
        }
        let found = self.look(&probe, &missing, &below).await;
        // The object is removed after a failure, too.
        let deleted = self.delete_path(&probe).await;
        found.map_err(|(what, error)| said(error, what))?;
        deleted.map_err(|error| said(error, "delete an object"))
    }

    async fn look(
        &self,
        probe: &StorePath,
        missing: &StorePath,
        below: &str,
    ) -> Result<(), (&'static str, ObjectsError)> {
        let store = &self.0.store;
        let reading = |error: object_store::Error| ("read an object", error.into());
        let read = store.get(probe).await.map_err(reading)?.bytes().await.map_err(reading)?;
        if read != CONTENT {
            return Err(("read an object", ObjectsError::Refused("it is not what was written".into())));
        }
        match store.head(missing).await.map_err(ObjectsError::from) {
            Err(ObjectsError::NotFound) => {}
            Ok(_) => {
                return Err(("tell what is missing", ObjectsError::Refused("an object is there that can't be".into())));
            }
            // S3 reports a missing object like this when the credentials do not permit listing.
            Err(error) => return Err(("tell what is missing (which takes the right to list the bucket)", error)),
        }
        let listing = |error: object_store::Error| ("list the objects", error.into());
        let listed = store.list(Some(&StorePath::from(below)));
        let is_listed =
            listed.try_any(|object| std::future::ready(object.location == *probe)).await.map_err(listing)?;
        if !is_listed {
            return Err(("list the objects", ObjectsError::Refused("what was written is not among them".into())));
        }
        if let StoreKind::Cloud(cloud) = &self.0.kind {
            self.sign_get_path(cloud, probe, TTL).await.map_err(|error| ("sign a URL", error))?;
        }
        Ok(())
    }
}
