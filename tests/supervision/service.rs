//! The stable address: what is accepted, what is refused, and that it outlives the actor.

use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};
use runcast::actors::supervision::{Child, Refused, Service, ServiceRecipient, spawn};

use crate::toy::*;

fn provide(service: &Service<Toy>) -> Child<Toy> {
    let factory = Factory::default();
    let child = spawn("toy", service.mailbox(), |_, lifeline| factory.build("toy", lifeline)).unwrap();
    service.bind(child.addr.clone());
    child
}

#[actix_web::test]
async fn a_service_that_nobody_provides_is_away() {
    let service = Service::<Toy>::new("toy", 4);
    assert!(!service.is_up());
    assert_eq!(service.try_send(Add(1)), Err(Refused::Away));
    assert_eq!(service.ask(Add(1)).await, Err(Refused::Away));
    assert_eq!(service.pending(), 0);
}

#[actix_web::test]
async fn a_service_reaches_whoever_provides_it_now() {
    let service = Service::<Toy>::new("toy", 4);
    let (before, recipient) = (service.clone(), service.recipient::<Add>());
    let first = provide(&service);
    assert_eq!(before.ask(Add(1)).await, Ok(1));
    recipient.try_send(Add(1)).unwrap();
    assert_eq!(recipient.ask(Add(1)).await, Ok(3));

    first.addr.do_send(Injure(Injury::PanicInHandler));
    first.done.await;
    assert!(!before.is_up());
    assert_eq!(before.ask(Add(1)).await, Err(Refused::Away));
    assert_eq!(recipient.try_send(Add(1)), Err(Refused::Away));

    let _second = provide(&service);
    assert!(before.is_up());
    assert_eq!(before.ask(Add(1)).await, Ok(1));
    assert_eq!(recipient.ask(Add(1)).await, Ok(2));
}

#[actix_web::test]
async fn a_full_mailbox_refuses_what_it_is_told() {
    let service = Service::<Toy>::new("toy", 4);
    let _child = provide(&service);
    let accepted = (0..100).map(|_| service.clone().try_send(Add(1))).take_while(Result::is_ok).count();
    assert_eq!(accepted, 4, "the actor has not run yet");
    assert_eq!(service.try_send(Add(1)), Err(Refused::Full));
    eventually(Ok(()), async || service.try_send(Add(1))).await;
}

#[actix_web::test]
async fn as_many_asks_are_unanswered_as_the_mailbox_may_hold() {
    let service = Service::<Toy>::new("toy", 4);
    let child = provide(&service);
    let asks = join_all((0..6).map(|_| service.ask(Ponder)));
    let injury = async {
        assert_eq!(service.pending(), 4);
        child.addr.do_send(Injure(Injury::Fail));
    };
    let (answers, ()) = join(asks, injury).await;
    assert_eq!(answers[..4], [Err(Refused::Away); 4], "accepted, and lost with the actor");
    assert_eq!(answers[4..], [Err(Refused::Full); 2]);
    assert_eq!(service.pending(), 0);
}

#[actix_web::test]
async fn asks_stay_bounded_when_the_mailbox_is_full_of_what_was_told() {
    let service = Service::<Toy>::new("toy", 4);
    let _child = provide(&service);
    while service.try_send(Add(1)).is_ok() {}
    let answers = join_all((0..6).map(|_| service.ask(Add(0)))).await;
    assert_eq!(answers, [Ok(4), Ok(4), Ok(4), Ok(4), Err(Refused::Full), Err(Refused::Full)]);
}

#[actix_web::test]
async fn a_question_that_is_dropped_is_taken_back() {
    let service = Service::<Toy>::new("toy", 4);
    let _child = provide(&service);
    let mut question = Box::pin(service.ask(Add(100)));
    assert!(question.as_mut().now_or_never().is_none());
    assert_eq!(service.pending(), 1);
    drop(question);
    assert_eq!(service.pending(), 0);
    assert_eq!(service.ask(Add(1)).await, Ok(1));
}

#[test]
fn services_and_lines_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    fn sent<T: Send>(_: T) {}
    shared::<Service<Toy>>();
    shared::<ServiceRecipient<Add>>();
    let service = Service::<Toy>::new("toy", 4);
    sent(service.ask(Add(1)));
    sent(service.recipient::<Add>().ask(Add(1)));
}
