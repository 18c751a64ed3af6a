//! Presence tells the other nodes of a cluster who is connected here and what they look at, and reads the same of them.
//!
//! It receives nothing. It sends [`CollectChanges`] to the thread agents, one message per thread and second, and gets
//! back one list of the viewers that have come and gone. What the viewers look at it reads from [`NodeInterest`], which
//! the rooms' boards write. It reports what has changed to Redis, and stores what it reads of the
//! other nodes in [`Peers`]. When Redis is unreachable the other nodes are unknown, which is logged once. After any
//! failure, its own included, it reports everything again: it keeps the number of viewers of each run, but no viewers
//! by name. Another live node with the same id is logged once, and recorded in [`NodeIdConflict`]. On overload it skips
//! a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::{debug, error, info, warn};

use super::messages::thread_agent::{CollectChanges, ViewerChanges};
use super::shared::{NodeIdConflict, NodeInterest, Peers, ThreadAgents};
use super::supervision::LiveActorGuard;
use crate::storage::presence::{Figures, Gauge, Register, RegisterError, Report, Reported};
use crate::storage::redis::{LinkStatus, RedisError};

mod told_interest;
mod viewer_counts;

use told_interest::ToldInterest;
use viewer_counts::ViewerCounts;

/// How often changes are reported, and the other nodes are read.
const ROUND: Duration = Duration::from_secs(1);
/// How long the threads may take to answer. Without all answers nothing is reported.
const PATIENCE: Duration = Duration::from_secs(2);

/// The parts that presence needs.
#[derive(Clone)]
pub struct PresencePorts {
    /// The register in Redis, where nodes report themselves.
    pub register: Arc<Register>,
    /// This node's id.
    pub node: Arc<str>,
    /// The thread agents of the worker threads.
    pub thread_agents: ThreadAgents,
    /// What the viewers of this node look at.
    pub interest: NodeInterest,
    /// Takes what was read of the other nodes.
    pub peers: Peers,
    /// Records whether another node has this node's id.
    pub node_id_conflict: NodeIdConflict,
    /// Returns this node's current figures.
    pub figures: Gauge<Figures>,
    /// Time after which a report is due even if nothing has changed.
    pub report_every: Duration,
}

/// The presence of a node, which makes one round per second.
pub struct Presence {
    ports: PresencePorts,
    /// The last report, on which the next one builds; `None` when it is not certain what Redis has.
    last: Option<LastReport>,
    /// Whether a round is in progress.
    busy: bool,
    _live: LiveActorGuard,
}

/// What Redis has of this node.
struct LastReport {
    counts: ViewerCounts,
    interest: ToldInterest,
    /// The number of the connection that carried the report. Another connection may lead to another Redis.
    connection: u64,
    at: Instant,
}

/// Why a round reported nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Store(#[from] RegisterError),
    #[error("a worker thread did not say who is connected")]
    Thread,
}

impl Presence {
    /// Builds a presence that has not reported anything yet.
    pub fn new(ports: PresencePorts, live: LiveActorGuard) -> Self {
        Self { ports, last: None, busy: false, _live: live }
    }

    fn go_round(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        self.busy = true;
        let (ports, last) = (self.ports.clone(), self.last.take());
        let round = async move { ports.round(last).await };
        ctx.spawn(wrap_future::<_, Self>(round).map(|last, presence, _| {
            presence.last = last;
            presence.busy = false;
        }));
    }
}

impl PresencePorts {
    async fn round(&self, last: Option<LastReport>) -> Option<LastReport> {
        let last = match self.tell(last).await {
            Ok(last) => last,
            Err(Failure::Store(error)) => {
                count_failures("report", 1);
                self.lose(&error);
                return None;
            }
            // Redis is not the cause, so the other nodes are still known.
            Err(error @ Failure::Thread) => {
                count_failures("collect", 1);
                debug!(%error, "this node was not reported");
                None
            }
        };
        if let Err(error) = self.look().await {
            count_failures("look", 1);
            self.lose(&error);
        }
        last
    }

    fn lose(&self, error: &RegisterError) {
        metrics::gauge!("runcast_nodes").set(0);
        if self.peers.lost(&error.to_string()) {
            warn!(%error, "who is connected to the other nodes is unknown");
        }
    }

