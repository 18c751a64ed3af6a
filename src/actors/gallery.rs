//! The gallery of one run on one worker thread: hands its room's segments to the thread's viewers.
//!
//! Receives [`Deliver`], [`TipIs`], [`Show`], [`Evict`] from its room. Sends [`Enrol`] and [`Dismiss`] to it. On failure
//! its viewers are closed with "try again". On overload the room's bounded sends fail, and the gallery is told the tip
//! later: its viewers pull.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context, Handler};

use super::floor::Floor;
use super::floor::audience::Audience;
use super::messages::gallery::{Deliver, Evict, GalleryPort, TipIs};
use super::messages::room::{Dismiss, Enrol, Show};
use super::supervision::Alive;
use crate::protocol::Segment;
use crate::protocol::close::CloseReason;

/// Segments messages that may wait.
pub const MAILBOX: usize = 64;
/// Viewers served before the thread's other tasks get their turn.
const PER_SLICE: usize = 256;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// See the module's page.
pub struct Gallery {
    id: u64,
    /// Shared with the sessions seated in it.
    audience: Rc<Audience>,
    floor: Rc<Floor>,
    /// What the mailbox brought since the last pass; bounded by the mailbox.
    pending: Vec<Arc<Segment>>,
    /// Why everyone is closed when the gallery ends.
    ending: CloseReason,
    _alive: Alive,
}

impl Gallery {
    /// A gallery for `audience`, on `floor`'s thread.
    pub fn new(audience: Rc<Audience>, floor: Rc<Floor>, alive: Alive) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            audience,
            floor,
            pending: Vec::new(),
            ending: CloseReason::TryAgain,
            _alive: alive,
        }
    }

    /// One slice of the pass under way, or of a new one; `true` while there is more to do.
    fn fan_out(&mut self) -> bool {
        if self.audience.step(PER_SLICE) {
            return true;
        }
        if self.pending.is_empty() {
            return false;
        }
        self.audience.begin_pass(std::mem::take(&mut self.pending));
        self.audience.step(PER_SLICE);
        true
    }
}

impl Actor for Gallery {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let address = ctx.address();
        let port = GalleryPort {
            id: self.id,
            deliver: address.clone().recipient(),
            tip: address.clone().recipient(),
            show: address.clone().recipient(),
            evict: address.recipient(),
        };
        if self.audience.room().enrol.try_send(Enrol(port)).is_err() {
            ctx.stop();
            return;
        }
        // The mailbox is polled before this future: a burst of segments becomes one pass, and one write per viewer.
        ctx.spawn(FanOut);
    }
}

/// Runs passes while there is something to hand out.
struct FanOut;

impl ActorFuture<Gallery> for FanOut {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        gallery: &mut Gallery,
        ctx: &mut Context<Gallery>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        if gallery.fan_out() {
            cx.waker().wake_by_ref();
        } else if gallery.audience.closed() {
            ctx.stop();
        } else {
            gallery.audience.keep_waker(cx.waker());
        }
        Poll::Pending
    }
}

impl Drop for Gallery {
    fn drop(&mut self) {
        self.floor.forget(&self.audience);
        self.audience.evict(self.ending);
        // A room that is gone has forgotten this gallery already.
        let _ = self.audience.room().dismiss.try_send(Dismiss { gallery: self.id });
    }
}

impl Handler<Deliver> for Gallery {
    type Result = ();

    fn handle(&mut self, Deliver(segments): Deliver, _: &mut Self::Context) {
        self.pending.extend(segments.iter().cloned());
    }
}

impl Handler<TipIs> for Gallery {
    type Result = ();

    fn handle(&mut self, tip: TipIs, _: &mut Self::Context) {
        self.audience.tip_is(tip);
    }
}

impl Handler<Show> for Gallery {
    type Result = ();

    fn handle(&mut self, Show(frame): Show, _: &mut Self::Context) {
        self.audience.show(&frame);
    }
}

impl Handler<Evict> for Gallery {
    type Result = ();

    fn handle(&mut self, Evict(reason): Evict, ctx: &mut Self::Context) {
        self.ending = reason;
        ctx.stop();
    }
}
