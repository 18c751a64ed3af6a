//! What is kept beside the logs, for a time: signs of life and secrets. In memory on a single node, in the journal's
//! Redis in a cluster.

use tracing::warn;

use super::super::Storage;
use super::super::limits::sign_times;
use super::objects::open_secret_key;
use crate::config::Config;
use crate::storage::secrets::{SecretKey, SecretLimits, Secrets};
use crate::storage::signs::Signs;

impl Storage {
    /// The signs of life.
    pub(in crate::app) fn signs(&self, config: &Config) -> Signs {
        let (clock, times) = (self.journal.clock().clone(), sign_times(config));
        match &self.redis {
            Some(journal) => Signs::in_redis(clock, times, journal.client().clone(), &config.redis.prefix),
            None => Signs::in_memory(clock, times),
        }
    }

    /// The secrets. Where there is no key none can be kept, and whoever wants to give one is told.
    pub(in crate::app) fn secrets(&self, config: &Config) -> Secrets {
        let (limits, key) = (SecretLimits::default(), self.secret_key(config));
        match &self.redis {
            Some(journal) => {
                let (client, clock) = (journal.client().clone(), self.journal.clock().clone());
                Secrets::in_redis(key, limits, client, &config.redis.prefix, clock)
            }
            None => Secrets::in_memory(key, limits),
        }
    }

    fn secret_key(&self, config: &Config) -> Option<SecretKey> {
        if self.redis.is_none() && self.data_dir.is_none() {
            return None;
        }
        open_secret_key(config).unwrap_or_else(|error| {
            warn!(error = format!("{error:#}"), "there is no key for secrets: none can be given");
            None
        })
    }
}
