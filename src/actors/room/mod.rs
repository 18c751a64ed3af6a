//! The room of one run on this node: the local sequencer of its log.
//!
//! Receives posts from producers, reads from viewers, subscriptions from broadcasters. Sends appends and reads to the journal,
//! segments to its broadcasters, changes to the catalog writer, and asks the registry to let it go when idle. When the journal is
//! away, producers are told and viewers wait. On failure its broadcasters close their viewers with "try again", and the next
//! join builds it anew. On overload its queue refuses posts, and a broadcaster that can't keep up is told the tip instead.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::warn;
use uuid::Uuid;

use super::messages::bridge::Mirror;
use super::messages::broadcaster::TipIs;
use super::messages::catalog_writer::RunChanged;
use super::messages::registry::Retire;
use super::messages::room::{
    Fold, Publish, PublishError, Read, ReadError, RoomPort, ShowScreen, Subscribe, Unsubscribe, WaitForEvents,
};
use super::shared::RoomGauge;
use super::supervision::{LiveActorGuard, ServiceRecipient};
use crate::protocol::close::CloseReason;
use crate::protocol::{ProducerId, RunId, Segment};
use crate::storage::journal::{Journal, JournalError};

mod append;
mod append_queue;
mod backlog;
mod broadcasters;
mod catalog_updates;
mod folding;
mod following;
pub mod log;
mod reading;
mod reorder_buffer;
mod resolve;
mod retiring;

use append::refuse;
use append_queue::AppendQueue;
use broadcasters::Broadcasters;
use catalog_updates::CatalogUpdates;
use folding::Folding;
pub use folding::States;
use following::Following;
pub use following::RemoteFeed;
use log::RoomLog;
use reading::PendingReads;

/// Long polls that may wait in one room.
const MAX_WAITS: usize = 10_000;
/// Pause before the journal is asked again after a failure.
const RETRY: Duration = Duration::from_millis(250);
/// Pause before a broadcaster whose mailbox was full is told the tip.
const NUDGE: Duration = Duration::from_millis(50);
/// How long pages of the past are kept that nobody reads; twice that at most.
const PAST_KEPT: Duration = Duration::from_secs(10);
/// How long a retired room answers late messages.
const FAREWELL: Duration = Duration::from_secs(1);

/// A room's bounds.
#[derive(Clone, Debug)]
pub struct RoomLimits {
    /// Bytes of recent segments, and of pages of the past.
    pub ring_bytes: usize,
    /// Bytes of one page read from the journal.
    pub page_bytes: usize,
    /// Bytes of posts that may wait.
    pub queue_bytes: usize,
    /// How long an append may take, its repetitions included.
    pub append_timeout: Duration,
    /// How long an unused room stays.
    pub idle: Duration,
}

/// What a room works with.
#[derive(Clone)]
pub struct RoomPorts {
    /// The log.
    pub journal: Arc<dyn Journal>,
    /// UpdateSource of every change.
    pub catalog_writer: ServiceRecipient<RunChanged>,
    /// Asked before the room goes.
    pub retire: ServiceRecipient<Retire>,
    /// How it hears of what other nodes store; `None` on a single node.
    pub remote_feed: Option<RemoteFeed>,
    /// What states are built with.
    pub states: States,
    /// The node's start, for "last used".
    pub started: Instant,
}

/// See the module's page.
pub struct Room {
    run: RunId,
    generation: u64,
    limits: RoomLimits,
    ports: RoomPorts,
    gauge: Arc<RoomGauge>,
    log: RoomLog,
    append_queue: AppendQueue,
    reading: PendingReads,
    /// The head is being read again.
    looking: bool,
    /// The journal did not tell the head when it was last asked.
    unheard: bool,
    /// Long polls; at most [`MAX_WAITS`].
    waits: Vec<WaitForEvents>,
    broadcasters: Broadcasters,
    folding: Folding,
    following: Following,
    catalog_updates: CatalogUpdates,
    retired: bool,
    /// Why viewers are closed when the room ends.
    ending: CloseReason,
    _live: LiveActorGuard,
}

impl Room {
    /// One incarnation of a run's room.
    pub fn new(
        run: RunId,
        generation: u64,
        limits: RoomLimits,
        ports: RoomPorts,
        gauge: Arc<RoomGauge>,
        live: LiveActorGuard,
    ) -> Self {
        let own = ProducerId::own(&Uuid::now_v7().to_string());
        Self {
            log: RoomLog::new(limits.ring_bytes),
            append_queue: AppendQueue::new(limits.queue_bytes, own),
            folding: Folding::new(run.clone()),
            following: Following::default(),
            run,
            generation,
            limits,
            ports,
            gauge,
            reading: PendingReads::default(),
            looking: false,
            unheard: false,
            waits: Vec::new(),
            broadcasters: Broadcasters::default(),
            catalog_updates: CatalogUpdates::default(),
            retired: false,
            ending: CloseReason::TryAgain,
            _live: live,
        }
    }

    /// The addresses of a room that was started.
    pub fn port(addr: &Addr<Self>, run: RunId, generation: u64, gauge: Arc<RoomGauge>) -> Arc<RoomPort> {
        Arc::new(RoomPort {
            run,
            generation,
            publish: addr.clone().recipient(),
            read: addr.clone().recipient(),
            wait: addr.clone().recipient(),
            fold: addr.clone().recipient(),
            show: addr.clone().recipient(),
            subscribe: addr.clone().recipient(),
            unsubscribe: addr.clone().recipient(),
            reclaim: addr.clone().recipient(),
            heard: addr.clone().recipient(),
            gauge,
        })
    }

