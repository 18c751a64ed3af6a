//! The actor with a journal in memory, and with a registry and rooms that answer as they are told.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::*;
use crate::actors::messages::room::{
    Fold, Publish, Read, Reclaim, RemoteUpdate, Show, Steer, Subscribe, Unsubscribe, WaitForControl, WaitForEvents,
};
use crate::actors::shared::RoomGauge;
use crate::actors::supervision::{LiveActors, Service};
use crate::protocol::{Clock, Lines, ProducerId};
use crate::storage::journal::memory::MemoryJournal;
use crate::storage::journal::{Append, ControlPost, JournalLimits, OnGap, Post};
use crate::storage::signs::SignTimes;

const TICK: Duration = Duration::from_millis(20);

type SeenSigns = Vec<(Sign, Seen)>;

/// What the rooms answer, and what they were asked.
#[derive(Default)]
struct Script {
    /// By run, the first answers; afterwards nothing is due.
    answers: Mutex<HashMap<RunId, Vec<Result<Steered, SteerError>>>>,
    /// Each question with its signs.
    asked: Mutex<Vec<(RunId, SeenSigns)>>,
    /// A run whose room does not answer, and the questions that it has.
    stuck: Mutex<Option<RunId>>,
    kept: Mutex<Vec<Steer>>,
}

impl Script {
    fn asked(&self, run: &str) -> Vec<SeenSigns> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(of, _)| of.as_str() == run).map(|(_, signs)| signs.clone()).collect()
    }
}

struct ScriptedRoom(RunId, Arc<Script>);

impl Actor for ScriptedRoom {
    type Context = Context<Self>;
}

impl Handler<Steer> for ScriptedRoom {
    type Result = ();

    fn handle(&mut self, steer: Steer, _: &mut Self::Context) {
        let Self(run, script) = self;
        assert!(matches!(*steer.request, ControlRequest::Due));
        script.asked.lock().unwrap().push((run.clone(), steer.signs.clone()));
        if script.stuck.lock().unwrap().as_ref() == Some(run) {
            script.kept.lock().unwrap().push(steer);
            return;
        }
        let mut answers = script.answers.lock().unwrap();
        let next = answers.get_mut(run).and_then(|answers| (!answers.is_empty()).then(|| answers.remove(0)));
        let _ = steer.reply.send(next.unwrap_or(Ok(Steered::Answered(Answer::NotDue(None), None))));
    }
}

macro_rules! ignores {
    ($($message:ty),*) => {
        $(impl Handler<$message> for ScriptedRoom {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Self::Context) {}
        })*
    };
}

ignores!(Publish, Read, WaitForEvents, Fold, WaitForControl, Show, Subscribe, Unsubscribe, Reclaim, RemoteUpdate);

struct ScriptedRegistry(Arc<Script>);

impl Actor for ScriptedRegistry {
    type Context = Context<Self>;
}

impl Handler<FindRoom> for ScriptedRegistry {
    type Result = Result<Arc<RoomPort>, FindError>;

    fn handle(&mut self, FindRoom { run }: FindRoom, _: &mut Self::Context) -> Self::Result {
        let room = ScriptedRoom(run.clone(), self.0.clone()).start();
        Ok(Arc::new(RoomPort {
            run,
            generation: 1,
            publish: room.clone().recipient(),
            read: room.clone().recipient(),
            wait: room.clone().recipient(),
            fold: room.clone().recipient(),
            steer: room.clone().recipient(),
            wait_control: room.clone().recipient(),
            show: room.clone().recipient(),
            subscribe: room.clone().recipient(),
            unsubscribe: room.clone().recipient(),
            reclaim: room.clone().recipient(),
            updates: room.recipient(),
            gauge: Arc::new(RoomGauge::default()),
        }))
    }
}

struct Fixture {
    journal: Arc<MemoryJournal>,
    script: Arc<Script>,
    signs: Signs,
    /// By how much the wall clock is off, in milliseconds.
    off: Arc<AtomicI64>,
    drains: Arc<AtomicBool>,
    ports: DeadlinesPorts,
}

fn fixture() -> Fixture {
    let off = Arc::new(AtomicI64::new(0));
    let by = off.clone();
    let clock =
        Clock::external(move || Timestamp::now().plus_millis(by.load(Ordering::SeqCst)), Duration::from_secs(3_600));
    let limits = JournalLimits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(60) };
    let journal = Arc::new(MemoryJournal::with_clock(limits, clock.clone()));
    let (script, drains) = (Arc::new(Script::default()), Arc::new(AtomicBool::new(false)));
    let registry = Service::new("registry", 64);
    registry.bind(ScriptedRegistry(script.clone()).start());
    let times = SignTimes { ttl: Duration::from_secs(60), tell_every: TICK, socket: Duration::from_secs(1) };
    let signs = Signs::in_memory(clock, times);
    let told = drains.clone();
    let ports = DeadlinesPorts {
        journal: journal.clone(),
        rooms: registry.recipient(),
        signs: signs.clone(),
        drains: Arc::new(move || told.load(Ordering::SeqCst)),
    };
    Fixture { journal, script, signs, off, drains, ports }
}

impl Fixture {
    fn start(&self) -> Addr<Deadlines> {
        Deadlines::new(TICK, self.ports.clone(), LiveActors::default().enter("deadlines")).start()
    }

