//! Secrets that people give to a run: a password in answer to a question, a value to type. They never enter the log.
//!
//! A secret is kept sealed (`key.rs`) under the command that it belongs to, for a time, in memory on a single node and
//! in Redis in a cluster. In the log its place is taken by its MAC, by which a repeated command is recognised. A secret
//! can be lost, with the process or with Redis; whoever asks for it then is told [`SecretError::Gone`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use self::memory::MemorySecrets;
use self::shared::SharedSecrets;
use crate::protocol::{Clock, RunId};
use crate::storage::redis::{RedisClient, RedisError};

mod key;
mod memory;
mod shared;

pub use key::SecretKey;

/// Most bytes of a secret: 16 KiB.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;

/// Bounds of all secrets: those of a single node, or of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretLimits {
    /// Most secrets.
    pub count: usize,
}

impl Default for SecretLimits {
    /// 4,096 secrets, which are 64 MiB when each is as long as it may be.
    fn default() -> Self {
        Self { count: 4_096 }
    }
}

/// A secret in clear text. `Debug` does not show it, and its memory is zeroed when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// A secret of this text.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(..)")
    }
}

/// Why a secret was not kept, or not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no key to seal secrets with.
    #[error("secrets can't be kept: the nodes of a cluster need one objects.signing_key, of 32 characters or more")]
    NoKey,
    /// The secret is too long.
    #[error("a secret may have at most {MAX_SECRET_BYTES} bytes")]
    TooLarge,
    /// As many secrets are kept as may be.
    #[error("{0} secrets are kept, as many as may be")]
    Full(usize),
    /// The command has another secret already.
    #[error("the command has another secret already")]
    Conflict,
    /// The secret was deleted, its time is over, or it was lost.
    #[error("the secret is gone")]
    Gone,
    /// Redis does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// The cryptographic library refused to work.
    #[error("the secret can't be sealed")]
    Crypto,
}

