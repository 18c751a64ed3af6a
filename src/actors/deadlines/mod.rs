//! The deadlines actor has the runs' rooms decide what is due: a pause that is over, an act that nobody claimed, a
//! question without an answer, a holder of a lease or a worker that has gone silent.
//!
//! It receives nothing. Each interval it asks the journal for runs that are due, and sends [`ControlRequest::Due`] to their
//! rooms through the registry, with the signs of life that they need; the room stores what follows. When nothing is due
//! any more, it sets the run's next deadline in the journal. All nodes do so at the same time: what two of them decide
//! is stored once. It also keeps the node's signs of life ([`Signs::keep`]).
//!
//! A run that fails is tried again after a pause that grows, and keeps no other from its turn. When the journal is
//! unreachable it tries again at the next interval. On overload a run waits for the next interval. It does nothing while the journal's
//! clock has jumped, or the node drains.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::{debug, info, warn};

use super::messages::registry::{FindError, FindRoom};
use super::messages::room::{RoomPort, SteerError, Steered};
use super::supervision::{LiveActorGuard, Refused, ServiceRecipient};
use crate::backoff::Backoff;
use crate::control::{Answer, ControlRequest, Seen, Sign};
use crate::protocol::{Cursor, RunId, Timestamp};
use crate::storage::journal::{Journal, JournalError};
use crate::storage::presence::Gauge;
use crate::storage::signs::Signs;

mod put_off;

use put_off::PutOff;

/// Most runs that are seen to at the same time. Further ones have their turn with the next look.
const AT_A_TIME: usize = 200;
/// How often a run is asked anew within one look: after its signs of life were looked up, and when its room retired.
const ASKS: usize = 4;
/// How long a run may take before it counts as failed: longer than an append and a wait for other deciders.
const PATIENCE: Duration = Duration::from_secs(10);

/// The parts that the deadlines actor needs.
#[derive(Clone)]
pub struct DeadlinesPorts {
    /// The runs' logs, and their deadlines.
    pub journal: Arc<dyn Journal>,
    /// Finds the room that decides.
    pub rooms: ServiceRecipient<FindRoom>,
    /// The signs of life.
    pub signs: Signs,
    /// Says whether the node drains.
    pub drains: Gauge<bool>,
}

/// The deadlines of a node.
pub struct Deadlines {
    ports: DeadlinesPorts,
    /// About the time between two looks; each pause is between half of it and all of it, so that nodes take turns.
    pauses: Backoff,
    put_off: PutOff,
    /// Runs that are being seen to: at most [`AT_A_TIME`].
    in_hand: HashSet<RunId>,
    /// The last look failed.
    is_blind: bool,
    _live: LiveActorGuard,
}

