//! URLs that let others reach an object without passing the server.

use std::time::Duration;

use object_store::path::Path as StorePath;
use object_store::signer::{HeaderMap, HeaderName, HeaderValue, Method, SignedUrlOptions, Url};

use super::cloud::{Cloud, CloudDialect};
use super::key::ObjectKey;
use super::{ObjectMeta, Objects, ObjectsError, StoreKind};
use crate::protocol::Timestamp;

/// Headers as Azure keeps them; their names begin with `x-ms-blob-` when they are about the object.
const AZURE_PREFIX: &str = "x-ms-blob-";

/// What somebody has to send to put an object in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUpload {
    /// The method.
    pub method: &'static str,
    /// Where. Whoever has it may write the object, as often as they like, until it expires.
    pub url: Url,
    /// Headers that must be sent, exactly these.
    pub headers: Vec<(String, String)>,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Objects {
    /// A URL that reads an object, for `ttl`.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] by a directory, which serves nothing; else when the store has to be asked to sign.
    pub async fn sign_get(&self, key: &str, ttl: Duration) -> Result<Url, ObjectsError> {
        let path = self.path(ObjectKey::parse(key)?)?;
        self.sign_get_path(self.cloud()?, &path, ttl).await
    }

    pub(super) async fn sign_get_path(
        &self,
        cloud: &Cloud,
        path: &StorePath,
        ttl: Duration,
    ) -> Result<Url, ObjectsError> {
        cloud.public(cloud.signer().signed_url(Method::GET, path, ttl).await?)
    }

    /// What has to be sent to write an object, within `ttl`. A store does not bound its size, and Azure does not insist on
    /// the headers: what came has to be looked at.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] by a directory, which takes nothing; else when the store has to be asked to sign.
    pub async fn sign_put(&self, key: &str, meta: &ObjectMeta, ttl: Duration) -> Result<SignedUpload, ObjectsError> {
        let (cloud, path) = (self.cloud()?, self.path(ObjectKey::parse(key)?)?);
        let expires_at = Timestamp::now().plus_millis(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
        let (url, headers) = match cloud.dialect() {
            CloudDialect::SignedHeaders => {
                let headers = meta.headers();
                let mut signed = HeaderMap::new();
                for (name, value) in &headers {
                    let value = HeaderValue::from_str(value).map_err(|_| {
                        ObjectsError::Refused(format!("{name} has a character that no header can have: {value:?}"))
                    })?;
                    signed.insert(HeaderName::from_static(name), value);
                }
                let mut options = SignedUrlOptions::new();
                options.signed_headers = signed;
                (cloud.signer().signed_url_opts(Method::PUT, &path, ttl, &options).await?, headers)
            }
            CloudDialect::BareUrl => (cloud.signer().signed_url(Method::PUT, &path, ttl).await?, Vec::new()),
        };
        let mut headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if cloud.dialect() == CloudDialect::BareUrl {
            headers.push((format!("{AZURE_PREFIX}type"), "BlockBlob".to_owned()));
            headers.extend(meta.headers().into_iter().map(|(name, value)| (format!("{AZURE_PREFIX}{name}"), value)));
        }
        Ok(SignedUpload { method: "PUT", url: cloud.public(url)?, headers, expires_at })
    }

    fn cloud(&self) -> Result<&Cloud, ObjectsError> {
        match &self.0.kind {
            StoreKind::Cloud(cloud) => Ok(cloud),
            StoreKind::Directory(_) => Err(ObjectsError::Refused("a directory has no URLs of its own".into())),
        }
    }
}
