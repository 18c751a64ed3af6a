//! Where the keys of an issuer come from, and what is held of them.
//!
//! Keys are loaded when a token needs them: the first time, when they are old, and when a token names one that is not
//! among them, but no more often than [`KeyTimes`] says, whether that works or not: tokens cost whoever makes them up
//! nothing. One load runs at a time, in a task of its own, so that nobody ends it by going away; who needs what it brings
//! waits for it. What is held stays until a load has brought something else: while the issuer is away, its keys are good.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::watch;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::JwtError;
use super::keys::IssuerKeys;
use crate::access::provider_client::{body, client, reason};
use crate::protocol::Timestamp;
use crate::tasks;

/// Most bytes of a file of keys.
const MAX_SET_BYTES: usize = 256 * 1024;
/// How often it is looked whether a file has changed.
const FILE_MILLIS: i64 = 1_000;

/// Where the keys of an issuer are.
#[derive(Clone)]
pub enum KeySource {
    /// A JSON Web Key Set at this URL.
    Url(String),
    /// A JSON Web Key Set in this file.
    SetFile(PathBuf),
    /// Public keys in this PEM file.
    PemFile(PathBuf),
    /// The key that issuer and server share.
    Secret(Zeroizing<String>),
}

/// How often keys are loaded.
#[derive(Clone, Copy, Debug)]
pub struct KeyTimes {
    /// Least time between two loads from a URL.
    pub retry: Duration,
    /// Age of keys from a URL at which they are loaded again.
    pub max_age: Duration,
}

/// The keys of an issuer, as they are known. Clones are the same.
#[derive(Clone)]
pub(super) struct HeldKeys(Arc<HeldState>);

struct HeldState {
    /// The issuer's name, for the log.
    issuer: Arc<str>,
    source: KeySource,
    client: reqwest::Client,
    retry_millis: i64,
    max_age_millis: i64,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    keys: Option<Arc<IssuerKeys>>,
    /// When the keys were last found to be these.
    loaded_at: Timestamp,
    /// When the latest load began.
    tried_at: Option<Timestamp>,
    /// Why the latest load has brought nothing.
    failure: Option<String>,
    /// When the file was changed that the keys are from.
    changed_at: Option<SystemTime>,
    /// The load that runs: it closes the channel at its end.
    running: Option<watch::Receiver<()>>,
}

/// What a load has found.
enum LoadedKeys {
    Same,
    Keys(IssuerKeys, Option<SystemTime>),
}

impl HeldKeys {
    /// None yet, unless the source is a secret.
    pub(super) fn new(issuer: Arc<str>, source: KeySource, times: KeyTimes) -> Result<Self, reqwest::Error> {
        let client = client(match &source {
            KeySource::Url(url) => url,
            _ => "",
        })?;
        let (retry_millis, max_age_millis) = match source {
            KeySource::Url(_) => (times.retry.as_millis() as i64, times.max_age.as_millis() as i64),
            _ => (FILE_MILLIS, FILE_MILLIS),
        };
        let mut held = Held::default();
        if let KeySource::Secret(secret) = &source {
            held.keys = Some(Arc::new(IssuerKeys::of_secret(secret.as_bytes())));
        }
        let held = Mutex::new(held);
        Ok(Self(Arc::new(HeldState { issuer, source, client, retry_millis, max_age_millis, held })))
    }

