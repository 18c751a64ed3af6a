//! Runs an actor in a task of its own, so that its end, a panic included, is something its owner is told.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{self, Poll};

use actix::dev::ContextFut;
use actix::{Actor, ActorContext, Addr, Context};
use futures_util::task::AtomicWaker;
use tokio::task::{JoinError, JoinHandle};

use super::Exit;
use crate::tasks::{count_exit, panic_text};

/// A running actor, as its owner holds it.
#[derive(Debug)]
pub struct Child<A: Actor> {
    /// Where it hears. An actor that nobody can reach stops.
    pub addr: Addr<A>,
    /// How it ended, once it has. Whoever holds this owns the actor.
    pub done: Done,
}

/// Builds an actor and runs it on this thread. Its end is counted under `name`.
///
/// `mailbox` is how many messages may wait (at least 1). `build` may refuse ([`Exit::StartFailed`]); a panic in it, as
/// one in the actor later, is an [`Exit::Panicked`]. After a panic the struct is dropped as it is: its `stopping` and
/// `stopped` are not called, and whoever waits for its answer hears that the mailbox has closed.
pub fn spawn<A>(
    name: &'static str,
    mailbox: usize,
    build: impl FnOnce(&mut Context<A>, Lifeline) -> Result<A, String>,
) -> Result<Child<A>, Exit>
where
    A: Actor<Context = Context<A>>,
{
    let mut ctx = Context::new();
    ctx.set_mailbox_capacity(mailbox.max(1)); // 0 would mean unbounded
    let signals = Arc::new(ChildSignals::default());
    let built = catch_unwind(AssertUnwindSafe(|| build(&mut ctx, Lifeline(signals.clone()))));
    let built = built.map_err(|payload| Exit::Panicked(panic_text(&*payload)));
    let actor =
        built.and_then(|built| built.map_err(Exit::StartFailed)).inspect_err(|exit| count_exit(name, exit.word()))?;
    let addr = actix::AsyncContext::address(&ctx);
    let stop = StopHandle(signals.clone());
    let task = actix_rt::spawn(Watched { name, actor: ctx.into_future(actor), signals });
    Ok(Child { addr, done: Done { task, stop } })
}

/// What an actor and its owner tell each other outside the mailbox.
#[derive(Debug, Default)]
struct ChildSignals {
    /// The actor's last words.
    reason: OnceLock<String>,
    /// The owner wants it gone.
    stop: AtomicBool,
    waker: AtomicWaker,
}

/// Given to an actor when it is built: how it says that it cannot go on.
#[derive(Clone, Debug)]
pub struct Lifeline(Arc<ChildSignals>);

impl Lifeline {
    /// Stops the actor; it ends as [`Exit::Failed`] with the first reason given.
    pub fn fail(&self, ctx: &mut impl ActorContext, reason: impl Into<String>) {
        let _ = self.0.reason.set(reason.into());
        ctx.stop();
    }
}

/// Stops an actor from outside, whatever messages it understands.
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<ChildSignals>);

impl StopHandle {
    /// Tells the actor to stop. It first handles what its mailbox holds, unless it is in a `ctx.wait`; answers that it
    /// is still working on are dropped, and their askers hear that the mailbox has closed. An actor whose `stopping`
    /// returns `Running::Continue` goes on, and is asked again each time it has run.
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Release);
        self.0.waker.wake();
    }
}

/// Resolves to how the actor ended. Dropping it tells the actor to stop, so that no child outlives an owner that
/// panicked: a parent watches its children from its own context.
#[derive(Debug)]
#[must_use = "dropping it stops the actor"]
pub struct Done {
    task: JoinHandle<Exit>,
    stop: StopHandle,
}

impl Done {
    /// A way to stop the actor while this is being awaited.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }
}

impl Future for Done {
    type Output = Exit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Exit> {
        Pin::new(&mut self.task).poll(cx).map(|joined| joined.unwrap_or_else(exit_of_task))
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// The task itself ended instead of answering: the actor panicked while it was dropped, or its thread has gone.
fn exit_of_task(error: JoinError) -> Exit {
    match error.try_into_panic() {
        Ok(payload) => Exit::Panicked(panic_text(&*payload)),
        Err(_) => Exit::Failed("its thread has ended".to_owned()),
    }
}

/// The actor's task.
struct Watched<A: Actor<Context = Context<A>>> {
    name: &'static str,
    actor: ContextFut<A, Context<A>>,
    signals: Arc<ChildSignals>,
}

impl<A: Actor<Context = Context<A>>> Watched<A> {
    fn advance(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        self.signals.waker.register(cx.waker());
        if Pin::new(&mut self.actor).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if !self.signals.stop.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.actor.ctx().stop();
        Pin::new(&mut self.actor).poll(cx)
    }
}

impl<A: Actor<Context = Context<A>>> Future for Watched<A> {
    type Output = Exit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Exit> {
        // Unwind safe: after a panic the actor is only dropped.
        let exit = match catch_unwind(AssertUnwindSafe(|| self.advance(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => self.signals.reason.get().cloned().map_or(Exit::Stopped, Exit::Failed),
            Err(payload) => {
                // Keeps actix from calling `stopping` and `stopped` when it drops the actor.
                self.actor.ctx().terminate();
                Exit::Panicked(panic_text(&*payload))
            }
        };
        count_exit(self.name, exit.word());
        Poll::Ready(exit)
    }
}

impl<A: Actor<Context = Context<A>>> fmt::Debug for Watched<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}
