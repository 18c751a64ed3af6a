//! Temporary actors: nobody owns them and nobody brings them back. Whoever they served comes again.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

use actix::dev::ContextFut;
use actix::{Actor, ActorContext, Context};
use tracing::error;

use super::Exit;
use crate::tasks::{count_exit, panic_text};

/// An actor that may be started so.
pub trait TemporaryActor: Actor<Context = Context<Self>> {
    /// Its name in the log and in the metrics.
    const NAME: &'static str;
}

/// Runs an actor on this thread. Its end is counted, and a panic logged; then the struct is dropped as it is, and its
/// `Drop` is what tells others. The task is the actor's own future and nothing more, for there is one per connection.
pub fn spawn_temporary<A: TemporaryActor>(ctx: Context<A>, actor: A) {
    drop(actix_rt::spawn(Temporary { actor: ctx.into_future(actor) }));
}

/// As [`spawn_temporary`], outside tokio's cooperative budget. For an actor that serves hundreds of sockets in one
/// turn: the budget would make the last of them look blocked.
pub fn spawn_temporary_unconstrained<A: TemporaryActor>(ctx: Context<A>, actor: A) {
    drop(actix_rt::spawn(tokio::task::unconstrained(Temporary { actor: ctx.into_future(actor) })));
}

/// The actor's task.
struct Temporary<A: TemporaryActor> {
    actor: ContextFut<A, Context<A>>,
}

impl<A: TemporaryActor> Future for Temporary<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        // Unwind safe: after a panic the actor is only dropped.
        let exit = match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.actor).poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => Exit::Stopped,
            Err(payload) => {
                // Keeps actix from running the actor once more when it drops it.
                self.actor.ctx().terminate();
                let exit = Exit::Panicked(panic_text(&*payload));
                error!(child = A::NAME, %exit, "child ended");
                exit
            }
        };
        count_exit(A::NAME, exit.word());
        Poll::Ready(())
    }
}

impl<A: TemporaryActor> fmt::Debug for Temporary<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Temporary").field("name", &A::NAME).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle;

    impl Actor for Idle {
        type Context = Context<Self>;
    }

    impl TemporaryActor for Idle {
        const NAME: &'static str = "idle-test";
    }

    #[test]
    fn a_temporary_actors_task_is_its_own_future_and_nothing_more() {
        assert_eq!(size_of::<Temporary<Idle>>(), size_of::<ContextFut<Idle, Context<Idle>>>());
    }
}
