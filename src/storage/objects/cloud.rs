//! Stores that are reached over HTTP: their clients, and who signs URLs for them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::multipart::MultipartStore;
use object_store::signer::{Signer, Url};
use object_store::{BackoffConfig, Certificate, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig};

use super::error::causes;
use super::{Addressing, Bucket, ObjectsError, ObjectsOptions, StorePlace};

/// How long a connection may take to be made, unless a request has less.
const CONNECT: Duration = Duration::from_secs(5);
/// Pauses between attempts.
const BACKOFF: BackoffConfig =
    BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(2), base: 2.0 };
const USER_AGENT: &str = concat!("runcast/", env!("CARGO_PKG_VERSION"));

/// What S3 calls itself by in the environment of a process: who we are, not where anything is.
const S3_ENVIRONMENT: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
    "AWS_IMDSV1_FALLBACK",
];

/// What a bucket's protocol demands of whoever uses a signed URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloudDialect {
    /// S3, Google: headers are signed with the URL.
    SignedHeaders,
    /// Azure: a URL covers the path and the verb only.
    BareUrl,
}

/// A bucket elsewhere.
pub(super) struct Cloud {
    place: String,
    dialect: CloudDialect,
    /// `None` on Azure, where an upload in parts has no name.
    multipart: Option<Arc<dyn MultipartStore>>,
    signer: Arc<dyn Signer>,
    /// What signed URLs begin with, and what they are to begin with instead.
    moved: Option<(Url, Url)>,
}

impl Cloud {
    /// A client of the bucket. No connection is made.
    pub(super) fn open(
        options: &ObjectsOptions,
        bucket: &Bucket,
    ) -> Result<(Arc<dyn ObjectStore>, Self), ObjectsError> {
        let client = CloudClient::new(options, bucket)?;
        let place = |scheme: &str| {
            let slash = if bucket.prefix.is_empty() { "" } else { "/" };
            let at = bucket.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
            format!("{scheme}://{}{slash}{}{at}", bucket.name, bucket.prefix)
        };
        match &options.place {
            StorePlace::S3 { region, addressing, .. } => {
                let store = client.s3(region, *addressing, bucket.endpoint.as_deref(), None)?;
                let signer = match &bucket.public_url {
                    Some(url) => Arc::new(client.s3(region, *addressing, Some(url), Some(&store))?),
                    None => Arc::new(store.clone()),
                };
                let store = Arc::new(store);
                let (dialect, multipart) =
                    (CloudDialect::SignedHeaders, Some(store.clone() as Arc<dyn MultipartStore>));
                Ok((store, Self { place: place("s3"), dialect, multipart, signer, moved: None }))
            }
            StorePlace::Gcs { credentials_file, .. } => {
                let store = Arc::new(client.gcs(credentials_file.as_deref())?);
                let (dialect, multipart) =
                    (CloudDialect::SignedHeaders, Some(store.clone() as Arc<dyn MultipartStore>));
                Ok((store.clone(), Self { place: place("gs"), dialect, multipart, signer: store, moved: None }))
            }
            StorePlace::Azure { .. } | StorePlace::Directory { .. } => {
                let store = Arc::new(client.azure()?);
                let moved = match (&bucket.endpoint, &bucket.public_url) {
                    (Some(from), Some(to)) => Some((address(from)?, address(to)?)),
                    _ => None,
                };
                let dialect = CloudDialect::BareUrl;
                Ok((store.clone(), Self { place: place("az"), dialect, multipart: None, signer: store, moved }))
            }
        }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn dialect(&self) -> CloudDialect {
        self.dialect
    }

    pub(super) fn multipart(&self) -> Option<&Arc<dyn MultipartStore>> {
        self.multipart.as_ref()
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// A signed URL as those see it who get it.
    pub(super) fn public(&self, url: Url) -> Result<Url, ObjectsError> {
        let Some((from, to)) = &self.moved else { return Ok(url) };
        let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        match url.as_str().strip_prefix(&base(from)) {
            Some(rest) => address(&format!("{}{rest}", base(to))),
            None => Ok(url),
        }
    }
}

fn address(text: &str) -> Result<Url, ObjectsError> {
    Url::parse(text).map_err(|error| ObjectsError::Settings(format!("{text}: {error}")))
}

/// What the clients of all clouds have in common.
struct CloudClient<'a> {
    bucket: &'a Bucket,
    http: ClientOptions,
    retry: RetryConfig,
}

impl<'a> CloudClient<'a> {
    fn new(options: &ObjectsOptions, bucket: &'a Bucket) -> Result<Self, ObjectsError> {
        let plain = |url: &Option<String>| url.as_ref().is_some_and(|url| url.starts_with("http://"));
        let mut http = ClientOptions::new()
            .with_user_agent(HeaderValue::from_static(USER_AGENT))
            .with_allow_http(plain(&bucket.endpoint) || plain(&bucket.public_url))
            .with_connect_timeout(CONNECT.min(options.request))
            // Of the beginning of an answer and of each of its pieces: a whole object may take as long as its reader does.
            .with_read_timeout(options.request)
            .with_timeout_disabled();
        if let Some(file) = &bucket.ca_file {
            for certificate in certificates(file)? {
                http = http.with_root_certificate(certificate);
            }
            http = http.with_no_system_certificates(true);
        }
        // The time bounds the attempts, not their number.
        let retry = RetryConfig { backoff: BACKOFF, max_retries: usize::MAX, retry_timeout: options.retry };
        Ok(Self { bucket, http, retry })
    }

