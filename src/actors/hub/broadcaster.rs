//! The broadcaster of one run on one worker thread: hands its room's segments to the thread's viewers.
//!
//! Receives [`Deliver`], [`TipIs`], [`ShowFrames`], [`Evict`] from its room. Sends [`Subscribe`] and [`Unsubscribe`] to
//! it. When it fails, its viewers are closed with "try again". When it is overloaded, the room's bounded sends fail and
//! the room tells it the tip later: its viewers pull. What is handed to whom and when is decided by the core (`core`).

use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::Instant;

use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context, Handler};
use tokio::time::{Sleep, sleep};

use super::super::messages::broadcaster::{BroadcasterPort, Deliver, Evict, ShowFrames, TipIs};
use super::super::messages::room::{Subscribe, Unsubscribe};
use super::super::supervision::{LiveActorGuard, TemporaryActor, spawn_temporary_unconstrained};
use super::Hub;
use super::subscribers::{Subscribers, Turn};

/// Messages that may wait.
const MAILBOX: usize = 64;
/// Viewers served before the thread's other tasks get their turn.
const PER_SLICE: usize = 256;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The actor that hands one run's segments to its subscribers on one thread.
pub struct Broadcaster {
    id: u64,
    /// Shared with the sessions subscribed to it.
    subscribers: Rc<Subscribers>,
    hub: Rc<Hub>,
    _live: LiveActorGuard,
}

impl Broadcaster {
    /// A broadcaster for `subscribers`, on `hub`'s thread.
    pub fn new(subscribers: Rc<Subscribers>, hub: Rc<Hub>, live: LiveActorGuard) -> Self {
        Self { id: NEXT_ID.fetch_add(1, Ordering::Relaxed), subscribers, hub, _live: live }
    }

    /// Starts the broadcaster on this thread.
    pub fn spawn(self) {
        let mut ctx = Context::new();
        ctx.set_mailbox_capacity(MAILBOX);
        spawn_temporary_unconstrained(ctx, self);
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
        ctx.spawn(Turns::default());
    }
}

impl TemporaryActor for Broadcaster {
    const NAME: &'static str = "broadcaster";
}

/// Takes the fan-out's turns when they are due.
#[derive(Default)]
struct Turns {
    rest: Option<Pin<Box<Sleep>>>,
}

impl Turns {
    fn is_rested(&mut self, cx: &mut task::Context<'_>) -> bool {
        self.rest.take_if(|rest| rest.as_mut().poll(cx).is_ready());
        self.rest.is_none()
    }
}

impl ActorFuture<Broadcaster> for Turns {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        broadcaster: &mut Broadcaster,
        ctx: &mut Context<Broadcaster>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        loop {
            let rested = self.is_rested(cx);
            match broadcaster.subscribers.turn(rested, PER_SLICE, Instant::now) {
                Turn::Rest(rest) => {
                    self.rest = Some(Box::pin(sleep(rest)));
                    continue; // the rest's first poll sets its timer
                }
                Turn::Yield => cx.waker().wake_by_ref(),
                Turn::Idle => broadcaster.subscribers.keep_waker(cx.waker()),
                Turn::End => ctx.stop(),
            }
            return Poll::Pending;
        }
    }
}

impl Drop for Broadcaster {
    fn drop(&mut self) {
        self.hub.forget(&self.subscribers);
        self.subscribers.broadcaster_ended();
        // A room that is gone has forgotten this broadcaster already; one whose mailbox is full finds out by itself.
        let _ = self.subscribers.room().unsubscribe.try_send(Unsubscribe { broadcaster: self.id });
    }
}

impl Handler<Deliver> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Deliver(segments): Deliver, _: &mut Self::Context) {
        self.subscribers.deliver(&segments);
    }
}

impl Handler<TipIs> for Broadcaster {
    type Result = ();

    fn handle(&mut self, tip: TipIs, _: &mut Self::Context) {
        self.subscribers.tip_is(tip);
    }
}

impl Handler<ShowFrames> for Broadcaster {
    type Result = ();

    fn handle(&mut self, ShowFrames(frames): ShowFrames, _: &mut Self::Context) {
        self.subscribers.show(&frames, Instant::now());
    }
}

impl Handler<Evict> for Broadcaster {
    type Result = ();

    fn handle(&mut self, Evict(reason): Evict, ctx: &mut Self::Context) {
        self.subscribers.room_ended(reason);
        ctx.stop();
    }
}
