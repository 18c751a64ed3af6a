//! An actor in a task of its own: how it ends, and what its owner and its callers hear.

use actix::{Actor, Addr, Arbiter, AsyncContext as _, Context, Handler, MailboxError, Message};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use runcast::actors::supervision::{
    Child, Exit, TemporaryActor, spawn, spawn_temporary, spawn_temporary_unconstrained,
};
use tokio::sync::mpsc;

use crate::toy::*;

fn toy(factory: &Factory) -> Result<Child<Toy>, Exit> {
    spawn("toy", 64, |_, lifeline| factory.build("toy", lifeline))
}

/// A toy that nobody owns.
fn temporary_toy(factory: &Factory) -> Addr<Toy> {
    let (give, given) = std::sync::mpsc::channel();
    // The lifeline of one that nobody owns leads nowhere.
    let other = spawn("toy", 64, |_, lifeline| {
        give.send(lifeline).unwrap();
        Err::<Toy, _>(String::new())
    });
    assert!(other.is_err());
    let ctx = Context::new();
    let addr = ctx.address();
    spawn_temporary(ctx, factory.build("toy", given.recv().unwrap()).unwrap());
    addr
}

#[actix_web::test]
async fn every_injury_is_told_to_the_owner_and_leaves_nobody() {
    for (injury, exit) in injuries() {
        let factory = Factory::default();
        let child = toy(&factory).unwrap();
        child.addr.try_send(Injure(injury)).unwrap();
        assert_eq!(child.done.await, exit, "{injury:?}");
        factory.live_actors.emptied(SOON).await.unwrap();
    }
}

#[actix_web::test]
async fn a_panic_in_started_is_told_to_the_owner() {
    let factory = Factory::default();
    factory.births.borrow_mut().push_back(Birth::PanicsInStarted);
    assert_eq!(toy(&factory).unwrap().done.await, panicked());
    assert!(factory.live_actors.is_empty());
}

#[actix_web::test]
async fn an_actor_that_cannot_be_built_is_told_at_once() {
    let factory = Factory::default();
    factory.births.borrow_mut().extend([Birth::Refused, Birth::PanicsWhenBuilt]);
    assert_eq!(toy(&factory).err(), Some(Exit::StartFailed("out of parts".to_owned())));
    assert_eq!(toy(&factory).err(), Some(panicked()));
}

#[actix_web::test]
async fn no_method_of_a_struct_that_panicked_is_called_again() {
    for (injury, hooks) in [(Injury::PanicInHandler, 0), (Injury::PanicInFuture, 0), (Injury::Fail, 1)] {
        let factory = Factory::default();
        let child = toy(&factory).unwrap();
        child.addr.try_send(Injure(injury)).unwrap();
        child.done.await;
        assert_eq!(factory.stopped.borrow().len(), hooks, "{injury:?}");
    }
}

#[actix_web::test]
async fn whoever_waits_for_a_dead_actor_hears_of_it() {
    for (injury, _) in injuries() {
        let child = toy(&Factory::default()).unwrap();
        let pondering = child.addr.send(Ponder);
        child.addr.do_send(Injure(injury));
        let queued = join_all((0..10).map(|n| child.addr.send(Add(n))));
        let (pondered, queued, _) = tokio::join!(pondering, queued, child.done);
        assert_eq!(pondered, Err(MailboxError::Closed), "{injury:?}: in its work");
        // The future that panics is polled after the mailbox.
        if !matches!(injury, Injury::PanicInFuture) {
            assert!(queued.iter().all(|answer| *answer == Err(MailboxError::Closed)), "{injury:?}: {queued:?}");
        }
        assert_eq!(child.addr.send(Number).await, Err(MailboxError::Closed), "{injury:?}: afterwards");
    }
}

#[actix_web::test]
async fn a_told_stop_comes_after_what_the_mailbox_holds() {
    let factory = Factory::default();
    let child = toy(&factory).unwrap();
    let answers = join_all((0..10).map(|_| child.addr.send(Add(1))));
    child.done.stop_handle().stop();
    let (answers, exit) = tokio::join!(answers, child.done);
    assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    assert_eq!(exit, Exit::Stopped);
    assert_eq!(*factory.stopped.borrow(), ["toy"]);
}

#[actix_web::test]
async fn a_child_stops_when_its_owner_goes() {
    let factory = Factory::default();
    let Child { addr, done } = toy(&factory).unwrap();
    assert_eq!(addr.send(Number).await, Ok(1));
    drop(done);
    factory.live_actors.emptied(SOON).await.unwrap();
}

#[actix_web::test]
async fn a_temporary_actor_runs_until_nobody_can_reach_it() {
    let factory = Factory::default();
    let addr = temporary_toy(&factory);
    for sum in 1..10 {
        assert_eq!(addr.send(Add(1)).await, Ok(sum));
    }
    drop(addr);
    factory.live_actors.emptied(SOON).await.unwrap();
}

#[actix_web::test]
async fn the_end_of_a_childs_thread_is_told_to_the_owner() {
    let arbiter = Arbiter::new();
    let (tell, told) = tokio::sync::oneshot::channel();
    arbiter.spawn_fn(move || {
        let _ = tell.send(toy(&Factory::default()).unwrap());
    });
    let child = told.await.unwrap();
    assert_eq!(child.addr.send(Number).await, Ok(1));
    arbiter.stop();
    assert_eq!(child.done.await, Exit::Failed("its thread has ended".to_owned()));
}

/// Takes what it can from a channel in one turn.
struct Taker(mpsc::UnboundedReceiver<()>);

struct Take;

impl Message for Take {
    type Result = usize;
}

impl Actor for Taker {
    type Context = Context<Self>;
}

impl TemporaryActor for Taker {
    const NAME: &'static str = "taker";
}

impl Handler<Take> for Taker {
    type Result = usize;

    fn handle(&mut self, _: Take, _: &mut Self::Context) -> usize {
        std::iter::from_fn(|| self.0.recv().now_or_never()).count()
    }
}

#[actix_web::test]
async fn an_unconstrained_actor_has_no_budget_per_turn() {
    let full = || {
        let (tx, rx) = mpsc::unbounded_channel();
        (0..1_000).for_each(|_| tx.send(()).unwrap());
        (tx, rx)
    };
    let ((_first, first), (_second, second)) = (full(), full());
    let (budgeted, free) = (Context::new(), Context::new());
    let [budgeted_taker, free_taker] = [budgeted.address(), free.address()];
    spawn_temporary(budgeted, Taker(first));
    spawn_temporary_unconstrained(free, Taker(second));
    assert!(budgeted_taker.send(Take).await.unwrap() < 1_000);
    assert_eq!(free_taker.send(Take).await.unwrap(), 1_000);
}
