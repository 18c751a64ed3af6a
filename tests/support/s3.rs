//! An S3 server for the tests: `s3s`, which verifies signatures, over its own directory.
//!
//! It adds what s3s-fs lacks and real S3 has: it refuses unknown buckets, reports a wrong key and an unknown upload as
//! S3 does, and has a key that may only read.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, thread};

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::host::{S3Host, VirtualHost};
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Ids of the access keys; both have the secret [`S3Server::SECRET`].
const KEYS: [&str; 2] = [S3Server::KEY, S3Server::READER];

/// A server with the bucket [`S3Server::BUCKET`]. Dropping it stops it.
pub(crate) struct S3Server {
    directory: tempfile::TempDir,
    address: SocketAddr,
    /// Stops the server when dropped.
    _stop: oneshot::Sender<()>,
}

impl S3Server {
    /// The access key that may do everything.
    pub(crate) const KEY: &str = "AKIATESTS";
    /// The access key that may only read.
    pub(crate) const READER: &str = "AKIAREADER";
    /// The secret of both keys.
    pub(crate) const SECRET: &str = "hunter2-secret";
    /// The bucket that exists.
    pub(crate) const BUCKET: &str = "runs";
    /// The server's domain for virtual-hosted addressing, as in `runs.s3.test:PORT`.
    pub(crate) const DOMAIN: &str = "s3.test";

    /// Starts a server.
    pub(crate) fn start() -> Self {
        Self::start_with(S3Config::default())
    }

    /// Starts a server for which every request's time is wrong.
    pub(crate) fn start_with_another_clock() -> Self {
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = 0;
        Self::start_with(config)
    }

    /// Starts a server that works with Google's clients: it checks no credentials, and accepts Google's header for
    /// copies.
    pub(crate) fn start_as_google() -> Self {
        Self::launch(S3Config::default(), true)
    }

    fn start_with(config: S3Config) -> Self {
        Self::launch(config, false)
    }

    fn launch(config: S3Config, is_google: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join(Self::BUCKET)).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(directory.path()).unwrap());
        service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        if !is_google {
            service.set_auth(TwoKeys);
            service.set_access(AccessRules { root: directory.path().to_owned() });
            service.set_host(VirtualHosts);
        }
        let service = service.build();
        let (stop, stopped) = oneshot::channel();
        // The server has its own thread, so that a test that blocks does not block it.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), service, is_google) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { directory, address, _stop: stop }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address in the form of `objects.endpoint`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The file that holds an object.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.directory.path().join(Self::BUCKET).join(key)
    }

    /// VirtualHosts of the files that belong to unfinished multipart uploads.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("upload")).collect()
    }

    /// Settings of a node that stores its artifacts here.
    pub(crate) fn settings(&self) -> [(String, String); 4] {
        [
            ("RUNCAST__OBJECTS__URL", format!("s3://{}", Self::BUCKET)),
            ("RUNCAST__OBJECTS__ENDPOINT", self.endpoint()),
            ("RUNCAST__OBJECTS__ACCESS_KEY", Self::KEY.to_owned()),
            ("RUNCAST__OBJECTS__SECRET_KEY", Self::SECRET.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }
}

async fn accept(listener: TcpListener, service: S3Service, is_google: bool) {
    let http = Builder::new(TokioExecutor::new());
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let service = service.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            if is_google {
                let headers = request.headers_mut();
                headers.remove("authorization");
                if let Some(source) = headers.remove("x-goog-copy-source") {
                    headers.insert("x-amz-copy-source", source);
                }
            }
            Service::call(&service, request)
        });
        let connection = http.serve_connection(TokioIo::new(socket), service).into_owned();
        tokio::spawn(async move {
            let _ = connection.await;
        });
    }
}

struct TwoKeys;

#[async_trait::async_trait]
impl S3Auth for TwoKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if KEYS.contains(&access_key) { Ok(S3Server::SECRET.into()) } else { Err(s3_error!(InvalidAccessKeyId)) }
    }
}

/// Refuses what real S3 refuses.
struct AccessRules {
    root: PathBuf,
}

#[async_trait::async_trait]
impl S3Access for AccessRules {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = request.credentials() else { return Err(s3_error!(AccessDenied)) };
        if let S3Path::Bucket { bucket } | S3Path::Object { bucket, .. } = request.s3_path()
            && !self.root.join(&**bucket).is_dir()
        {
            return Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"));
        }
        if credentials.access_key == S3Server::READER && !matches!(request.method().as_str(), "GET" | "HEAD") {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let query = request.uri().query().unwrap_or_default();
        let upload = query.split('&').find_map(|pair| pair.strip_prefix("uploadId="));
        match upload {
            Some(upload) if !has_upload(&self.root, upload) => Err(s3_error!(NoSuchUpload)),
            _ => Ok(()),
        }
    }
}

/// Whether s3s-fs has the record of this unfinished upload.
fn has_upload(root: &Path, upload: &str) -> bool {
    root.join(format!(".upload-{upload}.json")).is_file()
}

/// Maps `BUCKET.s3.test` to a bucket, and any other host to the server itself.
struct VirtualHosts;

impl S3Host for VirtualHosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let name = host.split(':').next().unwrap_or_default();
        let bucket = name.strip_suffix(S3Server::DOMAIN).and_then(|rest| rest.strip_suffix('.'));
        Ok(match bucket {
            Some(bucket) => VirtualHost::new(host).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}
