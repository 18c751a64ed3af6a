//! Presence: which viewers are connected to which node of a cluster, kept in Redis.
//!
//! | key, behind the prefix | content | kept |
//! |---|---|---|
//! | `nodes` | set of node ids | a dead node's id is removed by the next node that looks |
//! | `node:ID` | JSON, its format version, the node's figures and which instance of it reports them; a node is alive as long as this key is there | `ttl` after each report |
//! | `node:ID:connections` | hash: `RUN/SESSION` -> `{"since":MILLIS,"user":"NAME"}` | a second longer |
//! | `node:ID:runs` | hash: run -> its viewers on this node | a second longer |
//! | `node:ID:interest` | hash: run -> JSON of what its viewers on this node look at, if it is anything | a second longer |
//!
//! A node of a build without `node:ID:interest` looks at nothing that others could show it: their screens go by other
//! channels. So a run's viewers are counted with one `HMGET` per node, and the entries of a killed node disappear by themselves.
//! The field's name begins with the run, so that Redis itself finds a run's sessions among all others.
//!
//! Two nodes with the same id are noticed: each finds the other's instance where it wrote its own. The first report of
//! an instance finds its predecessor's, which does not count: a killed node may restart at once.
//!
//! Presence has a connection of its own: a node that registers 50,000 viewers again must not delay appends.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use super::format::NewerFormat;
use super::redis::{LinkStatus, RedisClient, RedisCommand, RedisError, RedisSettings, Reply};
use crate::protocol::{Connection, Interest, RunId};

mod entry;
mod report;

pub use report::{Report, Reported};

/// Runs per request.
const RUNS_PER_LOOK: usize = 500;
/// About how many connections Redis looks at per step of a search.
const PER_SCAN: u64 = 2_000;

/// How to open presence.
#[derive(Clone, Debug)]
pub struct RegisterOptions {
    /// The prefix of every key, so that several clusters may share a server.
    pub prefix: String,
    /// This node's id: `A-Z a-z 0-9 . _ -`.
    pub node: String,
    /// How long a node counts as alive after its last report.
    pub ttl: Duration,
    /// How to reach the server.
    pub settings: RedisSettings,
}

/// A node's report about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Viewers connected.
    pub connections: u64,
    /// Rooms that are alive.
    pub active_runs: u64,
    /// Seconds since the node's start.
    pub uptime: u64,
}

/// A function that returns a current value.
pub type Gauge<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// A live node, with the figures of its last report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSeen {
    /// The node's id.
    pub node: String,
    /// The node's figures.
    pub figures: Figures,
    /// The node's viewers of the requested runs, in the order of the request.
    pub viewers: Vec<u64>,
    /// What these look at, in the same order; `None`: at nothing.
    pub interest: Vec<Option<Arc<Interest>>>,
}

/// Why presence does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Redis failed or refused.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// A node of a newer build has reported.
    #[error(transparent)]
    NewerFormat(NewerFormat),
    /// The stored data is not what this build or an earlier one writes.
    #[error("Redis holds something that no node reported: {0}")]
    Malformed(String),
}

/// This node's access to presence: reports its own viewers and reads those of all nodes.
#[derive(Debug)]
pub struct Register {
    client: RedisClient,
    prefix: String,
    node: String,
    /// The id of this process of the node; no other process has it.
    instance: Uuid,
    /// Whether this instance has reported.
    introduced: AtomicBool,
    ttl: Duration,
}

impl Register {
    /// Opens presence and connects in the background. An unreachable server is a state, not an error.
    pub fn open(options: RegisterOptions) -> Self {
        let RegisterOptions { prefix, node, ttl, settings } = options;
        let client = RedisClient::start(settings, Arc::new(()));
        Self { client, prefix, node, instance: Uuid::now_v7(), introduced: AtomicBool::new(false), ttl }
    }

    /// How long a node counts as alive after its last report.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The connection's state. Another connection may lead to another Redis.
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

    fn interest_key(&self, node: &str) -> String {
        format!("{}:node:{node}:interest", self.prefix)
    }

    /// All live nodes, ordered by their id, with their viewers of `runs`.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn look(&self, runs: &[RunId]) -> Result<Vec<NodeSeen>, RegisterError> {
        let (first, rest) = runs.split_at(runs.len().min(RUNS_PER_LOOK));
        let mut seen = self.look_once(first).await?;
        for chunk in rest.chunks(RUNS_PER_LOOK) {
            let more = self.look_once(chunk).await?;
            // A node that came or went between two requests is left out: its viewers are not known for all runs.
            seen.retain_mut(|node| match more.iter().find(|other| other.node == node.node) {
                Some(other) => {
                    node.viewers.extend(&other.viewers);
                    node.interest.extend(other.interest.iter().cloned());
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

    /// At most `limit` viewers of a run on a node, in no particular order.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn list(&self, node: &str, run: &RunId, limit: usize) -> Result<Vec<Connection>, RegisterError> {
        let mut found = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            // A run's id has none of the characters that are special in a pattern.
            let command = RedisCommand::new("HSCAN").arg(self.connections_key(node)).arg(&cursor);
            let command = command.arg("MATCH").arg(entry::pattern(run)).arg("COUNT").number(PER_SCAN);
            let (next, fields) = entry::scanned(self.client.call(command).await?)?;
            found.extend(fields);
            if found.len() >= limit || next == "0" {
                // A field may appear twice while Redis rebuilds the hash.
                found.sort_by_key(|connection: &Connection| connection.session);
                found.dedup_by_key(|connection| connection.session);
                found.truncate(limit);
                return Ok(found);
            }
            cursor = next;
        }
    }

    /// Removes this node with all its connections, because it stops.
    ///
    /// # Errors
    /// [`RegisterError`]: the node counts as gone `ttl` after its last report.
    pub async fn leave(&self) -> Result<(), RegisterError> {
        let node = &self.node;
        let hashes = [self.connections_key(node), self.runs_key(node), self.interest_key(node)];
        let keys = [self.node_key(node)].into_iter().chain(hashes);
        let forget = RedisCommand::new("SREM").arg(self.nodes_key()).arg(&self.node);
        self.burst(vec![RedisCommand::new("UNLINK").args(keys), forget]).await?;
        Ok(())
    }

    /// Ends the connection.
    pub async fn close(&self) {
        self.client.close().await;
    }

    /// Runs commands in one go. Returns their replies, or the first refusal.
    async fn burst(&self, commands: Vec<RedisCommand>) -> Result<Vec<Reply>, RegisterError> {
        let replies = self.client.all(commands).await?;
        Ok(replies.into_iter().collect::<Result<_, _>>()?)
    }
}

fn malformed(what: impl Into<String>) -> RegisterError {
    RegisterError::Malformed(what.into())
}
