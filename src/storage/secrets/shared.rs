//! The sealed secrets of a cluster, in Redis.
//!
//! | key, behind the prefix | content | kept |
//! |---|---|---|
//! | `{RUN}:secret:COMMAND` | a sealed secret | until it is deleted, or its time is over |
//! | `secrets` | sorted set: the keys of all secrets -> when their time is over, in milliseconds | for good |

use std::time::Duration;

use super::{SecretError, SecretLimits};
use crate::protocol::{Clock, RunId};
use crate::storage::redis::{RedisClient, RedisCommand, Reply};

/// The secrets in Redis.
#[derive(Debug)]
pub(super) struct SharedSecrets {
    client: RedisClient,
    prefix: String,
    /// The journal's clock: Redis' own.
    clock: Clock,
    limits: SecretLimits,
}

impl SharedSecrets {
    pub(super) fn new(client: RedisClient, prefix: &str, clock: Clock, limits: SecretLimits) -> Self {
        Self { client, prefix: prefix.to_owned(), clock, limits }
    }

    /// Keeps a secret. If there is one already it stays, and is returned.
    pub(super) async fn put(
        &self,
        run: &RunId,
        command_id: &str,
        sealed: Vec<u8>,
        ttl: Duration,
    ) -> Result<Option<Vec<u8>>, SecretError> {
        let (key, now, ttl_ms) = (self.key(run, command_id), self.clock.now(), ttl.as_millis().max(1) as u64);
        let until = now.plus_millis(ttl_ms as i64).as_millis().to_string();
        let longer = |key: &str| RedisCommand::new("PEXPIRE").arg(key).number(ttl_ms).arg("GT");
        let listed = |key: &str| RedisCommand::new("ZADD").arg(self.list()).arg("GT").arg(&until).arg(key);
        if let Some(kept) = self.stored(&key).await? {
            self.burst(vec![longer(&key), listed(&key)]).await?;
            return Ok(Some(kept));
        }
        let old = RedisCommand::new("ZREMRANGEBYSCORE").arg(self.list()).arg("-inf").arg(now.as_millis().to_string());
        let counted = self.burst(vec![old, RedisCommand::new("ZCARD").arg(self.list())]).await?;
        // Nodes that count at the same time may exceed the bound by as many secrets.
        if matches!(counted.last(), Some(Reply::Integer(count)) if *count >= self.limits.count as i64) {
            return Err(SecretError::Full(self.limits.count));
        }
        let set = RedisCommand::new("SET").arg(&key).arg(sealed).arg("PX").number(ttl_ms).arg("NX").arg("GET");
        let stood = self.burst(vec![listed(&key), set]).await?.pop();
        Ok(match stood {
            Some(Reply::BulkString(kept)) => Some(kept),
            _ => None,
        })
    }

    pub(super) async fn get(&self, run: &RunId, command_id: &str) -> Result<Option<Vec<u8>>, SecretError> {
        self.stored(&self.key(run, command_id)).await
    }

    pub(super) async fn delete(&self, run: &RunId, command_id: &str) -> Result<(), SecretError> {
        let key = self.key(run, command_id);
        let unlist = RedisCommand::new("ZREM").arg(self.list()).arg(&key);
        self.burst(vec![RedisCommand::new("UNLINK").arg(&key), unlist]).await?;
        Ok(())
    }

    async fn stored(&self, key: &str) -> Result<Option<Vec<u8>>, SecretError> {
        match self.client.call(RedisCommand::new("GET").arg(key)).await? {
            Reply::BulkString(sealed) => Ok(Some(sealed)),
            _ => Ok(None),
        }
    }

    async fn burst(&self, commands: Vec<RedisCommand>) -> Result<Vec<Reply>, SecretError> {
        Ok(self.client.all(commands).await?.into_iter().collect::<Result<_, _>>()?)
    }

    fn key(&self, run: &RunId, command_id: &str) -> String {
        format!("{}:{{{run}}}:secret:{command_id}", self.prefix)
    }

    fn list(&self) -> String {
        format!("{}:secrets", self.prefix)
    }
}
