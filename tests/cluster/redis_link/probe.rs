//! What these tests share: settings, and the short forms of what they ask.

use std::sync::Arc;
use std::time::Duration;

use runcast::storage::redis::{LinkStatus, RedisClient, RedisCommand, RedisError, RedisSettings, Reply};

use crate::support::{SOON, eventually, soon};

/// A deadline that is never met by chance, even on a busy machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(15);

/// A deadline for tests that wait for it to pass.
pub(crate) const BRIEF: Duration = Duration::from_millis(500);

pub(crate) fn settings(url: &str, command_timeout: Duration) -> RedisSettings {
    RedisSettings {
        url: url.parse().unwrap(),
        ca_file: None,
        command_timeout,
        client_name: "runcast-test".to_owned(),
        purpose: "test",
    }
}

/// A client of what is at `address`.
pub(crate) fn client(address: impl std::fmt::Display, command_timeout: Duration) -> RedisClient {
    RedisClient::start(settings(&format!("redis://{address}"), command_timeout), Arc::new(()))
}

pub(crate) fn get(key: &str) -> RedisCommand {
    RedisCommand::new("GET").arg(key)
}

pub(crate) fn set(key: &str, value: impl AsRef<[u8]>) -> RedisCommand {
    RedisCommand::new("SET").arg(key).arg(value)
}

pub(crate) fn text(reply: &str) -> Result<Reply, RedisError> {
    Ok(Reply::BulkString(reply.as_bytes().to_vec()))
}

pub(crate) fn ok() -> Result<Reply, RedisError> {
    Ok(Reply::SimpleString("OK".to_owned()))
}

/// Waits for a connection later than `after`; its number.
pub(crate) async fn live(client: &RedisClient, after: u64) -> u64 {
    let mut status = client.status();
    let fits = |status: &LinkStatus| matches!(status, LinkStatus::Live { connection } if *connection > after);
    let status = soon("a connection", status.wait_for(fits)).await.unwrap();
    match *status {
        LinkStatus::Live { connection } => connection,
        _ => unreachable!(),
    }
}

/// Waits until there is no connection; why.
pub(crate) async fn down(client: &RedisClient) -> String {
    let mut status = client.status();
    let fits = |status: &LinkStatus| matches!(status, LinkStatus::Down { .. });
    match &*soon("the end of the connection", status.wait_for(fits)).await.unwrap() {
        LinkStatus::Down { reason, .. } => reason.to_string(),
        _ => unreachable!(),
    }
}

/// Calls until it goes well, as a caller does that may repeat.
pub(crate) async fn insist(client: &RedisClient, command: RedisCommand) -> Reply {
    eventually!(client.call(command.clone()).await, Result::is_ok, SOON).unwrap()
}
