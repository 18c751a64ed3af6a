//! The broadcaster of one run on one worker thread: hands its room's segments to the thread's viewers.
//!
//! Receives [`Deliver`], [`TipIs`], [`ShowScreen`], [`Evict`] from its room. Sends [`Subscribe`] and [`Unsubscribe`] to it. On failure
//! its viewers are closed with "try again". On overload the room's bounded sends fail, and the broadcaster is told the tip
//! later: its viewers pull.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context, Handler};
use tokio::time::{Instant, Sleep, sleep};

use super::super::messages::broadcaster::{BroadcasterPort, Deliver, Evict, TipIs};
use super::super::messages::room::{ShowScreen, Subscribe, Unsubscribe};
use super::super::supervision::{LiveActorGuard, TemporaryActor, spawn_temporary_unconstrained};
use super::Hub;
use super::subscribers::Subscribers;
use crate::protocol::Segment;
use crate::protocol::close::CloseReason;

/// Messages that may wait.
const MAILBOX: usize = 64;
/// Viewers served before the thread's other tasks get their turn.
const PER_SLICE: usize = 256;
/// When more segments wait at the end of a pass, runs are busier than the thread can follow. The next pass then comes after
/// a rest of half the time that this one took, at most this: what arrives meanwhile shares its writes. So overload makes an
/// event cheaper, not dearer, and leaves the other runs of the thread their time.
const MAX_REST: Duration = Duration::from_millis(10);
/// Shorter rests are not worth a timer, whose step is a millisecond.
const MIN_REST: Duration = Duration::from_millis(1);

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// See the module's page.
pub struct Broadcaster {
    id: u64,
    /// Shared with the sessions subscribed to it.
    subscribers: Rc<Subscribers>,
    hub: Rc<Hub>,
    /// What the mailbox brought since the last pass; bounded by the mailbox.
    pending: Vec<Arc<Segment>>,
    /// Why everyone is closed when the broadcaster ends.
    ending: CloseReason,
    _live: LiveActorGuard,
}

impl Broadcaster {
    /// A broadcaster for `subscribers`, on `hub`'s thread.
    pub fn new(subscribers: Rc<Subscribers>, hub: Rc<Hub>, live: LiveActorGuard) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            subscribers,
            hub,
            pending: Vec::new(),
            ending: CloseReason::TryAgain,
            _live: live,
        }
    }

    /// Starts it on this thread.
    pub fn spawn(self) {
        let mut ctx = Context::new();
        ctx.set_mailbox_capacity(MAILBOX);
        spawn_temporary_unconstrained(ctx, self);
    }

    fn has_work(&self) -> bool {
        self.subscribers.in_pass() || !self.pending.is_empty()
    }

    /// One slice of the pass under way, or of a new one; `true` while the pass has more to do.
    fn fan_out(&mut self) -> bool {
        if self.subscribers.in_pass() {
            return self.subscribers.step(PER_SLICE);
        }
        self.subscribers.begin_pass(std::mem::take(&mut self.pending));
        self.subscribers.step(PER_SLICE)
    }
}

impl Actor for Broadcaster {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let address = ctx.address();
        let port = BroadcasterPort {
            id: self.id,
            deliver: address.clone().recipient(),
            tip: address.clone().recipient(),
            show: address.clone().recipient(),
            evict: address.recipient(),
        };
        if self.subscribers.room().subscribe.try_send(Subscribe(port)).is_err() {
            ctx.stop();
            return;
        }
        // The mailbox is polled before this future: a burst of segments becomes one pass, and one write per viewer.
        ctx.spawn(FanOut::default());
    }
}

impl TemporaryActor for Broadcaster {
    const NAME: &'static str = "broadcaster";
}

/// Runs passes while there is something to hand out; rests when it comes too fast.
#[derive(Default)]
struct FanOut {
    began: Option<Instant>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl FanOut {
    fn is_rested(&mut self, cx: &mut task::Context<'_>) -> bool {
        self.rest.take_if(|rest| rest.as_mut().poll(cx).is_ready());
        self.rest.is_none()
    }
}

impl ActorFuture<Broadcaster> for FanOut {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        broadcaster: &mut Broadcaster,
        ctx: &mut Context<Broadcaster>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        while broadcaster.has_work() && self.is_rested(cx) {
            let began = *self.began.get_or_insert_with(Instant::now);
            if broadcaster.fan_out() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.began = None;
            if broadcaster.has_work() {
                self.rest = rest_after(began.elapsed()).map(|rest| Box::pin(sleep(rest)));
            }
        }
        if broadcaster.subscribers.closed() {
            ctx.stop();
        } else {
            broadcaster.subscribers.keep_waker(cx.waker());
        }
        Poll::Pending
    }
}

/// How long to rest after a pass that others wait for.
fn rest_after(pass: Duration) -> Option<Duration> {
    let rest = pass / 2;
    (rest >= MIN_REST).then(|| rest.min(MAX_REST))
}

impl Drop for Broadcaster {
    fn drop(&mut self) {
        self.hub.forget(&self.subscribers);
        self.subscribers.evict(self.ending);
        // A room that is gone has forgotten this broadcaster already.
        let _ = self.subscribers.room().unsubscribe.try_send(Unsubscribe { broadcaster: self.id });
    }
}

impl Handler<Deliver> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Deliver(segments): Deliver, _: &mut Self::Context) {
        self.pending.extend(segments.iter().cloned());
    }
}

impl Handler<TipIs> for Broadcaster {
    type Result = ();

    fn handle(&mut self, tip: TipIs, _: &mut Self::Context) {
        self.subscribers.tip_is(tip);
    }
}

impl Handler<ShowScreen> for Broadcaster {
    type Result = ();

    fn handle(&mut self, ShowScreen(frame): ShowScreen, _: &mut Self::Context) {
        self.subscribers.show(&frame);
    }
}

impl Handler<Evict> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Evict(reason): Evict, ctx: &mut Self::Context) {
        self.ending = reason;
        ctx.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_half_the_pass_within_bounds() {
        let rest = |ms| rest_after(Duration::from_millis(ms)).map(|rest| rest.as_millis());
        assert_eq!([rest(1), rest(2), rest(8), rest(500)], [None, Some(1), Some(4), Some(10)]);
    }
}
