//! The byte stream under the protocol: TCP, with TLS if the URL asks for it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::RedisSettings;
use crate::tasks;

/// A connected byte stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects. The error text says what failed.
pub(super) async fn dial(settings: &RedisSettings, deadline: Instant) -> Result<Box<dyn Stream>, String> {
    let url = &settings.url;
    let tcp = match timeout_at(deadline, TcpStream::connect((url.host(), url.port()))).await {
        Ok(connected) => connected.map_err(|error| format!("can't connect: {error}"))?,
        Err(_) => return Err(format!("no connection within {:?}", settings.command_timeout)),
    };
    // Commands are batched here, so the kernel must not wait for more data.
    tcp.set_nodelay(true).map_err(|error| format!("TCP_NODELAY: {error}"))?;
    if !url.tls() {
        return Ok(Box::new(tcp));
    }
    let connector = TlsConnector::from(trust(settings.ca_file.clone()).await?);
    let name = ServerName::try_from(url.host().to_owned()).map_err(|_| "the host is no name for TLS".to_owned())?;
    match timeout_at(deadline, connector.connect(name, tcp)).await {
        Ok(connected) => Ok(Box::new(connected.map_err(|error| format!("TLS: {error}"))?)),
        Err(_) => Err(format!("no TLS handshake within {:?}", settings.command_timeout)),
    }
}

/// Loads the trusted authorities. They are read for each connection, so that certificates can be renewed without a
/// restart.
async fn trust(ca_file: Option<PathBuf>) -> Result<Arc<ClientConfig>, String> {
    let roots = tasks::spawn_blocking("redis_ca", move || match ca_file {
        Some(file) => authorities(&file).map_err(|error| format!("redis.ca_file {}: {error}", file.display())),
        None => system_roots(),
    });
    let roots = roots.await.map_err(|error| error.to_string())??;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let pem = std::fs::read(file).map_err(|error: io::Error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    match roots.is_empty() {
        true => Err("has no certificate in PEM format".to_owned()),
        false => Ok(roots),
    }
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system's store may have authorities that can't be parsed; the others are enough.
    roots.add_parsable_certificates(found.certs);
    match (roots.is_empty(), found.errors.first()) {
        (false, _) => Ok(roots),
        (true, Some(error)) => Err(format!("TLS: the system's certificates: {error}")),
        (true, None) => Err("TLS: the system has no certificates; redis.ca_file names some".to_owned()),
    }
}
