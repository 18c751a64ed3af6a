//! Signed URLs with which clients read and write objects at the store itself.

use std::time::Duration;

use object_store::path::Path as StorePath;
use object_store::signer::{HeaderMap, HeaderName, HeaderValue, Method, SignedUrlOptions, Url};

use super::cloud::{Cloud, CloudDialect};
use super::key::ObjectKey;
use super::{ObjectMeta, Objects, ObjectsError, StoreKind};
use crate::protocol::Timestamp;

/// Headers as Azure keeps them; their names begin with `x-ms-blob-` when they are about the object.
const AZURE_PREFIX: &str = "x-ms-blob-";

/// The request with which a client writes an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUpload {
    /// The method.
    pub method: &'static str,
    /// The signed URL. Its holder may write the object any number of times until it expires.
    pub url: Url,
    /// The headers that the request must have, with exactly these values.
    pub headers: Vec<(String, String)>,
    /// When the URL expires.
    pub expires_at: Timestamp,
}

impl Objects {
    /// Signs a URL that reads an object for `ttl`.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] for a directory, which serves nothing; an error of the store when it must be asked to sign.
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

    /// Signs a request that writes an object within `ttl`. A store does not bound the size, and Azure does not enforce
    /// the headers, so the caller must check the object afterwards.
    ///
    /// # Errors
    /// [`ObjectsError::Refused`] for a directory, which accepts no requests; an error of the store when it must be asked to
    /// sign.
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