    fn touch(&self) {
        let used = self.ports.started.elapsed().as_millis() as u64;
        self.gauge.used_ms.store(used, Ordering::Relaxed);
        self.gauge.held_bytes.store(self.held_bytes(), Ordering::Relaxed);
    }

    /// Bytes of segments and of the state.
    fn held_bytes(&self) -> usize {
        self.log.held_bytes() + self.folding.held_bytes()
    }

    /// Reads the head behind whatever a former incarnation of this room still has in flight.
    fn load_head(&mut self, ctx: &mut Context<Self>) {
        let (journal, run) = (self.ports.journal.clone(), self.run.clone());
        let load = async move { journal.settled_head(&run).await };
        ctx.spawn(wrap_future::<_, Self>(load).map(|loaded, room, ctx| match loaded {
            Ok(head) => {
                room.unheard = false;
                room.gauge.tip.store(head.tip, Ordering::Relaxed);
                room.log.learn(head);
                room.catalog_updates.begin(&room.log);
                room.tell_tip(ctx);
                room.launch_append(ctx);
                room.serve_reads(ctx);
                room.fold_on(ctx);
            }
            Err(error) => {
                // Once: it may be away for long.
                if !std::mem::replace(&mut room.unheard, true) {
                    warn!(run = %room.run, %error, "the journal did not tell the run's head");
                }
                let requests: Vec<_> = room.append_queue.drain().collect();
                requests.into_iter().for_each(|request| refuse(request, &error));
                room.fail_reads(&error);
                ctx.run_later(RETRY, |room, ctx| room.load_head(ctx));
            }
        }));
    }

    fn hand_out(&mut self, segments: Vec<Arc<Segment>>, ctx: &mut Context<Self>) {
        if self.broadcasters.deliver(segments) {
            ctx.run_later(NUDGE, Self::nudge);
        }
    }

    /// The tip has moved.
    fn note_tip(&mut self) {
        let tip = self.log.tip();
        self.gauge.tip.store(tip, Ordering::Relaxed);
        for wait in self.waits.extract_if(.., |wait| wait.seq < tip) {
            let _ = wait.reply.send(());
        }
        self.touch();
    }

    fn tell_tip(&mut self, ctx: &mut Context<Self>) {
        if self.broadcasters.tell(self.tip_is()) {
            ctx.run_later(NUDGE, Self::nudge);
        }
    }

    /// Tells the tip to broadcasters whose mailbox was full, until they have taken it.
    fn nudge(&mut self, ctx: &mut Context<Self>) {
        if self.broadcasters.nudge(self.tip_is()) {
            ctx.run_later(NUDGE, Self::nudge);
        }
    }

    fn tip_is(&self) -> TipIs {
        let (epoch, tip) = self.log.age();
        TipIs { epoch, tip }
    }
}

impl Actor for Room {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.touch();
        self.load_head(ctx);
        ctx.run_interval((self.limits.idle / 4).min(PAST_KEPT), Self::check_idle);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.let_go();
        self.broadcasters.evict(self.ending);
    }
}

impl Handler<Publish> for Room {
    type Result = ();

    fn handle(&mut self, request: Publish, ctx: &mut Self::Context) {
        if self.retired {
            let _ = request.reply.send(Err(PublishError::Retired));
            return;
        }
        self.touch();
        if !self.append_queue.has_room_for(&request) {
            return refuse(request, &JournalError::Saturated);
        }
        self.append_queue.push(request);
        self.launch_append(ctx);
    }
}

impl Handler<Read> for Room {
    type Result = ();

    fn handle(&mut self, read: Read, ctx: &mut Self::Context) {
        if self.retired {
            let _ = read.reply.send(Err(ReadError::Retired));
            return;
        }
        self.touch();
        self.take_read(read, ctx);
    }
}

impl Handler<WaitForEvents> for Room {
    type Result = ();

    fn handle(&mut self, wait: WaitForEvents, ctx: &mut Self::Context) {
        self.touch();
        self.waits.retain(|wait| !wait.reply.is_closed());
        if wait.seq < self.log.tip() {
            let _ = wait.reply.send(());
        } else if self.waits.len() < MAX_WAITS && !self.retired {
            self.waits.push(wait);
            self.update_following(ctx);
        }
    }
}

impl Handler<Fold> for Room {
    type Result = ();

    fn handle(&mut self, fold: Fold, ctx: &mut Self::Context) {
        if self.retired {
            let _ = fold.reply.send(Err(ReadError::Retired));
            return;
        }
        self.touch();
        self.take_fold(fold, ctx);
    }
}

impl Handler<ShowScreen> for Room {
    type Result = ();

    fn handle(&mut self, frame: ShowScreen, _: &mut Self::Context) {
        self.touch();
        self.broadcasters.show(&frame);
        if let Some(remote_feed) = &self.ports.remote_feed {
            // One that is not taken is overtaken by the next.
            let _ = remote_feed.mirror.try_send(Mirror { run: self.run.clone(), frame: frame.0 });
        }
    }
}

impl Handler<Subscribe> for Room {
    type Result = ();

    fn handle(&mut self, Subscribe(port): Subscribe, ctx: &mut Self::Context) {
        self.touch();
        if self.retired {
            Broadcasters::of(port).evict(CloseReason::TryAgain);
            return;
        }
        self.broadcasters.subscribe(port);
        self.update_following(ctx);
        if self.log.head().is_some() {
            self.tell_tip(ctx);
        }
    }
}

impl Handler<Unsubscribe> for Room {
    type Result = ();

    fn handle(&mut self, Unsubscribe { broadcaster }: Unsubscribe, ctx: &mut Self::Context) {
        self.touch();
        self.broadcasters.unsubscribe(broadcaster);
        self.update_following(ctx);
    }
}
