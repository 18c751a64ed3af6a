//! Where objects are, and how long is waited for it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How to reach a store.
#[derive(Clone, Debug)]
pub struct ObjectsOptions {
    /// Where it is.
    pub place: StorePlace,
    /// How long it may take to begin an answer to one request, and to go on with it.
    pub request: Duration,
    /// For how long a failed request is repeated. The last one may begin just before this is over.
    pub retry: Duration,
}

/// A kind of store.
#[derive(Clone, Debug)]
pub enum StorePlace {
    /// A directory of this machine, or one that it mounts.
    Directory {
        /// It must be there.
        path: PathBuf,
        /// Free bytes of its disk below which nothing is stored any more; 0 checks nothing.
        min_free_bytes: u64,
    },
    /// Amazon S3 and what speaks its protocol.
    S3 {
        /// The bucket; its keys are an access key's id and secret.
        bucket: Bucket,
        /// The region that is signed for.
        region: String,
        /// How the bucket is named.
        addressing: Addressing,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The bucket; it has no keys.
        bucket: Bucket,
        /// The key of a service account; `None`: what the environment offers.
        credentials_file: Option<PathBuf>,
    },
    /// Azure Blob Storage.
    Azure {
        /// The container; its keys are an account's name and key.
        bucket: Bucket,
    },
}

/// A bucket of a store that is reached over HTTP.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What all keys in it begin with, without slashes at its ends; may be empty.
    pub prefix: String,
    /// Where the store is, `https://host[:port][/path]`; `None`: the cloud's own address.
    pub endpoint: Option<String>,
    /// The same for those who get signed URLs.
    pub public_url: Option<String>,
    /// Who we are; `None`: what the environment of the process offers.
    pub keys: Option<AccessKeys>,
    /// PEM file of the only authorities that an endpoint's certificate may come from; `None`: the public ones.
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

/// A name and what proves it.
#[derive(Clone)]
pub struct AccessKeys {
    /// An access key's id, or an account's name.
    pub id: String,
    /// What nobody else knows.
    pub secret: String,
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}