    /// The keys that may have signed a token with this header.
    ///
    /// # Errors
    /// [`JwtError::Key`] when the issuer has none; [`JwtError::Away`] when that can't be said.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Vec<DecodingKey>, JwtError> {
        let (found, running) = self.look(id, algorithm, now);
        match (found.is_empty(), running) {
            (false, _) => return Ok(found),
            // The channel has no values: this returns when it is closed.
            (true, Some(mut running)) => _ = running.changed().await,
            (true, None) => {}
        }
        let held = self.held();
        let found = keys_of(&held, id, algorithm);
        if !found.is_empty() {
            return Ok(found);
        }
        // After a load that has failed nobody knows whether the issuer has the key.
        Err(if held.failure.is_some() || held.keys.is_none() { JwtError::Away } else { JwtError::Key })
    }

    /// How many keys there are, after a load if one is due.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) async fn count(&self, now: Timestamp) -> Result<usize, String> {
        if let (_, Some(mut running)) = self.look(None, Algorithm::RS256, now) {
            _ = running.changed().await;
        }
        let held = self.held();
        match (&held.failure, &held.keys) {
            (None, Some(keys)) => Ok(keys.count()),
            (failure, _) => Err(failure.clone().unwrap_or_else(|| "they were not loaded".to_owned())),
        }
    }

    /// Looks among the keys that are held, and begins a load if one is due.
    fn look(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> (Vec<DecodingKey>, Option<watch::Receiver<()>>) {
        let state = &self.0;
        let mut held = self.held();
        let found = keys_of(&held, id, algorithm);
        let is_secret = matches!(state.source, KeySource::Secret(_));
        let is_wanted = found.is_empty() || held.loaded_at.plus_millis(state.max_age_millis) <= now;
        let may_be = held.tried_at.is_none_or(|tried| tried.plus_millis(state.retry_millis) <= now);
        if is_wanted && may_be && held.running.is_none() && !is_secret {
            let (end, running) = watch::channel(());
            held.tried_at = Some(now);
            held.running = Some(running);
            // Whoever waits is told by the end of `end`, also after a panic.
            drop(tasks::spawn("key_set", self.clone().load(now, RunningLoad { keys: self.clone(), _end: end })));
        }
        (found, held.running.clone())
    }

    async fn load(self, now: Timestamp, running: RunningLoad) {
        let state = &self.0;
        let changed_at = self.held().changed_at;
        let loaded = match &state.source {
            KeySource::Url(url) => fetch(&state.client, url).await.map(|keys| LoadedKeys::Keys(keys, None)),
            KeySource::SetFile(path) => read(path, changed_at, IssuerKeys::of_set).await,
            KeySource::PemFile(path) => read(path, changed_at, IssuerKeys::of_pem).await,
            KeySource::Secret(_) => Ok(LoadedKeys::Same),
        };
        let issuer = &state.issuer;
        let mut held = self.held();
        match loaded {
            Ok(loaded) => {
                if let LoadedKeys::Keys(keys, changed_at) = loaded {
                    (held.keys, held.changed_at) = (Some(Arc::new(keys)), changed_at);
                }
                held.loaded_at = now;
                if held.failure.take().is_some() {
                    info!(%issuer, "the keys of an issuer of tokens can be read again");
                }
            }
            Err(failure) => {
                if held.failure.as_ref() != Some(&failure) {
                    warn!(%issuer, %failure, "the keys of an issuer of tokens can't be read; those that are known stay");
                }
                held.failure = Some(failure);
            }
        }
        drop(held);
        drop(running);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it is held.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keys_of(held: &Held, id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
    let found = held.keys.as_ref().map(|keys| keys.for_token(id, algorithm)).unwrap_or_default();
    found.into_iter().cloned().collect()
}

/// Marks the end of a load when it is dropped.
struct RunningLoad {
    keys: HeldKeys,
    _end: watch::Sender<()>,
}

impl Drop for RunningLoad {
    fn drop(&mut self) {
        self.keys.held().running = None;
    }
}

/// Fetches a key set.
async fn fetch(client: &reqwest::Client, url: &str) -> Result<IssuerKeys, String> {
    let response = client.get(url).header("accept", "application/json").send().await.map_err(reason)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(format!("jwks_url answers {}", response.status()));
    }
    let body = body(response).await.map_err(|failure| format!("jwks_url: {failure}"))?;
    IssuerKeys::of_set(&body).map_err(|error| format!("what jwks_url answers {error}"))
}

/// Reads a file if it was changed at another time.
async fn read(
    path: &PathBuf,
    known: Option<SystemTime>,
    parse: fn(&[u8]) -> Result<IssuerKeys, String>,
) -> Result<LoadedKeys, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let about = tokio::fs::metadata(path).await.map_err(failed)?;
    let changed_at = about.modified().map_err(failed)?;
    if known == Some(changed_at) {
        return Ok(LoadedKeys::Same);
    }
    if about.len() > MAX_SET_BYTES as u64 {
        return Err(format!("{} has more than {MAX_SET_BYTES} bytes", path.display()));
    }
    let bytes = tokio::fs::read(path).await.map_err(failed)?;
    let keys = parse(&bytes).map_err(|error| format!("{} {error}", path.display()))?;
    Ok(LoadedKeys::Keys(keys, Some(changed_at)))
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(_) => f.write_str("Url(..)"),
            Self::SetFile(path) => write!(f, "SetFile({path:?})"),
            Self::PemFile(path) => write!(f, "PemFile({path:?})"),
            Self::Secret(_) => f.write_str("Secret(..)"),
        }
    }
}
