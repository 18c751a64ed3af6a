//! Checks whether the cluster's Redis is reachable and configured to keep runs.

use std::fs;
use std::path::Path;

use super::{Check, DoctorVerdict};
use crate::app::redis_settings;
use crate::cli::block_on;
use crate::config::Config;
use crate::storage::journal::redis::server::Server;
use crate::storage::redis::Link;

/// Checks the certificates, connects, and reads the server's version and settings.
pub(super) fn check(config: &Config) -> Check {
    let check = |verdict, detail| Check::new("redis", verdict, detail);
    if let Err(detail) = certificates(&config.redis.ca_file) {
        return check(DoctorVerdict::Fail, detail);
    }
    match block_on(ask(config)) {
        Err(error) => check(DoctorVerdict::Fail, format!("can't be asked: {error}")),
        Ok(Err(detail)) => check(DoctorVerdict::Fail, detail),
        Ok(Ok((address, Server { version, doubts }))) if doubts.is_empty() => {
            check(DoctorVerdict::Ok, format!("{address} answers, version {version}, with an append-only file"))
        }
        Ok(Ok((address, Server { version, doubts }))) => {
            check(DoctorVerdict::Warn, format!("{address} answers, version {version}; {}", doubts.join("; ")))
        }
    }
}

/// Returns the server's address and its answer, or an error text for people.
async fn ask(config: &Config) -> Result<(String, Server), String> {
    let settings = redis_settings(config, "doctor").map_err(|error| format!("{error:#}"))?;
    let mut link = Link::connect(&settings).await.map_err(|error| error.to_string())?;
    let server = Server::ask(&mut link).await.map_err(|error| format!("{}: {error}", settings.url.address()))?;
    Ok((settings.url.address(), server))
}

fn certificates(ca_file: &Path) -> Result<(), String> {
    if ca_file.as_os_str().is_empty() {
        return Ok(());
    }
    let shown = ca_file.display();
    match fs::read_to_string(ca_file) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Ok(()),
        Ok(_) => Err(format!("redis.ca_file {shown} holds no certificate in PEM form")),
        Err(error) => Err(format!("redis.ca_file {shown} can't be read: {error}")),
    }
}
