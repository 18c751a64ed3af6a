//! Checks whether the cluster's Redis is reachable and configured to keep runs.

use std::fs;
use std::path::Path;

use super::{Check, DoctorVerdict};
use crate::app::redis_settings;
use crate::cli::block_on;
use crate::config::Config;
use crate::storage::format::REDIS_JOURNAL;
use crate::storage::journal::redis::server::Server;
use crate::storage::journal::redis::stored_format;
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
        Ok(Ok((address, Server { version, doubts }, format))) => {
            let answers =
                format!("{address} answers, version {version}, {}", super::formats::describe(format, REDIS_JOURNAL));
            match doubts.is_empty() {
                true => check(DoctorVerdict::Ok, format!("{answers}, with an append-only file")),
                false => check(DoctorVerdict::Warn, format!("{answers}; {}", doubts.join("; "))),
            }
        }
    }
}

/// Returns the server's address, its answer, and the format version of its data, or an error text for people.
async fn ask(config: &Config) -> Result<(String, Server, u32), String> {
    let settings = redis_settings(config, "doctor").map_err(|error| format!("{error:#}"))?;
    let mut link = Link::connect(&settings).await.map_err(|error| error.to_string())?;
    let server = Server::ask(&mut link).await.map_err(|error| format!("{}: {error}", settings.url.address()))?;
    let format = stored_format(&mut link, &config.redis.prefix).await;
    Ok((settings.url.address(), server, format.map_err(|error| format!("{}: {error}", settings.url.address()))?))
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