    /// `like`: with the credentials of this one.
    fn s3(
        &self,
        region: &str,
        addressing: Addressing,
        endpoint: Option<&str>,
        like: Option<&AmazonS3>,
    ) -> Result<AmazonS3, ObjectsError> {
        let mut builder = AmazonS3Builder::new();
        match (like, &self.bucket.keys) {
            (Some(store), _) => builder = builder.with_credentials(store.credentials().clone()),
            (None, Some(keys)) => {
                builder = builder.with_access_key_id(&keys.id).with_secret_access_key(&keys.secret);
            }
            (None, None) => {
                for (name, value) in std::env::vars().filter(|(name, _)| S3_ENVIRONMENT.contains(&name.as_str())) {
                    if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                        builder = builder.with_config(key, value);
                    }
                }
            }
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(of_bucket(endpoint, &self.bucket.name, addressing));
        }
        let store = builder
            .with_bucket_name(&self.bucket.name)
            .with_region(region)
            .with_virtual_hosted_style_request(addressing == Addressing::Host)
            // Not all that speak the protocol can remove several objects at once.
            .with_disable_bulk_delete(true)
            .with_client_options(self.http.clone())
            .with_retry(self.retry.clone())
            .build();
        store.map_err(unfit)
    }

    fn gcs(&self, credentials_file: Option<&Path>) -> Result<object_store::gcp::GoogleCloudStorage, ObjectsError> {
        let mut builder = match credentials_file {
            Some(file) => GoogleCloudStorageBuilder::new().with_service_account_path(file.to_string_lossy()),
            None => GoogleCloudStorageBuilder::from_env(),
        };
        if let Some(endpoint) = &self.bucket.endpoint {
            builder = builder.with_base_url(endpoint);
        }
        // Google decodes gzip for whoever does not say that it can do so itself.
        let accept = HeaderMap::from_iter([(
            object_store::signer::HeaderName::from_static("accept-encoding"),
            HeaderValue::from_static("gzip"),
        )]);
        let store = builder
            .with_bucket_name(&self.bucket.name)
            .with_client_options(self.http.clone().with_default_headers(accept))
            .with_retry(self.retry.clone())
            .build();
        store.map_err(unfit)
    }

    fn azure(&self) -> Result<object_store::azure::MicrosoftAzure, ObjectsError> {
        let mut builder = match &self.bucket.keys {
            Some(keys) => MicrosoftAzureBuilder::new().with_account(&keys.id).with_access_key(&keys.secret),
            None => MicrosoftAzureBuilder::from_env(),
        };
        if let Some(endpoint) = &self.bucket.endpoint {
            builder = builder.with_endpoint(endpoint.clone());
        }
        let store = builder
            .with_container_name(&self.bucket.name)
            .with_client_options(self.http.clone())
            .with_retry(self.retry.clone())
            .build();
        store.map_err(unfit)
    }
}

/// The address that object keys are put behind by a client that takes it as the bucket's, or puts the bucket's name behind.
fn of_bucket(endpoint: &str, bucket: &str, addressing: Addressing) -> String {
    match (addressing, endpoint.split_once("://")) {
        (Addressing::Host, Some((scheme, rest))) => format!("{scheme}://{bucket}.{rest}"),
        _ => endpoint.to_owned(),
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, ObjectsError> {
    let unfit = |text: String| ObjectsError::Settings(format!("objects.ca_file {}: {text}", file.display()));
    let pem = fs::read(file).map_err(|error| unfit(error.to_string()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unfit("holds no certificate in PEM form".into())),
    }
}

/// Settings that a client can't be made of.
fn unfit(error: object_store::Error) -> ObjectsError {
    ObjectsError::Settings(causes(&error).last().map(ToString::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_in_the_path_or_in_front_of_the_host() {
        let of = |endpoint, addressing| of_bucket(endpoint, "runs", addressing);
        assert_eq!(of("https://s3.test:9000", Addressing::Path), "https://s3.test:9000");
        assert_eq!(of("https://s3.test:9000", Addressing::Host), "https://runs.s3.test:9000");
        assert_eq!(of("https://p.supabase.co/storage/v1/s3", Addressing::Path), "https://p.supabase.co/storage/v1/s3");
    }

    #[test]
    fn every_name_of_the_environment_is_known_to_the_client() {
        for name in S3_ENVIRONMENT {
            assert!(name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>().is_ok(), "{name}");
        }
    }
}
