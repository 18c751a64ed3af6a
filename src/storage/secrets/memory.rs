//! The sealed secrets of a single node.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{SecretError, SecretLimits};
use crate::protocol::RunId;
use crate::protocol::clock::since_boot;

/// A sealed secret.
#[derive(Debug)]
struct Sealed {
    bytes: Vec<u8>,
    /// When its time is over, on the monotonic clock.
    until: Duration,
}

/// The secrets by run and command.
#[derive(Debug)]
pub(super) struct MemorySecrets {
    secrets: Mutex<HashMap<(RunId, String), Sealed>>,
    limits: SecretLimits,
}

impl MemorySecrets {
    pub(super) fn new(limits: SecretLimits) -> Self {
        Self { secrets: Mutex::default(), limits }
    }

    fn secrets(&self) -> MutexGuard<'_, HashMap<(RunId, String), Sealed>> {
        // No code panics while it holds the lock.
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a secret. If there is one already it stays, and is returned.
    pub(super) fn put(
        &self,
        run: &RunId,
        command_id: &str,
        bytes: Vec<u8>,
        ttl: Duration,
    ) -> Result<Option<Vec<u8>>, SecretError> {
        let (key, now, mut secrets) = ((run.clone(), command_id.to_owned()), since_boot(), self.secrets());
        let until = now + ttl;
        if let Some(kept) = secrets.get_mut(&key).filter(|kept| kept.until > now) {
            kept.until = until.max(kept.until);
            return Ok(Some(kept.bytes.clone()));
        }
        if secrets.len() >= self.limits.count {
            secrets.retain(|_, sealed| sealed.until > now);
        }
        if secrets.len() >= self.limits.count {
            return Err(SecretError::Full(self.limits.count));
        }
        secrets.insert(key, Sealed { bytes, until });
        Ok(None)
    }

    pub(super) fn get(&self, run: &RunId, command_id: &str) -> Option<Vec<u8>> {
        let secrets = self.secrets();
        let sealed = secrets.get(&(run.clone(), command_id.to_owned()))?;
        (sealed.until > since_boot()).then(|| sealed.bytes.clone())
    }

    pub(super) fn delete(&self, run: &RunId, command_id: &str) {
        self.secrets().remove(&(run.clone(), command_id.to_owned()));
    }
}
