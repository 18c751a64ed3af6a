//! The scripts, which run by their digest. A server that does not know a script (it was restarted) gets its text again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::storage::redis::{RedisClient, RedisCommand, RedisError, Reply};

/// A script, and its digest once a server has loaded it.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) source: &'static str,
    digest: Mutex<Option<String>>,
}

/// All scripts of the journal.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) append: Script,
    pub(super) heads: Script,
    pub(super) read: Script,
    pub(super) read_control: Script,
    pub(super) settle_due: Script,
    pub(super) expire: Script,
    pub(super) bury: Script,
    pub(super) moved: Script,
    pub(super) stage: Script,
    pub(super) import: Script,
}

/// The script that opens or finds the store's incarnation; it runs on each new connection.
pub(super) const ATTEST: &str = include_str!("attest.lua");

impl Scripts {
    pub(super) const fn new() -> Self {
        Self {
            append: Script::new(include_str!("append.lua")),
            heads: Script::new(include_str!("heads.lua")),
            read: Script::new(include_str!("read.lua")),
            read_control: Script::new(include_str!("read_control.lua")),
            settle_due: Script::new(include_str!("settle_due.lua")),
            expire: Script::new(include_str!("expire.lua")),
            bury: Script::new(include_str!("bury.lua")),
            moved: Script::new(include_str!("moved.lua")),
            stage: Script::new(include_str!("stage.lua")),
            import: Script::new(include_str!("import.lua")),
        }
    }
}

impl Script {
    const fn new(source: &'static str) -> Self {
        Self { source, digest: Mutex::new(None) }
    }

    /// Runs the script with `keys` and the arguments that `args` adds, within the time `within`.
    pub(super) async fn call(
        &self,
        client: &RedisClient,
        within: Duration,
        keys: &[String],
        args: impl Fn(RedisCommand) -> RedisCommand,
    ) -> Result<Reply, RedisError> {
        let mut known = self.digest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        loop {
            let digest = match known.take() {
                Some(digest) => digest,
                None => self.load(client, within).await?,
            };
            let command = RedisCommand::new("EVALSHA").arg(digest).arg(keys.len().to_string());
            let command = keys.iter().fold(command, |command, key| command.arg(key.as_str()));
            match client.call_within(args(command), within).await {
                Err(RedisError::Refused(reason)) if reason.starts_with("NOSCRIPT") => {}
                answer => return answer,
            }
        }
    }

    async fn load(&self, client: &RedisClient, within: Duration) -> Result<String, RedisError> {
        let command = RedisCommand::new("SCRIPT").arg("LOAD").arg(self.source);
        match client.call_within(command, within).await {
            Ok(Reply::BulkString(digest)) => {
                let digest = String::from_utf8_lossy(&digest).into_owned();
                *self.digest.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest.clone());
                Ok(digest)
            }
            Ok(other) => Err(RedisError::Unavailable(format!("SCRIPT LOAD answered {other:?}"))),
            // Only the load has failed: the script itself has not run.
            Err(RedisError::OutcomeUnknown(reason)) => Err(RedisError::Unavailable(reason)),
            Err(error) => Err(error),
        }
    }
}
