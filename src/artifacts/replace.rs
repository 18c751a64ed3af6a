//! Putting a smaller form in the place of an artifact that is in the store already.

use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::service::millis;
use super::{ArtifactError, ArtifactService, Digesting, SmallerFile, SpoolFile};
use crate::protocol::{ContentCoding, Timestamp};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::artifacts::ArtifactRow;
use crate::storage::space::Reservation;

/// How long after its last URL has expired an object that was replaced stays: for a download that has begun. A minute.
const GRACE_MS: i64 = 60_000;
/// How long nobody else gets what was claimed: longer than the largest artifact takes. Half an hour.
const CLAIM_MS: i64 = 1_800_000;
/// How often something is claimed until it is left as it is.
const TRIES: u32 = 3;

impl ArtifactService {
    /// Claims up to `limit` artifacts that may become smaller; nobody else gets them meanwhile.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn claim_larger(&self, limit: usize) -> Result<Vec<ArtifactRow>, CatalogError> {
        let now = self.now();
        self.parts().catalog.claim(now, now.plus_millis(CLAIM_MS), TRIES, limit).await
    }

    /// Leaves an artifact as it is stored: nothing smaller was found.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn leave_as_stored(&self, row: &ArtifactRow) -> Result<(), CatalogError> {
        self.parts().catalog.spare(row.id).await
    }

    /// Brings an artifact's object into the spool, to where space was reserved for it, and checks that it is what was
    /// stored.
    ///
    /// # Errors
    /// [`ArtifactError`]; [`ArtifactError::Mismatch`] when the store has something else by now.
    pub async fn fetch(&self, row: &ArtifactRow, room: Reservation) -> Result<SpoolFile, ArtifactError> {
        let (mut file, mut spooled) = self.spool_file(room).await?;
        let mut body = self.parts().objects.read(&row.key, None).await?.stream;
        let mut digest = Digesting::default();
        while let Some(piece) = body.next().await {
            let piece = piece?;
            digest.take(&piece);
            spooled.room().write(piece.len() as u64).await.map_err(ArtifactError::of_spool)?;
            file.write_all(&piece).await.map_err(ArtifactError::of_spool)?;
        }
        file.flush().await.map_err(ArtifactError::of_spool)?;
        spooled.room().end();
        let sha256 = digest.sha256();
        match row.stored.filter(|stored| stored.sha256 != sha256) {
            Some(stored) => Err(ArtifactError::Mismatch(format!("sha-256 {sha256} instead of {}", stored.sha256))),
            None => Ok(spooled),
        }
    }

    /// Puts a smaller form in the place of an artifact's object, which goes once nobody has a URL of it any more.
    /// `false`: the artifact was deleted meanwhile, or somebody else did it; nothing has changed.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub async fn replace(&self, row: &ArtifactRow, smaller: &SmallerFile) -> Result<bool, ArtifactError> {
        let ending = match smaller.stored.coding {
            ContentCoding::Identity => "",
            ContentCoding::Gzip => ".gz",
            ContentCoding::Zstd => ".zst",
        };
        let key = format!("{}{ending}", row.key);
        let meta = self.meta(row, smaller.stored.coding);
        self.parts().objects.put_file(&key, &meta, smaller.file.path()).await?;
        let stays_until = self.last_url_expires().plus_millis(GRACE_MS);
        let replaced = self.parts().catalog.replace(row.id, &row.key, &key, &smaller.stored, stays_until).await?;
        if !replaced {
            self.discard(row, &key).await;
        }
        Ok(replaced)
    }

    fn last_url_expires(&self) -> Timestamp {
        self.now().plus_millis(millis(self.parts().limits().url_ttl))
    }
}
