//! A node's report: what has changed since its last one, or everything.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Figures, Register, RegisterError, entry};
use crate::protocol::{Connection, Interest, RunId};
use crate::storage::redis::{RedisCommand, Reply};

/// Most fields of a command, so that no command occupies Redis for long.
const PER_COMMAND: usize = 500;
/// Commands that are sent without waiting for an answer. Encoding them must not delay this thread's other work.
const PER_BURST: usize = 4;
/// How much longer the hashes live than the node's key, so that a node which is found is found with all its hashes.
const AFTERLIFE: Duration = Duration::from_secs(1);

/// What a node reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `began`, `viewers` and `interest` are complete: everything that was reported before is replaced.
    pub whole: bool,
    /// Connections that have begun.
    pub began: Vec<Connection>,
    /// Connections that have ended.
    pub ended: Vec<Connection>,
    /// Runs whose number of viewers on this node has changed, and that number.
    pub viewers: Vec<(RunId, u64)>,
    /// Runs of which other things are looked at on this node, and what; an empty interest: nothing any more.
    pub interest: Vec<(RunId, Arc<Interest>)>,
    /// The node's figures.
    pub figures: Figures,
}

/// The result of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reported {
    /// The report was stored.
    Stored,
    /// The report was stored, and another instance of this node has reported since this one's last report. Only a live
    /// node can cause this twice in a row.
    Contested,
    /// The node's earlier reports have expired, or Redis has lost them or a part of this one. The next report must be
    /// whole.
    Forgotten,
}

impl Register {
    /// Stores a report. Reports must be stored one at a time, because they build on each other.
    ///
    /// # Errors
    /// [`RegisterError`]: part of the report may be stored. The next report must be whole.
    pub async fn report(&self, report: Report) -> Result<Reported, RegisterError> {
        let Report { whole, began, ended, viewers, interest, figures } = report;
        let (node, connections, runs, interests) = (
            self.node_key(&self.node),
            self.connections_key(&self.node),
            self.runs_key(&self.node),
            self.interest_key(&self.node),
        );
        let value = entry::node(figures, self.instance);
        // With `GET`, the command returns the value that it replaces.
        let set_node =
            || RedisCommand::new("SET").arg(&node).arg(&value).arg("PX").number(self.ttl.as_millis() as u64).arg("GET");
        let mut contested = false;
        if whole {
            let forget = RedisCommand::new("UNLINK").args([&connections, &runs, &interests]);
            let mut replies = self.burst(vec![forget, set_node()]).await?;
            let stood = replies.pop().unwrap_or(Reply::Nil);
            // The first report of an instance finds its predecessor's value.
            contested = self.introduced.load(Ordering::Relaxed) && entry::is_of_another(&stood, self.instance);
        } else if self.client.call(expire(&node, self.ttl)).await? != Reply::Integer(1) {
            return Ok(Reported::Forgotten);
        }
        let set = || RedisCommand::new("HSET").arg(&connections);
        self.write(&connections, &began, set, |command, connection| {
            command.arg(entry::field(connection)).arg(entry::value(connection))
        })
        .await?;
        let delete = || RedisCommand::new("HDEL").arg(&connections);
        self.write(&connections, &ended, delete, |command, connection| command.arg(entry::field(connection))).await?;
        let (watched, left): (Vec<_>, Vec<_>) = viewers.into_iter().partition(|(_, viewers)| *viewers > 0);
        let set = || RedisCommand::new("HSET").arg(&runs);
        self.write(&runs, &watched, set, |command, (run, viewers)| command.arg(run.as_str()).number(*viewers)).await?;
        let delete = || RedisCommand::new("HDEL").arg(&runs);
        self.write(&runs, &left, delete, |command, (run, _)| command.arg(run.as_str())).await?;
        let (looked_at, let_be): (Vec<_>, Vec<_>) =
            interest.into_iter().partition(|(_, interest)| !interest.is_empty());
        let set = || RedisCommand::new("HSET").arg(&interests);
        self.write(&interests, &looked_at, set, |command, (run, interest)| {
            command.arg(run.as_str()).arg(entry::interest(interest))
        })
        .await?;
        let delete = || RedisCommand::new("HDEL").arg(&interests);
        self.write(&interests, &let_be, delete, |command, (run, _)| command.arg(run.as_str())).await?;
        let closing = vec![
            self.outlive(&connections),
            self.outlive(&runs),
            self.outlive(&interests),
            RedisCommand::new("SADD").arg(self.nodes_key()).arg(&self.node),
            // With `XX`, it is set only if it still exists: a loss during the report has removed the node's key, too.
            set_node().arg("XX"),
        ];
        let stood = self.burst(closing).await?.pop().unwrap_or(Reply::Nil);
        if stood == Reply::Nil {
            return Ok(Reported::Forgotten);
        }
        self.introduced.store(true, Ordering::Relaxed);
        contested |= entry::is_of_another(&stood, self.instance);
        Ok(if contested { Reported::Contested } else { Reported::Stored })
    }

    /// Writes `items` to the hash `key` with commands that `begin` creates and `add` adds items to.
    async fn write<T>(
        &self,
        key: &str,
        items: &[T],
        begin: impl Fn() -> RedisCommand,
        add: impl Fn(RedisCommand, &T) -> RedisCommand,
    ) -> Result<(), RegisterError> {
        for burst in items.chunks(PER_COMMAND * PER_BURST) {
            let commands = burst.chunks(PER_COMMAND).map(|items| items.iter().fold(begin(), &add));
            // Each burst sets the expiry, so that the entries of a node that dies in between do not stay forever.
            let expiries = [self.outlive(key), expire(&self.node_key(&self.node), self.ttl)];
            self.burst(commands.chain(expiries).collect()).await?;
        }
        Ok(())
    }

    fn outlive(&self, key: &str) -> RedisCommand {
        expire(key, self.ttl + AFTERLIFE)
    }
}

fn expire(key: &str, ttl: Duration) -> RedisCommand {
    RedisCommand::new("PEXPIRE").arg(key).number(ttl.as_millis() as u64)
}
