//! The location of an object store and its time-outs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How to reach a store.
#[derive(Clone, Debug)]
pub struct ObjectsOptions {
    /// The store's location.
    pub location: StoreLocation,
    /// Longest time without a byte of the response to a request.
    pub request: Duration,
    /// How long a failed request is repeated. The last attempt may begin just before this time is over.
    pub retry: Duration,
}

/// The kind of a store and its location.
#[derive(Clone, Debug)]
pub enum StoreLocation {
    /// A directory of this machine, or a mounted one.
    Directory {
        /// Path of the directory, which must exist.
        path: PathBuf,
        /// Free bytes of its disk below which writes are refused; 0 checks nothing.
        min_free_bytes: u64,
    },
    /// Amazon S3 and what speaks its protocol.
    S3 {
        /// The bucket, with the id and the secret of an access key.
        bucket: Bucket,
        /// The region in signatures.
        region: String,
        /// How URLs name the bucket.
        addressing: Addressing,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The bucket, without access keys.
        bucket: Bucket,
        /// File with the key of a service account; `None` uses the credentials of the environment.
        credentials_file: Option<PathBuf>,
    },
    /// Azure Blob Storage.
    Azure {
        /// The container, with the name and the key of an account.
        bucket: Bucket,
    },
}

/// A bucket of a store that is reached over HTTP.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Name of the bucket.
    pub name: String,
    /// Prefix of all keys, without slashes at its ends; may be empty.
    pub prefix: String,
    /// The store's endpoint, `https://host[:port][/path]`; `None` is the cloud's own.
    pub endpoint: Option<String>,
    /// The endpoint in signed URLs, if clients reach the store under another one.
    pub public_url: Option<String>,
    /// Access key; `None` uses the credentials of the environment.
    pub keys: Option<AccessKeys>,
    /// PEM file of the only certificate authorities that are trusted; `None` trusts the public ones.
    pub ca_file: Option<PathBuf>,
}

/// How an S3 bucket is named in URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Host,
}

/// An access key.
#[derive(Clone)]
pub struct AccessKeys {
    /// An access key's id, or an account's name.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}
