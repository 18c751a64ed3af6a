//! Children that the node cannot be without: restarted by the supervisor, until they fail too often.

use std::cell::RefCell;
use std::io::{self, Write};

use futures_util::FutureExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use runcast::actors::messages::supervisor::{ChildReport, ChildState, Observe};
use runcast::actors::supervision::{Child, ChildKind, Escalated, Exit, Refused, Service};
use runcast::actors::supervisor::Supervisor;

use crate::toy::*;

struct Nursery {
    factory: Factory,
    toy: Service<Toy>,
    supervisor: Child<Supervisor>,
    escalated: Escalated,
}

/// A supervisor of one toy, which comes into the world as `births` say.
fn nursery(max_restarts: usize, births: &[Birth]) -> Nursery {
    let (factory, toy) = (Factory::default(), Service::new("toy", 16));
    factory.births.borrow_mut().extend(births);
    let child = factory.child(&toy).with_policy(quick(ChildKind::Permanent, max_restarts));
    let (supervisor, escalated) = supervise(vec![child], &factory.live_actors);
    Nursery { factory, toy, supervisor, escalated }
}

impl Nursery {
    async fn report(&self) -> ChildReport {
        self.supervisor.addr.send(Observe).await.unwrap().remove(0)
    }
}

#[actix_web::test]
async fn after_any_injury_a_new_struct_answers_under_the_same_address() {
    for (injury, exit) in injuries() {
        let nursery = nursery(5, &[]);
        eventually(Ok(41), async || nursery.toy.ask(Add(41)).await).await;
        let _ = nursery.toy.ask(Injure(injury)).await;
        eventually(false, async || nursery.toy.is_up()).await;
        assert_eq!(nursery.toy.ask(Add(1)).await, Err(Refused::Away), "{injury:?}");
        assert_eq!(nursery.toy.try_send(Add(1)), Err(Refused::Away), "{injury:?}");

        eventually(Ok(2), async || nursery.toy.ask(Number).await).await;
        assert_eq!(nursery.toy.ask(Add(1)).await, Ok(1), "{injury:?}: nothing of the old sum");
        let report = nursery.report().await;
        assert_eq!((report.state, report.restarts, report.last_exit), (ChildState::Running, 1, Some(exit)));
        assert_eq!(nursery.factory.live_actors.living()["toy"], 1);
    }
}

#[actix_web::test]
async fn a_child_that_cannot_start_is_tried_again_until_it_can() {
    for (birth, exit) in [
        (Birth::PanicsInStarted, panicked()),
        (Birth::PanicsWhenBuilt, panicked()),
        (Birth::Refused, Exit::StartFailed("out of parts".to_owned())),
    ] {
        let nursery = nursery(5, &[birth; 3]);
        eventually(Ok(4), async || nursery.toy.ask(Number).await).await;
        let report = nursery.report().await;
        assert_eq!((report.restarts, report.last_exit), (3, Some(exit)), "{birth:?}");
    }
}

#[actix_web::test]
async fn a_child_that_fails_too_often_escalates_once_and_is_let_be() {
    let mut nursery = nursery(2, &[Birth::PanicsInStarted; 9]);
    let reason = tokio::time::timeout(SOON, nursery.escalated.reason()).await.unwrap();
    assert_eq!(reason, "toy ended 3 times in too short a time; the last time it panicked: ouch 7");
    let report = nursery.report().await;
    assert_eq!((report.state, report.restarts), (ChildState::Failed, 2));
    assert_eq!(nursery.factory.built.get(), 3);
    assert_eq!(nursery.toy.ask(Number).await, Err(Refused::Away));
}

#[actix_web::test]
async fn the_death_of_one_child_does_not_touch_the_others() {
    let factory = Factory::default();
    let (one, other) = (Service::new("one", 16), Service::new("other", 16));
    let children = vec![factory.child(&one).with_policy(quick(ChildKind::Permanent, 0)), factory.child(&other)];
    let (supervisor, mut escalated) = supervise(children, &factory.live_actors);
    eventually(Ok(5), async || other.ask(Add(5)).await).await;
    let _ = one.ask(Injure(Injury::PanicInHandler)).await;
    escalated.reason().await;
    assert_eq!(other.ask(Add(5)).await, Ok(10));
    let reports = supervisor.addr.send(Observe).await.unwrap();
    let states: Vec<_> = reports.iter().map(|report| (report.name, report.state)).collect();
    assert_eq!(states, [("one", ChildState::Failed), ("other", ChildState::Running)]);
}

#[actix_web::test]
async fn a_transient_child_under_a_supervisor_is_not_restarted() {
    for (injury, state) in [(Injury::Stop, ChildState::Stopped), (Injury::Fail, ChildState::Failed)] {
        let (factory, toy) = (Factory::default(), Service::new("toy", 16));
        let child = factory.child(&toy).with_policy(quick(ChildKind::Transient, 0));
        let (supervisor, _escalated) = supervise(vec![child], &factory.live_actors);
        eventually(Ok(1), async || toy.ask(Number).await).await;
        toy.try_send(Injure(injury)).unwrap();
        eventually(state, async || supervisor.addr.send(Observe).await.unwrap()[0].state).await;
        assert_eq!(toy.ask(Number).await, Err(Refused::Away));
    }
}

#[actix_web::test]
async fn the_report_shows_the_asks_that_wait() {
    let nursery = nursery(5, &[]);
    eventually(Ok(1), async || nursery.toy.ask(Number).await).await;
    let mut asks = Box::pin(nursery.toy.ask(Ponder));
    assert!(asks.as_mut().now_or_never().is_none());
    let report = serde_json::to_value(nursery.report().await).unwrap();
    assert_eq!(report["pending"], 1);
    assert_eq!(
        (&report["name"], &report["kind"], &report["state"]),
        (&"toy".into(), &"permanent".into(), &"running".into())
    );
    assert_eq!(report["lastExit"], serde_json::Value::Null);
}

#[actix_web::test]
async fn children_stop_when_their_supervisor_goes() {
    let nursery = nursery(5, &[]);
    eventually(Ok(1), async || nursery.toy.ask(Number).await).await;
    drop(nursery.supervisor);
    nursery.factory.live_actors.emptied(SOON).await.unwrap();
}

thread_local! {
    static LOG: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A log per thread, as each test has one. The subscriber is global: a scoped one misses events whose first occurrence
/// was in a thread without it.
struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.push_str(str::from_utf8(bytes).unwrap()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn restarts_are_counted_and_only_a_panic_calls_for_a_human() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(|| ThreadLog).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let nursery = nursery(5, &[Birth::Refused, Birth::PanicsInStarted]);
    eventually(Ok(3), async || nursery.toy.ask(Number).await).await;

    let metrics = recorder.handle().render();
    assert!(metrics.contains(r#"runcast_actor_restarts_total{child="toy"} 2"#), "{metrics}");
    let log = LOG.take();
    let lines: Vec<_> = log.lines().collect();
    assert!(
        lines[0].contains("WARN") && lines[0].contains(r#"child="toy" exit=could not start: out of parts"#),
        "{log}"
    );
    assert!(lines[1].contains("ERROR") && lines[1].contains(r#"child="toy" exit=panicked: ouch 7"#), "{log}");
    assert_eq!(lines.len(), 2, "{log}");
}
