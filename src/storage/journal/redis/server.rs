//! What a server reports about itself: whether it can keep runs, and how safe they are there.

use crate::storage::redis::{Link, RedisCommand, RedisError, Reply};

/// A server that can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// The server's version; empty when the server does not report one.
    pub version: String,
    /// What may lose events, in words for an operator.
    pub doubts: Vec<String>,
}

impl Server {
    /// Asks a server for its `INFO`.
    ///
    /// # Errors
    /// [`RedisError::Refused`] when the server can't be used; the text explains why. Another error when it does not
    /// answer.
    pub async fn ask(link: &mut Link) -> Result<Self, RedisError> {
        match link.call(RedisCommand::new("INFO")).await? {
            Reply::BulkString(info) => Self::judge(&String::from_utf8_lossy(&info)),
            _ => Ok(Self::default()), // it speaks the protocol without describing itself
        }
    }

    /// Judges the answer to `INFO`.
    fn judge(info: &str) -> Result<Self, RedisError> {
        let value = |key: &str| info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
        if value("cluster_enabled") == Some("1") {
            return Err(RedisError::Refused(
                "this is a Redis Cluster, which is not spoken: use a single server".into(),
            ));
        }
        if value("role") == Some("slave") {
            return Err(RedisError::Refused("this is a replica, which takes no writes".into()));
        }
        let mut doubts = Vec::new();
        if value("aof_enabled") == Some("0") {
            doubts.push("Redis keeps no append-only file: a restart loses acknowledged events".to_owned());
        }
        match value("maxmemory_policy") {
            None | Some("noeviction") => {}
            Some(policy) => doubts.push(format!("Redis may evict runs (maxmemory-policy {policy}): use noeviction")),
        }
        Ok(Self { version: value("redis_version").unwrap_or_default().to_owned(), doubts })
    }
}
