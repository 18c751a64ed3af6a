//! Signs of life in Redis, where all nodes of a cluster find them.
//!
//! | key, behind the prefix | content | kept |
//! |---|---|---|
//! | `signs` | a mark that stands for as long as Redis loses nothing | for good |
//! | `signs:overflowed` | when a node last had no room for a sign of any run, in milliseconds | `ttl` |
//! | `{RUN}:signs` | sorted set: `s:SUBJECT`, `p:PRODUCER` -> when it was last heard, in milliseconds; `-`: when there was last no room for a sign | `ttl` after the last sign |
//!
//! They use the journal's connection: a node that can store what a producer posts can tell that it was heard.

use std::time::Duration;

use uuid::Uuid;

use super::heard::{MAX_OF_RUN, RunSigns};
use super::hearing::Source;
use crate::protocol::{RunId, Sign, Timestamp};
use crate::storage::redis::{LinkStatus, RedisClient, RedisCommand, RedisError, Reply};

/// Runs that are told in one go.
const RUNS_PER_BURST: usize = 100;
/// The member that stands for signs that were not kept.
const OVERFLOWED: &str = "-";
/// Most members of a run's set: those of several nodes.
const MAX_STORED: usize = 2 * MAX_OF_RUN;

/// The signs in Redis.
#[derive(Debug)]
pub(super) struct SharedSigns {
    client: RedisClient,
    prefix: String,
    ttl: Duration,
}

/// What Redis knows of some signs.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) source: Source,
    /// When each was last heard, in the order of the question.
    pub(super) last: Vec<Option<Timestamp>>,
    /// When a sign that might have been the run's was last not kept.
    pub(super) overflowed: Option<Timestamp>,
}

impl SharedSigns {
    pub(super) fn new(client: RedisClient, prefix: &str, ttl: Duration) -> Self {
        Self { client, prefix: prefix.to_owned(), ttl }
    }

