//! Handing an artifact out: by which URL, and its bytes for whoever has one of ours.

use std::ops::Range;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::links::content_path;
use super::permit_stream::PermitStream;
use super::service::millis;
use super::{ArtifactError, ArtifactService, is_shown};
use crate::protocol::{ContentCoding, Timestamp};
use crate::storage::catalog::artifacts::{ArtifactRow, KeptArtifact, StoredForm};
use crate::storage::objects::Body;
use crate::storage::objects::signing::{Access, Disposition, Grant, GrantError};

/// In which form somebody wants an artifact.
#[derive(Clone, Copy, Debug)]
pub enum DownloadForm<'a> {
    /// As it is stored.
    Stored,
    /// Decoded.
    Decoded,
    /// As it is stored if this `Accept-Encoding` takes it, else decoded.
    Accepted(Option<&'a str>),
}

/// Where an artifact's bytes are to be had for a while.
#[derive(Debug)]
pub struct DownloadUrl {
    /// A URL of the store, or one of this server without a host.
    pub url: String,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// What is stored.
    pub stored: StoredForm,
    /// How what it leads to is encoded.
    pub coding: ContentCoding,
}

impl ArtifactService {
    /// Signs a URL that leads straight to the store if that hands out what is wanted, else to a route of ours that
    /// reads it, and decodes it on the way. It never outlasts its artifact, nor `longest`.
    ///
    /// # Errors
    /// [`ArtifactError::NotReady`]; [`ArtifactError::Objects`] when the store does not sign.
    pub async fn sign_download(
        &self,
        kept: &KeptArtifact,
        wanted: DownloadForm<'_>,
        longest: Duration,
    ) -> Result<DownloadUrl, ArtifactError> {
        let row = &kept.artifact;
        let Some(stored) = row.stored else { return Err(ArtifactError::NotReady(row.state, None)) };
        let as_stored = match wanted {
            DownloadForm::Stored => true,
            DownloadForm::Decoded => stored.coding == ContentCoding::Identity,
            DownloadForm::Accepted(accepted) => stored.coding.is_accepted(accepted),
        };
        let now = self.parts().clock.expected();
        let latest = now.plus_millis(millis(self.parts().limits().url_ttl.min(longest)));
        let expires_at = self.expiry(kept).at.map_or(latest, |expires| expires.min(latest));
        let objects = &self.parts().objects;
        let url = if as_stored && objects.serves_itself() {
            let ttl_ms = (expires_at.as_millis() - now.as_millis()).max(1_000);
            objects.sign_get(&row.key, Duration::from_millis(ttl_ms.unsigned_abs())).await?.into()
        } else {
            // What is stored as it came may be stored encoded before the URL is used: who was promised the one gets no
            // other.
            let decoded = !as_stored || stored.coding == ContentCoding::Identity;
            let disposition = if is_shown(&row.content_type) { Disposition::Inline } else { Disposition::Attachment };
            self.sign(row, Access::Get, expires_at, disposition, decoded)
        };
        let coding = if as_stored { stored.coding } else { ContentCoding::Identity };
        Ok(DownloadUrl { url, expires_at, stored, coding })
    }

    /// A URL of ours that takes the bytes of a pending artifact.
    pub(super) fn put_url(&self, row: &ArtifactRow, expires: Timestamp) -> String {
        self.sign(row, Access::Put, expires, Disposition::Attachment, false)
    }

    fn sign(
        &self,
        row: &ArtifactRow,
        access: Access,
        expires: Timestamp,
        disposition: Disposition,
        decoded: bool,
    ) -> String {
        let path = content_path(row);
        let grant = Grant { access, path: path.clone(), expires, disposition, decoded };
        format!("{path}?{}", grant.sign(&self.parts().urls))
    }

    /// What one of our URLs allows to whoever has it.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn granted(&self, method: &str, path: &str, query: &str) -> Result<Grant, GrantError> {
        // A clock that has jumped ends no URL, and gives none more time.
        Grant::verify(&self.parts().urls, method, path, query, self.parts().clock.expected())
    }

    /// Reads an artifact's object, or a range of it, for somebody who may take his time.
    ///
    /// # Errors
    /// [`ArtifactError::Busy`], [`ArtifactError::Objects`].
    pub async fn read(&self, row: &ArtifactRow, range: Option<Range<u64>>) -> Result<Body, ArtifactError> {
        let permit = self.connect(&self.parts().downloads, ArtifactError::Busy(self.parts().limits().downloads))?;
        let mut body = self.parts().objects.read(&row.key, range).await?;
        body.stream = PermitStream::new(body.stream, permit).boxed();
        Ok(body)
    }
}
