//! Clients of the stores that are reached over HTTP, and the signers of their URLs.

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
use super::{Addressing, Bucket, ObjectsError, ObjectsOptions, StoreLocation};

/// Longest time to make a connection; a request's own time-out is used if it is shorter.
const CONNECT: Duration = Duration::from_secs(5);
/// Pauses between attempts.
const BACKOFF: BackoffConfig =
    BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(2), base: 2.0 };
const USER_AGENT: &str = concat!("runcast/", env!("CARGO_PKG_VERSION"));

/// The S3 variables of the environment that hold credentials. Those that name an endpoint or a bucket are not read.
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

/// What the protocol of a bucket demands of clients with a signed URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloudDialect {
    /// S3, Google: headers are signed with the URL.
    SignedHeaders,
    /// Azure: the signature covers the path and the method only.
    BareUrl,
}

/// A bucket of a store that is reached over HTTP.
pub(super) struct Cloud {
    location: String,
    dialect: CloudDialect,
    /// The interface for multipart uploads; `None` on Azure, whose multipart uploads have no id.
    multipart: Option<Arc<dyn MultipartStore>>,
    signer: Arc<dyn Signer>,
    /// The prefix of signed URLs and its replacement, when clients reach the store under another address.
    moved: Option<(Url, Url)>,
}

impl Cloud {
    /// Builds a client of the bucket. It makes no connection yet.
    pub(super) fn open(
        options: &ObjectsOptions,
        bucket: &Bucket,
    ) -> Result<(Arc<dyn ObjectStore>, Self), ObjectsError> {
        let client = CloudClient::new(options, bucket)?;
        let location = |scheme: &str| {
            let slash = if bucket.prefix.is_empty() { "" } else { "/" };
            let at = bucket.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
            format!("{scheme}://{}{slash}{}{at}", bucket.name, bucket.prefix)
        };
        match &options.location {
            StoreLocation::S3 { region, addressing, .. } => {
                let store = client.s3(region, *addressing, bucket.endpoint.as_deref(), None)?;
                let signer = match &bucket.public_url {
                    Some(url) => Arc::new(client.s3(region, *addressing, Some(url), Some(&store))?),
                    None => Arc::new(store.clone()),
                };
                let store = Arc::new(store);
                let (dialect, multipart) =
                    (CloudDialect::SignedHeaders, Some(store.clone() as Arc<dyn MultipartStore>));
                Ok((store, Self { location: location("s3"), dialect, multipart, signer, moved: None }))
            }
            StoreLocation::Gcs { credentials_file, .. } => {
                let store = Arc::new(client.gcs(credentials_file.as_deref())?);
                let (dialect, multipart) =
                    (CloudDialect::SignedHeaders, Some(store.clone() as Arc<dyn MultipartStore>));
                Ok((store.clone(), Self { location: location("gs"), dialect, multipart, signer: store, moved: None }))
            }
            StoreLocation::Azure { .. } | StoreLocation::Directory { .. } => {
                let store = Arc::new(client.azure()?);
                let moved = match (&bucket.endpoint, &bucket.public_url) {
                    (Some(from), Some(to)) => Some((address(from)?, address(to)?)),
                    _ => None,
                };
                let dialect = CloudDialect::BareUrl;
                Ok((store.clone(), Self { location: location("az"), dialect, multipart: None, signer: store, moved }))
            }
        }
    }

    pub(super) fn location(&self) -> &str {
        &self.location
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

    /// The signed URL with the address under which clients reach the store.
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

/// Options that the clients of all clouds share.
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
            // The time-out is for the start of a response and for each of its pieces. A whole object may take as long
            // as its reader.
            .with_read_timeout(options.request)
            .with_timeout_disabled();
        if let Some(file) = &bucket.ca_file {
            for certificate in certificates(file)? {
                http = http.with_root_certificate(certificate);
            }
            http = http.with_no_system_certificates(true);
        }
        // Attempts are bounded by time, not by number.
        let retry = RetryConfig { backoff: BACKOFF, max_retries: usize::MAX, retry_timeout: options.retry };
        Ok(Self { bucket, http, retry })
    }

    /// `like` is the client whose credentials are used.
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
            // Some stores that speak the S3 protocol can't delete several objects in one request.
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
        // Google decodes gzip for clients that do not announce that they accept it.
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

/// The endpoint as the client expects it: with or without the bucket's name, by the way in which the bucket is
/// addressed.
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

/// The error for settings from which no client can be built.
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