    async fn look(&self) -> Result<(), RegisterError> {
        let at = Instant::now();
        let wanted = self.peers.wanted(at);
        let mut nodes = self.register.look(&wanted).await?;
        metrics::gauge!("runcast_nodes").set(nodes.len() as f64);
        nodes.retain(|seen| *seen.node != *self.node);
        if self.peers.told(at, nodes, &wanted) {
            info!("who is connected to the other nodes is known again");
        }
        Ok(())
    }

    /// Reports what has changed, or everything if it is not certain what Redis has.
    async fn tell(&self, last: Option<LastReport>) -> Result<Option<LastReport>, Failure> {
        let connection = self.connection().await?;
        let last = last.filter(|last| last.connection == connection);
        if let Some(LastReport { mut counts, interest: mut told, at, .. }) = last
            && let Some(changes) = self.changes().await?
        {
            let (began, ended, viewers) = counts.take(changes);
            let interest = told.take(&self.interest);
            let nothing_new = began.is_empty() && ended.is_empty() && viewers.is_empty() && interest.is_empty();
            if nothing_new && at.elapsed() < self.report_every {
                return Ok(Some(LastReport { counts, interest: told, connection, at }));
            }
            let report = Report { whole: false, began, ended, viewers, interest, figures: (self.figures)() };
            if self.report(report).await? {
                return Ok(Some(LastReport { counts, interest: told, connection, at: Instant::now() }));
            }
            info!("Redis has forgotten who is connected here: everybody is reported anew");
        }
        let (mut counts, mut told) = (ViewerCounts::default(), ToldInterest::default());
        let everybody = self.collect(true).await?;
        let (began, _, viewers) = counts.take(everybody);
        let interest = told.take(&self.interest);
        let report = Report { whole: true, began, ended: Vec::new(), viewers, interest, figures: (self.figures)() };
        let stored = self.report(report).await?;
        Ok(stored.then(|| LastReport { counts, interest: told, connection, at: Instant::now() }))
    }

    /// Stores a report, and watches for a node with the same id; false when Redis has lost what the report builds on.
    async fn report(&self, report: Report) -> Result<bool, Failure> {
        let reported = self.register.report(report).await?;
        let at = Instant::now();
        match reported {
            Reported::Forgotten => return Ok(false),
            Reported::Contested if self.node_id_conflict.traced(at) => {
                error!(node = %self.node, "another node that lives has this node's name: neither hears what the other stores");
            }
            Reported::Stored if self.node_id_conflict.untraced(at, self.register.ttl()) => {
                info!(node = %self.node, "no other node has this node's name any more");
            }
            Reported::Contested | Reported::Stored => {}
        }
        Ok(true)
    }

    /// The number of the connection to Redis, once the first attempt has been made.
    async fn connection(&self) -> Result<u64, RegisterError> {
        let mut status = self.register.status();
        let settled = status.wait_for(|status| !matches!(status, LinkStatus::Connecting)).await;
        let reason = match settled.as_deref() {
            Ok(LinkStatus::Live { connection }) => return Ok(*connection),
            Ok(LinkStatus::Down { reason, .. }) => reason.to_string(),
            Ok(LinkStatus::Connecting) | Err(_) => "the connection was closed".to_owned(),
        };
        Err(RedisError::Unavailable(reason).into())
    }

    /// The changes since the last request; `None` when a thread does not know them.
    async fn changes(&self) -> Result<Option<ViewerChanges>, Failure> {
        let changes = self.collect(false).await?;
        Ok((!changes.whole).then_some(changes))
    }

    /// Collects the changes of all threads into one list.
    async fn collect(&self, whole: bool) -> Result<ViewerChanges, Failure> {
        let asked = self
            .thread_agents
            .ask(|thread_agent, reply| thread_agent.changes.try_send(CollectChanges { whole, reply }).is_ok());
        let changes = actix_rt::time::timeout(PATIENCE, asked).await.ok().flatten().ok_or(Failure::Thread)?;
        Ok(changes.into_iter().fold(ViewerChanges::default(), |mut all, changes| {
            all.whole |= changes.whole;
            all.began.extend(changes.began);
            all.ended.extend(changes.ended);
            all
        }))
    }
}

fn count_failures(work: &'static str, times: u64) {
    metrics::counter!("runcast_presence_failures_total", "work" => work).increment(times);
}

impl Actor for Presence {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for work in ["report", "collect", "look"] {
            count_failures(work, 0); // makes the counter exist, so that the first failure shows as an increase
        }
        self.go_round(ctx);
        ctx.run_interval(ROUND.min(self.ports.report_every), Self::go_round);
    }
}