/// Why a run's deadlines were not seen to.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no room: {0}")]
    Registry(#[from] Refused),
    #[error("no room: {0}")]
    Room(#[from] FindError),
    #[error(transparent)]
    Steer(#[from] SteerError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the run's room asks for signs of life again and again")]
    Undecided,
    #[error("it took longer than {PATIENCE:?}")]
    TooLong,
}

impl Deadlines {
    /// Builds a deadlines actor that looks for due runs about each `interval`.
    pub fn new(interval: Duration, ports: DeadlinesPorts, live: LiveActorGuard) -> Self {
        count("seen_to", 0); // makes the counters exist, so that the first failure shows as an increase
        count("failed", 0);
        let (pauses, put_off) = (Backoff::new(interval, interval), PutOff::new(interval));
        Self { ports, pauses, put_off, in_hand: HashSet::new(), is_blind: false, _live: live }
    }

    /// Looks for due runs, and again after a pause.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let ports = self.ports.clone();
        // Those that are not looked at now must not hide the others.
        let limit = AT_A_TIME + self.in_hand.len() + self.put_off.forget(Instant::now());
        let due = async move { ports.due(limit).await };
        ctx.spawn(wrap_future::<_, Self>(due).map(|due, deadlines, ctx| {
            let due = deadlines.told(due);
            deadlines.begin(due, ctx);
            ctx.run_later(deadlines.pauses.pause(), Self::look);
        }));
    }

    /// The runs that are due. Says once that they are unknown, and once that they are known again.
    fn told(&mut self, due: Result<Vec<RunId>, JournalError>) -> Vec<RunId> {
        match due {
            Ok(due) => {
                if std::mem::take(&mut self.is_blind) {
                    info!("runs that are due are known again");
                }
                due
            }
            Err(error) => {
                count("failed", 1);
                // Whoever has the connection says why: it is not said twice.
                if !std::mem::replace(&mut self.is_blind, true) {
                    warn!("runs that are due are unknown: nothing ends by time");
                    debug!(%error, "the journal did not list them");
                }
                Vec::new()
            }
        }
    }

    /// Begins to see to these runs, but for those that it sees to already or that are put off.
    fn begin(&mut self, due: Vec<RunId>, ctx: &mut Context<Self>) {
        let (now, room) = (Instant::now(), AT_A_TIME - self.in_hand.len());
        let ready = due.into_iter().filter(|run| !self.in_hand.contains(run) && self.put_off.is_ready(run, now));
        for run in ready.take(room).collect::<Vec<_>>() {
            self.in_hand.insert(run.clone());
            let ports = self.ports.clone();
            let seen_to = async move {
                let seen_to = actix_rt::time::timeout(PATIENCE, ports.see_to(&run)).await;
                (run, seen_to.unwrap_or(Err(Failure::TooLong)))
            };
            ctx.spawn(wrap_future::<_, Self>(seen_to).map(|(run, seen_to), deadlines, _| deadlines.end(&run, seen_to)));
        }
    }

    /// Takes note of a run that was seen to, or is put off.
    fn end(&mut self, run: &RunId, seen_to: Result<(), Failure>) {
        self.in_hand.remove(run);
        match seen_to {
            Ok(()) => {
                count("seen_to", 1);
                self.put_off.succeeded(run);
            }
            Err(error) => {
                count("failed", 1);
                info!(%run, %error, "the run's deadlines are put off");
                self.put_off.failed(run, Instant::now());
            }
        }
        metrics::gauge!("runcast_deadlines_put_off").set(self.put_off.len() as f64);
    }
}

impl DeadlinesPorts {
    /// Runs that are due; none while nothing may end by time here.
    ///
    /// # Errors
    /// The journal is unreachable.
    async fn due(&self, limit: usize) -> Result<Vec<RunId>, JournalError> {
        if (self.drains)() {
            return Ok(Vec::new());
        }
        match self.journal.clock().check() {
            Ok(now) => self.journal.due(now, limit).await,
            Err(jump) => {
                debug!(%jump, "no deadline is looked at");
                Ok(Vec::new())
            }
        }
    }

    /// Has the run's room store what is due, and sets the run's next deadline.
    async fn see_to(&self, run: &RunId) -> Result<(), Failure> {
        let request = Arc::new(ControlRequest::Due);
        let (mut needed, mut signs): (Vec<Sign>, Vec<(Sign, Seen)>) = (Vec::new(), Vec::new());
        for _ in 0..ASKS {
            let room: Arc<RoomPort> = self.rooms.ask(FindRoom { run: run.clone() }).await??;
            match room.steer(request.clone(), signs.clone(), None).await {
                Ok(Steered::Answered(answer, control)) => return self.settle(run, &answer, control).await,
                Ok(Steered::NeedSigns(wanted)) => {
                    let more: Vec<Sign> = wanted.into_iter().filter(|sign| !needed.contains(sign)).collect();
                    needed.extend(more);
                    signs = self.signs.seen(run, &needed).await;
                }
                Err(SteerError::Retired) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::Undecided)
    }

    async fn settle(&self, run: &RunId, answer: &Answer, control: Option<Cursor>) -> Result<(), Failure> {
        let next: Option<Timestamp> = match answer {
            Answer::NotDue(next) => *next,
            // No other answer is one to this request.
            _ => return Err(Failure::Undecided),
        };
        Ok(self.journal.settle_due(run, control, next).await?)
    }
}

impl Actor for Deadlines {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let signs = self.ports.signs.clone();
        ctx.spawn(wrap_future(async move { signs.keep().await }));
        self.look(ctx);
    }
}

fn count(outcome: &'static str, times: u64) {
    metrics::counter!("runcast_deadlines_total", "outcome" => outcome).increment(times);
}

#[cfg(test)]
mod tests;
