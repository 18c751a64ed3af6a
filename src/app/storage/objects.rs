//! The store of artifacts and the key of our own URLs, as the configuration says.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::config::{self, Config, ObjectsUrl};
use crate::storage::objects::{self, AccessKeys, Objects, ObjectsOptions, StoreLocation, UrlKey};
use crate::storage::secrets::SecretKey;

/// The directory of artifacts in the data directory.
const USUAL_OBJECTS: &str = "objects";
/// The file of the key of our own URLs in the data directory.
pub const URL_KEY: &str = "url-key";

/// How to reach the store of artifacts; `None` when none are kept.
pub fn objects_options(config: &Config) -> Option<ObjectsOptions> {
    let objects = &config.objects;
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let file = |path: &Path| Some(path.to_owned()).filter(|path| !path.as_os_str().is_empty());
    let keys = (!objects.access_key.is_empty()).then(|| AccessKeys {
        id: objects.access_key.reveal().to_owned(),
        secret: objects.secret_key.reveal().to_owned(),
    });
    let bucket = |bucket: &config::BucketSetting| objects::Bucket {
        name: bucket.name.clone(),
        prefix: bucket.prefix.clone(),
        endpoint: text(&objects.endpoint),
        public_url: text(&objects.public_url),
        keys: keys.clone(),
        ca_file: file(&objects.ca_file),
    };
    let directory = |path: &Path| StoreLocation::Directory {
        path: config.server.data_dir.join(path),
        // Uploads end before appends do.
        min_free_bytes: config.journal.min_free_bytes.saturating_mul(2),
    };
    let location = match &objects.url {
        ObjectsUrl::None => return None,
        ObjectsUrl::Usual if config.is_cluster() => return None,
        ObjectsUrl::Usual => directory(Path::new(USUAL_OBJECTS)),
        ObjectsUrl::Dir(path) => directory(path),
        ObjectsUrl::S3(of) => StoreLocation::S3 {
            bucket: bucket(of),
            region: objects.region.clone(),
            addressing: match objects.addressing {
                config::AddressingSetting::Path => objects::Addressing::Path,
                config::AddressingSetting::Host => objects::Addressing::Host,
            },
        },
        ObjectsUrl::Gcs(of) => {
            StoreLocation::Gcs { bucket: bucket(of), credentials_file: file(&objects.credentials_file) }
        }
        ObjectsUrl::Azure(of) => StoreLocation::Azure { bucket: bucket(of) },
    };
    let (request, retry) = (Duration::from_secs(objects.request_secs), Duration::from_secs(objects.retry_secs));
    Some(ObjectsOptions { location, request, retry })
}

/// The store of artifacts; `None` when none are kept. A directory in the data directory is made. One elsewhere has to
/// be there: what is missing may be a disk that is not mounted. Nothing is asked of a store over HTTP.
///
/// # Errors
/// When its settings can't be used, or a directory can't be.
pub fn open_objects(config: &Config) -> Result<Option<Objects>, anyhow::Error> {
    let Some(options) = objects_options(config) else { return Ok(None) };
    if let StoreLocation::Directory { path, .. } = &options.location
        && path.starts_with(&config.server.data_dir)
    {
        std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
    }
    Ok(Some(Objects::open(&options)?))
}

/// The key of our own URLs, the same on all nodes that share a store: `objects.signing_key`, else what the secret of
/// the store makes of itself, else one that is made once in the data directory. `None` when no artifacts are kept.
///
/// # Errors
/// When it can't be read or made.
pub fn open_url_key(config: &Config) -> Result<Option<UrlKey>, anyhow::Error> {
    if objects_options(config).is_none() {
        return Ok(None);
    }
    open_shared_key(config)
}

/// The key that secrets are kept under, made of what [`open_url_key`] is made of, also where no artifacts are kept.
/// `None` in a cluster whose nodes share no key.
///
/// # Errors
/// When it can't be read or made.
pub(super) fn open_secret_key(config: &Config) -> Result<Option<SecretKey>, anyhow::Error> {
    Ok(open_signing_key(config)?.as_ref().map(SecretKey::derived).transpose()?)
}

/// The key of this server's own signatures where `auth.signing_keys` names none, also where no artifacts are kept. `None`
/// in a cluster whose nodes share no key.
///
/// # Errors
/// When it can't be read or made.
pub(in crate::app) fn open_signing_key(config: &Config) -> Result<Option<UrlKey>, anyhow::Error> {
    let objects = &config.objects;
    if config.is_cluster() && objects.signing_key.is_empty() && objects.secret_key.is_empty() {
        return Ok(None);
    }
    open_shared_key(config)
}

/// The key of this node, which is the same on all nodes of a cluster.
fn open_shared_key(config: &Config) -> Result<Option<UrlKey>, anyhow::Error> {
    let objects = &config.objects;
    if !objects.signing_key.is_empty() {
        return Ok(Some(UrlKey::from_text(objects.signing_key.reveal())));
    }
    if config.is_cluster() {
        return Ok(Some(UrlKey::derived(objects.secret_key.reveal())));
    }
    let path = config.server.data_dir.join(URL_KEY);
    UrlKey::in_file(&path).map(Some).with_context(|| path.display().to_string())
}
