//! Opening what verifies credentials, and the first key.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tempfile::NamedTempFile;
use tracing::info;
use zeroize::Zeroizing;

use super::super::{TokenParts, open_tokens};
use crate::access::oidc::OidcProvider;
use crate::access::{AccessSecret, AuthLimits, Authenticator, DeviceRequests, TokenExchange};
use crate::config::{AuthMode, Config};
use crate::http::access::needs::check_needs;
use crate::protocol::{Clock, PrincipalKind, Rights};
use crate::storage::catalog::access::{AccessCatalog, CredentialKind, CredentialRow};
use crate::storage::revocation_bell::RevocationBell;

/// The file of a single node's first key, in the data directory.
pub const FIRST_KEY: &str = "admin.key";

/// What is wrong with a text that is no key.
const NO_KEY: &str = "holds no key, which `runcast key generate` makes";

/// What there is where credentials are needed.
pub(super) struct AccessParts {
    /// Verifies credentials.
    pub(super) authenticator: Authenticator,
    /// Exchanges tokens of build servers; `None`: no issuer's are exchanged.
    pub(super) exchange: Option<TokenExchange>,
    /// The identity provider with which people sign in; `None`: they have keys.
    pub(super) provider: Option<OidcProvider>,
    /// Seals what command lines ask for; `None`: they have keys.
    pub(super) devices: Option<DeviceRequests>,
    /// The key with which an operator begins.
    pub(super) first_key: AccessSecret,
}

/// What verifies credentials, and the first key; `None`: everybody may do everything.
///
/// # Errors
/// When the first key can't be read or made, or the catalog does not answer.
pub(super) async fn open(
    config: &Config,
    catalog: Arc<dyn AccessCatalog>,
    clock: &Clock,
    bell: RevocationBell,
) -> Result<Option<AccessParts>, anyhow::Error> {
    check_needs().map_err(anyhow::Error::msg)?;
    if config.auth.mode == AuthMode::Open {
        return Ok(None);
    }
    let first = first_key(config)?;
    if catalog.credential(first.digest()).await.context("auth.mode")?.is_none() {
        let digest = first.digest();
        let row = CredentialRow {
            // Another file is another key: who has revoked this one has not revoked that one.
            id: format!("first-{}", &digest.to_string()[..12]),
            kind: CredentialKind::Key,
            digest,
            subject: "key:first".to_owned(),
            name: "first key".to_owned(),
            holder: PrincipalKind::Human,
            rights: Rights::all(),
            maker: "runcast".to_owned(),
            made_with: Vec::new(),
            makers: Vec::new(),
            created_at: clock.now(),
            used_at: None,
        };
        // Another node may have added it meanwhile.
        if let Err(error) = catalog.add_credential(&row).await
            && catalog.credential(digest).await.context("auth.mode")?.is_none()
        {
            return Err(error).context("auth.mode");
        }
    }
    let auth = &config.auth;
    let limits = AuthLimits { grace: Duration::from_secs(auth.grace_secs), max_credentials: auth.max_credentials };
    let TokenParts { verifiers, exchange, provider, devices } = open_tokens(config, catalog.clone())?;
    let authenticator = Authenticator::open(catalog, verifiers, clock.clone(), limits, bell).await;
    let authenticator = authenticator.context("auth.mode")?;
    Ok(Some(AccessParts { authenticator, exchange, provider, devices, first_key: first }))
}

/// The first key, if the configuration has it; `None`: it is in the data directory, or is to be made there.
///
/// # Errors
/// It is no key, or there is none in a cluster.
pub fn given_first_key(config: &Config) -> Result<Option<AccessSecret>, anyhow::Error> {
    let given = &config.auth.bootstrap_key;
    if !given.is_empty() {
        return AccessSecret::parse(given.reveal()).with_context(|| format!("auth.bootstrap_key {NO_KEY}")).map(Some);
    }
    if config.is_cluster() {
        bail!(
            "auth.bootstrap_key, or auth.bootstrap_key_file, is missing: all nodes of a cluster need the same first key"
        );
    }
    Ok(None)
}

/// Reads the first key of a data directory.
///
/// # Errors
/// It can't be read, or is none.
pub fn read_first_key(path: &Path) -> Result<AccessSecret, anyhow::Error> {
    let named = || format!("the first key {}", path.display());
    let text = Zeroizing::new(std::fs::read_to_string(path).with_context(named)?);
    AccessSecret::parse(text.trim()).with_context(|| format!("{} {NO_KEY}", named()))
}

/// The key with which an operator begins: it may do everything, and never expires.
fn first_key(config: &Config) -> Result<AccessSecret, anyhow::Error> {
    if let Some(given) = given_first_key(config)? {
        return Ok(given);
    }
    let path = config.server.data_dir.join(FIRST_KEY);
    if !path.exists() {
        make(&path).with_context(|| format!("the first key {}", path.display()))?;
        info!(file = %path.display(), "the first key was written: it may do everything");
    }
    read_first_key(&path)
}

/// Makes the file with a new key, whole or not at all. Only its owner can read it.
fn make(path: &Path) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    let secret = AccessSecret::generate().ok_or_else(|| io::Error::other("the system has no randomness"))?;
    file.write_all(secret.reveal().as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    Ok(())
}