impl From<RedisError> for SecretError {
    fn from(error: RedisError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The secrets of all runs. Clones share them.
#[derive(Clone, Debug)]
pub struct Secrets(Arc<SecretsState>);

#[derive(Debug)]
struct SecretsState {
    /// `None`: none is configured.
    key: Option<SecretKey>,
    store: SecretStore,
}

#[derive(Debug)]
enum SecretStore {
    Memory(MemorySecrets),
    Shared(SharedSecrets),
}

impl Secrets {
    /// The secrets of a single node; without a key none can be kept.
    pub fn in_memory(key: Option<SecretKey>, limits: SecretLimits) -> Self {
        Self(Arc::new(SecretsState { key, store: SecretStore::Memory(MemorySecrets::new(limits)) }))
    }

    /// The secrets of a cluster, in the journal's Redis; without a key none can be kept. `prefix` begins the name of
    /// every key in Redis.
    pub fn in_redis(
        key: Option<SecretKey>,
        limits: SecretLimits,
        client: RedisClient,
        prefix: &str,
        clock: Clock,
    ) -> Self {
        let store = SecretStore::Shared(SharedSecrets::new(client, prefix, clock, limits));
        Self(Arc::new(SecretsState { key, store }))
    }

    fn key(&self) -> Result<&SecretKey, SecretError> {
        self.0.key.as_ref().ok_or(SecretError::NoKey)
    }

    /// What stands for the secret in the log: 64 hexadecimal digits. The same secret of the same command has the same.
    ///
    /// # Errors
    /// [`SecretError::NoKey`].
    pub fn mac(&self, run: &RunId, command_id: &str, value: &SecretValue) -> Result<String, SecretError> {
        Ok(self.key()?.mac(run, command_id, value))
    }

    /// Keeps a secret for `ttl`. It is done before the command is stored, so that no command is without its secret.
    /// The same secret may be put again, which keeps it for longer; another one does not take its place.
    ///
    /// # Errors
    /// [`SecretError`] but for `Gone`.
    pub async fn put(
        &self,
        run: &RunId,
        command_id: &str,
        value: &SecretValue,
        ttl: Duration,
    ) -> Result<(), SecretError> {
        let key = self.key()?;
        if value.reveal().len() > MAX_SECRET_BYTES {
            return Err(SecretError::TooLarge);
        }
        let sealed = key.seal(run, command_id, value)?;
        let kept = match &self.0.store {
            SecretStore::Memory(secrets) => secrets.put(run, command_id, sealed, ttl)?,
            SecretStore::Shared(secrets) => secrets.put(run, command_id, sealed, ttl).await?,
        };
        match kept {
            // One that can't be opened is of another key: nobody could ever have it.
            Some(kept) if key.open(run, command_id, &kept).as_ref() != Some(value) => Err(SecretError::Conflict),
            _ => Ok(()),
        }
    }

    /// The command's secret. It stays until it is deleted or its time is over.
    ///
    /// # Errors
    /// [`SecretError::NoKey`], [`SecretError::Gone`], [`SecretError::Unavailable`].
    pub async fn get(&self, run: &RunId, command_id: &str) -> Result<SecretValue, SecretError> {
        let key = self.key()?;
        let sealed = match &self.0.store {
            SecretStore::Memory(secrets) => secrets.get(run, command_id),
            SecretStore::Shared(secrets) => secrets.get(run, command_id).await?,
        };
        sealed.and_then(|sealed| key.open(run, command_id, &sealed)).ok_or(SecretError::Gone)
    }

    /// Deletes the command's secret, if there is one.
    ///
    /// # Errors
    /// [`SecretError::Unavailable`]: it goes when its time is over.
    pub async fn delete(&self, run: &RunId, command_id: &str) -> Result<(), SecretError> {
        match &self.0.store {
            SecretStore::Memory(secrets) => secrets.delete(run, command_id),
            SecretStore::Shared(secrets) => secrets.delete(run, command_id).await?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::objects::UrlKey;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn secrets(count: usize) -> Secrets {
        let key = SecretKey::derived(&UrlKey::from_text("a key of thirty-two characters..")).unwrap();
        Secrets::in_memory(Some(key), SecretLimits { count })
    }

    fn run() -> RunId {
        RunId::parse("r").unwrap()
    }

    #[tokio::test]
    async fn a_secret_is_had_again_and_again_until_it_is_deleted() {
        let (secrets, value) = (secrets(9), SecretValue::new("hunter2"));
        secrets.put(&run(), "c", &value, HOUR).await.unwrap();
        secrets.put(&run(), "c", &value, HOUR).await.unwrap();
        for _ in 0..2 {
            assert_eq!(secrets.get(&run(), "c").await.as_ref(), Ok(&value));
        }
        assert_eq!(secrets.get(&run(), "d").await, Err(SecretError::Gone));
        secrets.delete(&run(), "c").await.unwrap();
        assert_eq!(secrets.get(&run(), "c").await, Err(SecretError::Gone));
    }

    #[tokio::test]
    async fn another_secret_takes_nobodys_place() {
        let (secrets, value) = (secrets(9), SecretValue::new("hunter2"));
        secrets.put(&run(), "c", &value, HOUR).await.unwrap();
        let other = SecretValue::new("hunter3");
        assert_eq!(secrets.put(&run(), "c", &other, HOUR).await, Err(SecretError::Conflict));
        assert_eq!(secrets.get(&run(), "c").await, Ok(value));
    }

    #[tokio::test]
    async fn what_is_too_long_or_too_much_is_refused() {
        let (secrets, value) = (secrets(2), SecretValue::new("hunter2"));
        let long = SecretValue::new(&"x".repeat(MAX_SECRET_BYTES + 1));
        assert_eq!(secrets.put(&run(), "c", &long, HOUR).await, Err(SecretError::TooLarge));
        secrets.put(&run(), "1", &value, Duration::ZERO).await.unwrap();
        assert_eq!(secrets.get(&run(), "1").await, Err(SecretError::Gone), "its time is over");
        secrets.put(&run(), "2", &value, HOUR).await.unwrap();
        secrets.put(&run(), "3", &value, HOUR).await.unwrap();
        assert_eq!(secrets.put(&run(), "4", &value, HOUR).await, Err(SecretError::Full(2)));
        secrets.put(&run(), "3", &value, HOUR).await.unwrap();
    }

    #[tokio::test]
    async fn without_a_key_it_says_so() {
        let secrets = Secrets::in_memory(None, SecretLimits { count: 9 });
        let value = SecretValue::new("hunter2");
        assert_eq!(secrets.put(&run(), "c", &value, HOUR).await, Err(SecretError::NoKey));
        assert_eq!(secrets.mac(&run(), "c", &value), Err(SecretError::NoKey));
        assert_eq!(secrets.get(&run(), "c").await, Err(SecretError::NoKey));
        secrets.delete(&run(), "c").await.unwrap();
    }
}
