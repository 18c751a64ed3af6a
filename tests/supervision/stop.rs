//! The supervisor's stop: in reverse order, within its time, leaving nobody or naming who is left.

use std::time::Duration;

use actix::MailboxError;
use futures_util::future::join_all;
use runcast::actors::messages::supervisor::{ChildState, Observe, Stop, Survivors};
use runcast::actors::supervision::{Child, ChildSpec, Exit, Policy, Refused, Service};
use runcast::actors::supervisor::Supervisor;

use crate::toy::{self, Add, Birth, Factory, Number, SOON, Toy, eventually};

fn supervise(children: Vec<ChildSpec>, factory: &Factory) -> Child<Supervisor> {
    toy::supervise(children, &factory.live_actors).0
}

/// Services of three children: the first started, the second, the last.
fn three() -> [Service<Toy>; 3] {
    ["first", "second", "last"].map(|name| Service::new(name, 16))
}

#[actix_web::test]
async fn children_stop_in_reverse_order_and_nobody_is_left() {
    let (factory, services) = (Factory::default(), three());
    let supervisor = supervise(services.iter().map(|service| factory.child(service)).collect(), &factory);
    assert_eq!(supervisor.addr.send(Stop { within: SOON }).await, Ok(Ok(())));
    assert_eq!(supervisor.done.await, Exit::Stopped);
    factory.live_actors.emptied(SOON).await.unwrap();
    assert_eq!(*factory.stopped.borrow(), ["last", "second", "first"]);
    assert_eq!(supervisor.addr.send(Observe).await.err(), Some(MailboxError::Closed));
}

#[actix_web::test]
async fn questions_accepted_before_the_stop_are_answered_and_later_ones_refused() {
    let (factory, toy) = (Factory::default(), Service::new("toy", 16));
    let supervisor = supervise(vec![factory.child(&toy)], &factory);
    eventually(true, async || toy.is_up()).await;
    let stop = async {
        supervisor.addr.send(Stop { within: SOON }).await.unwrap().unwrap();
        toy.ask(Number).await
    };
    let (answers, after) = tokio::join!(join_all((0..10).map(|_| toy.ask(Add(1)))), stop);
    assert_eq!(answers, (1..=10).map(Ok).collect::<Vec<_>>());
    assert_eq!(after, Err(Refused::Away));
}

#[actix_web::test]
async fn a_stubborn_child_is_named_and_the_others_are_stopped() {
    let (factory, services) = (Factory::default(), three());
    factory.births.borrow_mut().extend([Birth::Healthy, Birth::Stubborn, Birth::Healthy]);
    let supervisor = supervise(services.iter().map(|service| factory.child(service)).collect(), &factory);
    let stopped = supervisor.addr.send(Stop { within: Duration::from_secs(1) }).await.unwrap();
    assert_eq!(stopped, Err(Survivors(vec!["second"])));
    assert_eq!(stopped.unwrap_err().to_string(), "still running: second");
    assert_eq!(*factory.stopped.borrow(), ["last", "first"]);
    assert_eq!(services[1].ask(Number).await, Err(Refused::Away), "nothing keeps it busy any more");
    let states: Vec<_> = supervisor.addr.send(Observe).await.unwrap().iter().map(|report| report.state).collect();
    assert_eq!(states, [ChildState::Stopped, ChildState::Running, ChildState::Stopped]);
}

#[actix_web::test]
async fn a_child_that_waits_for_its_restart_is_not_restarted_any_more() {
    let policy = Policy { backoff_ms: 200, backoff_max_ms: 200, ..Policy::permanent() };
    for (sibling, within, stopped) in
        [(Birth::Healthy, SOON, Ok(())), (Birth::Stubborn, Duration::from_secs(1), Err(Survivors(vec!["second"])))]
    {
        let (factory, [first, second, _]) = (Factory::default(), three());
        factory.births.borrow_mut().extend([Birth::PanicsInStarted, sibling]);
        let flapping = factory.child(&first).with_policy(policy);
        let supervisor = supervise(vec![flapping, factory.child(&second)], &factory);
        let state = async || supervisor.addr.send(Observe).await.unwrap()[0].state;
        eventually(ChildState::Restarting, state).await;
        assert_eq!(supervisor.addr.send(Stop { within }).await, Ok(stopped));
        assert_eq!(factory.built.get(), 2, "{sibling:?}");
    }
}

#[actix_web::test]
async fn a_supervisor_without_children_stops_at_once() {
    let factory = Factory::default();
    let supervisor = supervise(Vec::new(), &factory);
    assert_eq!(supervisor.addr.send(Stop { within: SOON }).await, Ok(Ok(())));
    factory.live_actors.emptied(SOON).await.unwrap();
}
