//! Who is connected to which node of a cluster, in Redis.
//!
//! | key, behind the prefix | what | lives |
//! |---|---|---|
//! | `nodes` | set of node ids | a dead node's is removed by whoever looks |
//! | `node:ID` | JSON, its format version, the node's figures and which instance of it reports them; a node lives as long as this key | `ttl` after each report |
//! | `node:ID:connections` | hash: `RUN/SESSION` -> `{"since":MILLIS,"user":"NAME"}` | a second longer |
//! | `node:ID:runs` | hash: run -> its viewers on this node | a second longer |
//!
//! So a run's viewers are counted with one `HMGET` per node, and nobody has to clean up behind a node that was killed. The
//! run stands in front in the field's name, so that Redis itself finds a run's sessions among all others.
//!
//! Two nodes that live under one id are noticed: each finds the other's instance where it has written its own. An instance's
//! first report finds its predecessor's, which is nothing: a node that was killed may come again at once.
//!
//! It has a connection of its own: a node that registers 50,000 viewers anew must not hold up appends.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use super::format::NewerFormat;
use super::redis::{LinkStatus, RedisClient, RedisCommand, RedisError, RedisSettings, Reply};
use crate::protocol::{Connection, RunId};

mod entry;
mod report;

pub use report::{Report, Reported};

/// Runs asked about at a time.
const RUNS_PER_LOOK: usize = 500;
/// About how many connections Redis looks at per step of a search.
const PER_SCAN: u64 = 2_000;

/// How presence is opened.
#[derive(Clone, Debug)]
pub struct RegisterOptions {
    /// Before every key: several clusters may share a server.
    pub prefix: String,
    /// This node's id: `A-Z a-z 0-9 . _ -`.
    pub node: String,
    /// How long a node counts as living after its last report.
    pub ttl: Duration,
    /// The server.
    pub settings: RedisSettings,
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Viewers connected.
    pub connections: u64,
    /// Rooms that live.
    pub active_runs: u64,
    /// Seconds since its start.
    pub uptime: u64,
}

/// Tells something as it is now.
pub type Tell<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// A node that lives, as it last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// Its id.
    pub node: String,
    /// Its figures.
    pub figures: Figures,
    /// Its viewers of the runs that were asked about, in their order.
    pub viewers: Vec<u64>,
}

/// Why presence does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// As Redis says.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// A node of a newer build reports.
    #[error(transparent)]
    NewerFormat(NewerFormat),
    /// What is stored is not what any build up to this one writes.
    #[error("Redis holds something that no node reported: {0}")]
    Malformed(String),
}

/// See the module.
#[derive(Debug)]
pub struct Register {
    client: RedisClient,
    prefix: String,
    node: String,
    /// This process of the node; no other one has it.
    instance: Uuid,
    /// It has reported.
    introduced: AtomicBool,
    ttl: Duration,
}

impl Register {
    /// Connects in the background: a server that is away now is a state, not an error.
    pub fn open(options: RegisterOptions) -> Self {
        let RegisterOptions { prefix, node, ttl, settings } = options;
        let client = RedisClient::start(settings, Arc::new(()));
        Self { client, prefix, node, instance: Uuid::now_v7(), introduced: AtomicBool::new(false), ttl }
    }

    /// How long a node counts as living after its last report.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The connection's state: behind another connection may be another Redis.
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.client.status()
    }

    fn nodes_key(&self) -> String {
        format!("{}:nodes", self.prefix)
    }

    fn node_key(&self, node: &str) -> String {
        format!("{}:node:{node}", self.prefix)
    }

    fn connections_key(&self, node: &str) -> String {
        format!("{}:node:{node}:connections", self.prefix)
    }

    fn runs_key(&self, node: &str) -> String {
        format!("{}:node:{node}:runs", self.prefix)
    }

    /// All nodes that live, by their id, with their viewers of `runs`.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn look(&self, runs: &[RunId]) -> Result<Vec<NodeSeen>, RegisterError> {
        let (first, rest) = runs.split_at(runs.len().min(RUNS_PER_LOOK));
        let mut seen = self.look_once(first).await?;
        for chunk in rest.chunks(RUNS_PER_LOOK) {
            let more = self.look_once(chunk).await?;
            // A node that came or went in between is not wholly known: the next look has it, or has not.
            seen.retain_mut(|node| match more.iter().find(|other| other.node == node.node) {
                Some(other) => {
                    node.viewers.extend(&other.viewers);
                    true
                }
                None => false,
            });
        }
        Ok(seen)
    }

    async fn look_once(&self, runs: &[RunId]) -> Result<Vec<NodeSeen>, RegisterError> {
        let command = RedisCommand::new("EVAL").arg(include_str!("look.lua")).arg("1").arg(self.nodes_key());
        let command = command.arg(self.node_key("")).args(runs.iter().map(RunId::as_str));
        let Reply::Array(nodes) = self.client.call(command).await? else { return Err(malformed("no list of nodes")) };
        let mut seen = nodes.into_iter().map(entry::node_seen).collect::<Result<Vec<_>, _>>()?;
        seen.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(seen)
    }

    /// At most `limit` viewers of a run on a node, in no order.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn list(&self, node: &str, run: &RunId, limit: usize) -> Result<Vec<Connection>, RegisterError> {
        let mut found = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            // A run's id has none of the characters that a pattern gives a meaning to.
            let command = RedisCommand::new("HSCAN").arg(self.connections_key(node)).arg(&cursor);
            let command = command.arg("MATCH").arg(entry::pattern(run)).arg("COUNT").number(PER_SCAN);
            let (next, fields) = entry::scanned(self.client.call(command).await?)?;
            found.extend(fields);
            if found.len() >= limit || next == "0" {
                // A field may come twice while the hash is being rebuilt.
                found.sort_by_key(|connection: &Connection| connection.session);
                found.dedup_by_key(|connection| connection.session);
                found.truncate(limit);
                return Ok(found);
            }
            cursor = next;
        }
    }

    /// Takes this node out, with all its connections: it stops.
    ///
    /// # Errors
    /// [`RegisterError`]: it counts as gone `ttl` after its last report.
    pub async fn leave(&self) -> Result<(), RegisterError> {
        let keys = [self.node_key(&self.node), self.connections_key(&self.node), self.runs_key(&self.node)];
        let forget = RedisCommand::new("SREM").arg(self.nodes_key()).arg(&self.node);
        self.burst(vec![RedisCommand::new("UNLINK").args(keys), forget]).await?;
        Ok(())
    }

    /// Ends the connection.
    pub async fn close(&self) {
        self.client.close().await;
    }

    /// Runs commands in one go: their replies, or the first refusal.
    async fn burst(&self, commands: Vec<RedisCommand>) -> Result<Vec<Reply>, RegisterError> {
        let replies = self.client.all(commands).await?;
        Ok(replies.into_iter().collect::<Result<_, _>>()?)
    }
}

fn malformed(what: impl Into<String>) -> RegisterError {
    RegisterError::Malformed(what.into())
}
