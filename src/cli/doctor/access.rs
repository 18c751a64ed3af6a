//! Checks who may do what: the mode of access, the first key, and whether the keys of the issuers can be had.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Check, DoctorVerdict};
use crate::app::{FIRST_KEY, given_first_key, open_issuers, read_first_key};
use crate::cli::block_on;
use crate::config::{AuthMode, Config};
use crate::protocol::Timestamp;

/// The checks of access.
pub(super) fn checks(config: &Config) -> Vec<Check> {
    match config.auth.mode {
        AuthMode::Open => vec![open(config)],
        AuthMode::Token => [first_key(config)].into_iter().chain(issuers(config)).collect(),
    }
}

fn check(verdict: DoctorVerdict, detail: impl Into<String>) -> Check {
    Check::new("access", verdict, detail)
}

fn open(config: &Config) -> Check {
    let addresses = [Some(&config.server.bind), config.server.ops_bind.0.as_ref()];
    match addresses.into_iter().flatten().find(|bind| !bind.is_loopback()) {
        None => check(DoctorVerdict::Ok, "open: everybody on this machine may do everything"),
        Some(bind) => check(DoctorVerdict::Warn, format!("open: everybody who reaches {bind} may do everything")),
    }
}

/// The key with which an operator begins. It is not made here.
fn first_key(config: &Config) -> Check {
    let path = config.server.data_dir.join(FIRST_KEY);
    let shown = path.display();
    match given_first_key(config) {
        Err(error) => check(DoctorVerdict::Fail, format!("{error:#}")),
        Ok(Some(_)) => check(DoctorVerdict::Ok, "a credential is needed; auth.bootstrap_key is the first one"),
        Ok(None) if !path.exists() => check(DoctorVerdict::Ok, format!("a credential is needed; {shown} will be made")),
        Ok(None) => match read_first_key(&path) {
            Err(error) => check(DoctorVerdict::Fail, format!("{error:#}")),
            Ok(_) if is_public(&path) => {
                check(DoctorVerdict::Warn, format!("others than its owner may read the first key: chmod 600 {shown}"))
            }
            Ok(_) => check(DoctorVerdict::Ok, format!("a credential is needed; {shown} is the first one")),
        },
    }
}

fn is_public(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o077 != 0)
}

/// Whether the keys of each issuer of tokens can be had.
fn issuers(config: &Config) -> Vec<Check> {
    let issuers = match open_issuers(config) {
        Ok(issuers) => issuers,
        Err(error) => return vec![check(DoctorVerdict::Fail, format!("{error:#}"))],
    };
    let found = match block_on(issuers.count_keys(Timestamp::now())) {
        Ok(found) => found,
        Err(error) => return vec![check(DoctorVerdict::Fail, format!("issuers can't be asked: {error}"))],
    };
    let told = found.into_iter().map(|(name, keys)| match keys {
        Ok(1) => check(DoctorVerdict::Ok, format!("issuer {name}: 1 key")),
        Ok(keys) => check(DoctorVerdict::Ok, format!("issuer {name}: {keys} keys")),
        Err(failure) => check(DoctorVerdict::Fail, format!("issuer {name}: its keys can't be had: {failure}")),
    });
    told.collect()
}
