//! What a server says of itself: whether runs can be kept there, and how safe they are.

use crate::storage::redis::{Link, RedisCommand, RedisError, Reply};

/// A server that can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its version; empty when it does not say.
    pub version: String,
    /// What may lose events, in words for people.
    pub doubts: Vec<String>,
}

impl Server {
    /// Asks a server.
    ///
    /// # Errors
    /// [`RedisError::Refused`] when it can't be used, which the text explains; any other when it does not answer.
    pub async fn ask(link: &mut Link) -> Result<Self, RedisError> {
        match link.call(RedisCommand::new("INFO")).await? {
            Reply::BulkString(info) => Self::judge(&String::from_utf8_lossy(&info)),
            _ => Ok(Self::default()), // it speaks the protocol, and is none that describes itself
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