    /// Stores an event with a deadline that passed a second ago.
    async fn make_due(&self, name: &str) -> RunId {
        let run = RunId::parse(name).unwrap();
        let post = Post {
            producer: ProducerId::own("x"),
            n: 1,
            on_gap: OnGap::Allow,
            lines: Lines::from_stored(r#"{"type":"pause_requested"}"#.into()),
            status: None,
            privileged: false,
            seals: false,
            stamps: Default::default(),
            control: Some(ControlPost {
                if_control: Some(None),
                due: Some(Timestamp::now().plus_millis(-1_000)),
                ..ControlPost::default()
            }),
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        let append = Append { run: run.clone(), posts: vec![post], precondition: None, deadline };
        let stored = self.journal.append(append).await.unwrap();
        stored.outcomes.into_iter().for_each(|outcome| _ = outcome.unwrap());
        let control = self.journal.head(&run).await.unwrap().control;
        // What a room answers when nothing is due.
        let settled = Ok(Steered::Answered(Answer::NotDue(None), control));
        self.script.answers.lock().unwrap().insert(run.clone(), vec![settled]);
        run
    }

    fn answer_first(&self, run: &RunId, answer: Result<Steered, SteerError>) {
        self.script.answers.lock().unwrap().get_mut(run).unwrap().insert(0, answer);
    }

    async fn is_due(&self, run: &RunId) -> bool {
        self.journal.due(Timestamp::now(), 999).await.unwrap().contains(run)
    }
}

/// Polls until `holds` is true; fails after 20 seconds.
async fn until(holds: impl AsyncFn() -> bool) {
    let held = async {
        while !holds().await {
            actix_rt::time::sleep(Duration::from_millis(5)).await;
        }
    };
    actix_rt::time::timeout(Duration::from_secs(20), held).await.expect("it holds in the end");
}

#[actix::test]
async fn a_run_that_is_due_is_decided_and_then_no_more_due() {
    let fixture = fixture();
    let run = fixture.make_due("r").await;
    let _deadlines = fixture.start();
    until(async || !fixture.is_due(&run).await).await;
    assert_eq!(fixture.script.asked("r"), [vec![]]);
}

#[actix::test]
async fn signs_of_life_that_a_decision_needs_are_looked_up() {
    let fixture = fixture();
    let run = fixture.make_due("r").await;
    let (ann, worker) = (Sign::Subject("ann".into()), Sign::Producer("w1".into()));
    fixture.answer_first(&run, Ok(Steered::NeedSigns(vec![ann.clone(), worker.clone()])));
    fixture.signs.touch(&run, worker.clone());
    let _deadlines = fixture.start();
    until(async || !fixture.is_due(&run).await).await;
    let asked = fixture.script.asked("r");
    let signs: Vec<_> = asked[1].iter().map(|(sign, _)| sign.clone()).collect();
    assert_eq!(signs, [ann, worker]);
    let seen: Vec<_> = asked[1].iter().map(|(_, seen)| *seen).collect();
    assert!(seen.iter().all(|seen| matches!(seen, Seen::At(_))), "{seen:?}");
}

#[actix::test]
async fn a_run_that_fails_is_tried_again_and_hides_no_other() {
    let fixture = fixture();
    let mut failing = Vec::new();
    for index in 0..AT_A_TIME {
        let run = fixture.make_due(&format!("bad{index}")).await;
        let away = || Err(SteerError::Unavailable("away".into()));
        fixture.answer_first(&run, away());
        fixture.answer_first(&run, away());
        failing.push(run);
    }
    let _deadlines = fixture.start();
    until(async || fixture.script.asked.lock().unwrap().len() >= AT_A_TIME).await;
    let good = fixture.make_due("good").await;
    until(async || !fixture.is_due(&good).await).await;
    for run in failing {
        until(async || !fixture.is_due(&run).await).await;
        assert_eq!(fixture.script.asked(run.as_str()).len(), 3, "twice in vain");
    }
}

#[actix::test]
async fn a_run_whose_room_does_not_answer_delays_no_other() {
    let fixture = fixture();
    let stuck = fixture.make_due("stuck").await;
    *fixture.script.stuck.lock().unwrap() = Some(stuck);
    let _deadlines = fixture.start();
    until(async || !fixture.script.asked("stuck").is_empty()).await;
    let began = Instant::now();
    let run = fixture.make_due("r").await;
    until(async || !fixture.is_due(&run).await).await;
    assert!(began.elapsed() < PATIENCE / 2);
    assert_eq!(fixture.script.asked("stuck").len(), 1);
}

#[actix::test]
async fn a_room_that_retired_is_found_anew() {
    let fixture = fixture();
    let run = fixture.make_due("r").await;
    fixture.answer_first(&run, Err(SteerError::Retired));
    let _deadlines = fixture.start();
    until(async || !fixture.is_due(&run).await).await;
    assert_eq!(fixture.script.asked("r").len(), 2);
}

#[actix::test]
async fn nothing_is_decided_while_the_clock_has_jumped_or_the_node_drains() {
    let fixture = fixture();
    let run = fixture.make_due("r").await;
    let dues = || async { fixture.ports.due(9).await.unwrap() };
    assert_eq!(dues().await, std::slice::from_ref(&run));
    fixture.off.store(2 * 3_600_000, Ordering::SeqCst);
    assert_eq!(dues().await, []);
    fixture.off.store(0, Ordering::SeqCst);
    assert_eq!(dues().await, [run]);
    fixture.drains.store(true, Ordering::SeqCst);
    assert_eq!(dues().await, []);
}