    /// Stores what was heard, and returns where. What was heard later stays, whoever stores last.
    pub(super) async fn tell(
        &self,
        heard: &[RunSigns],
        overflowed: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Source, RedisError> {
        let connection = self.connection()?;
        // Another one each time: one that was lost must not come back.
        let fresh = Uuid::now_v7().to_string();
        let mark = RedisCommand::new("SET").arg(self.mark_key()).arg(&fresh).arg("NX").arg("GET");
        let mark = match self.client.call(mark).await? {
            Reply::BulkString(mark) => String::from_utf8_lossy(&mark).into_owned(),
            _ => fresh,
        };
        if let Some(at) = overflowed {
            let command = RedisCommand::new("SET").arg(self.overflowed_key()).arg(at.as_millis().to_string());
            self.client.call(command.arg("PX").number(self.ttl.as_millis() as u64)).await?;
        }
        for chunk in heard.chunks(RUNS_PER_BURST) {
            let replies = self.client.all(chunk.iter().flat_map(|of_run| self.store(of_run, now)).collect()).await?;
            let mut crowded = Vec::new();
            // Four replies to a run: set, aged, crowded out, expiry.
            for (of_run, replies) in chunk.iter().zip(replies.chunks(4)) {
                for (index, reply) in replies.iter().enumerate() {
                    match reply.clone()? {
                        Reply::Integer(removed) if index == 2 && removed > 0 => {
                            crowded.push(self.overflow(of_run, now))
                        }
                        _ => {}
                    }
                }
            }
            if !crowded.is_empty() {
                self.client.all(crowded).await?.into_iter().try_for_each(|reply| reply.map(|_| ()))?;
            }
        }
        self.still(connection, mark)
    }

    /// Reads when signs of a run were last heard by any node.
    pub(super) async fn find(&self, run: &RunId, signs: &[Sign]) -> Result<Found, RedisError> {
        let connection = self.connection()?;
        let marks = RedisCommand::new("MGET").arg(self.mark_key()).arg(self.overflowed_key());
        let scores = RedisCommand::new("ZMSCORE").arg(self.run_key(run)).arg(OVERFLOWED).args(signs.iter().map(member));
        let mut replies = self.client.all(vec![marks, scores]).await?.into_iter();
        let (marks, scores) = (list(replies.next())?, list(replies.next())?);
        let mut scores = scores.into_iter().map(time);
        let mut marks = marks.into_iter();
        let Some(Reply::BulkString(mark)) = marks.next() else {
            return Err(RedisError::Unavailable("Redis has lost the signs of life".into()));
        };
        let source = self.still(connection, String::from_utf8_lossy(&mark).into_owned())?;
        let overflowed = marks.next().and_then(time).max(scores.next().flatten());
        Ok(Found { source, last: scores.collect(), overflowed })
    }

    /// The number of the connection.
    fn connection(&self) -> Result<u64, RedisError> {
        match &*self.client.status().borrow() {
            LinkStatus::Live { connection } => Ok(*connection),
            LinkStatus::Connecting => Err(RedisError::Unavailable("still connecting".into())),
            LinkStatus::Down { reason, .. } => Err(RedisError::Unavailable(reason.to_string())),
        }
    }

    /// The source of answers that came while the connection was this one.
    fn still(&self, connection: u64, mark: String) -> Result<Source, RedisError> {
        if self.connection()? == connection {
            return Ok(Source { connection, mark });
        }
        Err(RedisError::Unavailable("the connection was replaced".into()))
    }

    /// The commands that store the signs of a run: four.
    fn store(&self, RunSigns { run, signs, overflowed }: &RunSigns, now: Timestamp) -> [RedisCommand; 4] {
        let key = self.run_key(run);
        let set = RedisCommand::new("ZADD").arg(&key).arg("GT");
        let set = overflowed.iter().fold(set, |set, at| set.arg(at.as_millis().to_string()).arg(OVERFLOWED));
        let set = signs.iter().fold(set, |set, (sign, at)| set.arg(at.as_millis().to_string()).arg(member(sign)));
        let aged = now.plus_millis(-(self.ttl.as_millis() as i64)).as_millis();
        [
            set,
            RedisCommand::new("ZREMRANGEBYSCORE").arg(&key).arg("-inf").arg(aged.to_string()),
            RedisCommand::new("ZREMRANGEBYRANK").arg(&key).arg("0").arg(format!("-{}", MAX_STORED + 1)),
            RedisCommand::new("PEXPIRE").arg(&key).number(self.ttl.as_millis() as u64),
        ]
    }

    fn overflow(&self, of_run: &RunSigns, now: Timestamp) -> RedisCommand {
        RedisCommand::new("ZADD").arg(self.run_key(&of_run.run)).arg(now.as_millis().to_string()).arg(OVERFLOWED)
    }

    fn mark_key(&self) -> String {
        format!("{}:signs", self.prefix)
    }

    fn overflowed_key(&self) -> String {
        format!("{}:signs:overflowed", self.prefix)
    }

    fn run_key(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:signs", self.prefix)
    }
}

fn member(sign: &Sign) -> String {
    match sign {
        Sign::Subject(subject) => format!("s:{subject}"),
        Sign::Producer(producer) => format!("p:{producer}"),
    }
}

fn list(reply: Option<Result<Reply, RedisError>>) -> Result<Vec<Reply>, RedisError> {
    match reply {
        Some(Ok(Reply::Array(replies))) => Ok(replies),
        Some(Err(error)) => Err(error),
        _ => Err(RedisError::Unavailable("Redis holds something that is no sign of life".into())),
    }
}

/// A time in milliseconds; scores are written as `1795454147966`.
fn time(reply: Reply) -> Option<Timestamp> {
    let Reply::BulkString(text) = reply else { return None };
    std::str::from_utf8(&text).ok()?.parse().ok().map(Timestamp::from_millis)
}
