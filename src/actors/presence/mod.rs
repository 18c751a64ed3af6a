//! Presence: tells the other nodes of a cluster who is connected here, and looks who is connected there.
//!
//! Receives nothing. Sends [`CollectChanges`] to the threads' thread agents: one message per thread and second, and what has come and
//! gone comes back as one list. Reports that to Redis, and tells [`Peers`] what is there. When Redis is away the others
//! are unknown, which is logged once. After any failure, its own included, everything is reported anew: it keeps how many
//! watch each run, and nobody by name. A node that lives under the same name is logged once, and told by [`NodeIdConflict`]. On
//! overload it skips a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::{debug, error, info, warn};

use super::messages::thread_agent::{CollectChanges, ViewerChanges};
use super::shared::{NodeIdConflict, Peers, ThreadAgents};
use super::supervision::LiveActorGuard;
use crate::storage::presence::{Figures, Register, RegisterError, Report, Reported, Tell};
use crate::storage::redis::{LinkStatus, RedisError};

mod viewer_counts;

use viewer_counts::ViewerCounts;

/// How often changes are told, and the other nodes looked at.
const ROUND: Duration = Duration::from_secs(1);
/// How long the threads may take to answer. A node that can't be asked says nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// What presence works with.
#[derive(Clone)]
pub struct PresencePorts {
    /// Where nodes tell of themselves.
    pub register: Arc<Register>,
    /// This node's id.
    pub node: Arc<str>,
    /// The worker threads.
    pub thread_agents: ThreadAgents,
    /// Where what is seen of the others is told.
    pub peers: Peers,
    /// Where it is told whether another one has this node's name.
    pub node_id_conflict: NodeIdConflict,
    /// How this node is.
    pub figures: Tell<Figures>,
    /// A report is due after this, also when nothing has changed.
    pub report_every: Duration,
}

/// See the module's page.
pub struct Presence {
    ports: PresencePorts,
    /// What Redis has of this node; `None` when that is not certain.
    told: Option<LastReport>,
    /// A round is under way.
    busy: bool,
    _live: LiveActorGuard,
}

/// What Redis has of this node.
struct LastReport {
    counts: ViewerCounts,
    /// Through which connection. Another one may lead to another Redis.
    generation: u64,
    at: Instant,
}

/// Why a round told nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Store(#[from] RegisterError),
    #[error("a worker thread did not say who is connected")]
    Thread,
}

impl Presence {
    /// One that has not told anything yet.
    pub fn new(ports: PresencePorts, live: LiveActorGuard) -> Self {
        Self { ports, told: None, busy: false, _live: live }
    }

    fn go_round(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        self.busy = true;
        let (ports, told) = (self.ports.clone(), self.told.take());
        let round = async move { ports.round(told).await };
        ctx.spawn(wrap_future::<_, Self>(round).map(|told, presence, _| {
            presence.told = told;
            presence.busy = false;
        }));
    }
}

impl PresencePorts {
    async fn round(&self, told: Option<LastReport>) -> Option<LastReport> {
        let told = match self.tell(told).await {
            Ok(told) => told,
            Err(Failure::Store(error)) => {
                count_failures("report", 1);
                self.lose(&error);
                return None;
            }
            // Nothing is wrong with Redis.
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
        told
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
    async fn tell(&self, told: Option<LastReport>) -> Result<Option<LastReport>, Failure> {
        let generation = self.generation().await?;
        let told = told.filter(|told| told.generation == generation);
        if let Some(LastReport { mut counts, at, .. }) = told
            && let Some(changes) = self.changes().await?
        {
            let (began, ended, viewers) = counts.take(changes);
            let nothing_new = began.is_empty() && ended.is_empty() && viewers.is_empty();
            if nothing_new && at.elapsed() < self.report_every {
                return Ok(Some(LastReport { counts, generation, at }));
            }
            let report = Report { whole: false, began, ended, viewers, figures: (self.figures)() };
            if self.report(report).await? {
                return Ok(Some(LastReport { counts, generation, at: Instant::now() }));
            }
            info!("Redis has forgotten who is connected here: everybody is reported anew");
        }
        let mut counts = ViewerCounts::default();
        let everybody = self.collect(true).await?;
        let (began, _, viewers) = counts.take(everybody);
        let report = Report { whole: true, began, ended: Vec::new(), viewers, figures: (self.figures)() };
        let stored = self.report(report).await?;
        Ok(stored.then(|| LastReport { counts, generation, at: Instant::now() }))
    }

    /// Reports, and watches out for a node with the same id; false when Redis has forgotten what the report builds on.
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

    /// Which connection to Redis this is, once the first attempt has been made.
    async fn generation(&self) -> Result<u64, RegisterError> {
        let mut status = self.register.status();
        let settled = status.wait_for(|status| !matches!(status, LinkStatus::Connecting)).await;
        let why = match settled.as_deref() {
            Ok(LinkStatus::Live { generation }) => return Ok(*generation),
            Ok(LinkStatus::Down { why, .. }) => why.to_string(),
            Ok(LinkStatus::Connecting) | Err(_) => "the connection was closed".to_owned(),
        };
        Err(RedisError::Unavailable(why).into())
    }

    /// The changes on all threads since the last round; `None` when a thread does not know its own.
    async fn changes(&self) -> Result<Option<ViewerChanges>, Failure> {
        let changes = self.collect(false).await?;
        Ok((!changes.whole).then_some(changes))
    }

    /// The threads' changes, as one.
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
            count_failures(work, 0); // the first one must be an increase
        }
        self.go_round(ctx);
        ctx.run_interval(ROUND.min(self.ports.report_every), Self::go_round);
    }
}
