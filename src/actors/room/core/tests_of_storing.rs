//! How what a room has decided is stored: first in the next append, with the posts that wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::tests::{loaded, on};
use super::*;
use crate::actors::messages::room::{PublishReply, Steer, SteerError, Steered};
use crate::budget::Budget;
use crate::control::{CommandRequest, ControlRequest, Observed};
use crate::protocol::event::EventBatch;
use crate::protocol::principal::{Principal, PrincipalKind, Via};
use crate::protocol::{Epoch, Lines, ProducerId, Timestamp};
use crate::storage::journal::append_rules::{self, AppendContext, Epochs, ProducerMarks, RunRecord};
use crate::storage::journal::{Append, ControlPost, OnGap, Post, Stored};

/// The journal's time.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

type Answer = oneshot::Receiver<Result<Steered, SteerError>>;

/// A run as the journal has it, and a core that is alone with it.
struct World {
    run: RunRecord,
    core: RoomCore,
    made: u64,
}

fn epochs() -> Epochs {
    Epochs { incarnation: Epoch(1), births: Epoch(1) }
}

impl World {
    /// A run with one event.
    fn new(reorder: Option<Duration>) -> Self {
        let mut run = RunRecord::load(Head::unborn(), ProducerMarks::default(), epochs());
        store(&mut run, &[another_nodes(1, None)]);
        let core = loaded(reorder, run.head.clone());
        Self { run, core, made: 0 }
    }

    /// Tells the core the time if it asks for it; what else it wants done.
    fn on(&mut self, input: RoomInput) -> Vec<RoomEffect> {
        let mut effects = on(&mut self.core, input);
        while let Some(index) = effects.iter().position(|effect| matches!(effect, RoomEffect::AskTime)) {
            effects.remove(index);
            effects.extend(on(&mut self.core, RoomInput::Time(JournalTime { now: NOW, has_jumped: false })));
        }
        effects
    }

    fn append(&mut self, append: &Append) -> RoomInput {
        RoomInput::Appended(Ok(store(&mut self.run, &append.posts)))
    }

    /// Another node stores a control event.
    fn move_control(&mut self) {
        self.made += 1;
        store(&mut self.run, &[another_nodes(self.made + 1, Some(ControlPost::default()))]);
    }

    fn command(&mut self) -> (RoomInput, Answer) {
        self.made += 1;
        let (ms, made) = (NOW.as_millis(), self.made);
        let id = format!("{:08x}-{:04x}-7000-8000-{made:012x}", ms >> 16, ms & 0xFFFF);
        let command = Bytes::from(format!(r#"{{"type":"hold","when":"failure","commandId":"{id}"}}"#));
        let name: Arc<str> = "ann".into();
        let by = Principal { subject: name.clone(), name, kind: PrincipalKind::Human, via: Via::Http, verified: false };
        let request = ControlRequest::Command(CommandRequest { command, by, observed: Observed::default() });
        let (reply, answer) = oneshot::channel();
        let steer = Steer { request: Arc::new(request), signs: Vec::new(), at_least: None, reply };
        (RoomInput::Steer(steer), answer)
    }
}

fn store(run: &mut RunRecord, posts: &[Post]) -> Stored {
    let (deadline, moment) = (Instant::now() + Duration::from_secs(60), Instant::now());
    let append = Append { run: RunId::parse("r").unwrap(), posts: posts.to_vec(), precondition: None, deadline };
    let context = AppendContext { now: NOW, monotonic: moment, epochs: epochs(), max_run_bytes: 1 << 30 };
    append_rules::append(run, &append, &context).stored
}

fn another_nodes(n: u64, control: Option<ControlPost>) -> Post {
    Post {
        producer: ProducerId::own("another"),
        n,
        on_gap: OnGap::Allow,
        lines: Lines::from_stored(r#"{"type":"control_reset"}"#.into()),
        status: None,
        privileged: false,
        seals: false,
        stamps: Arc::default(),
        control,
    }
}

fn post(if_tip: Option<u64>) -> RoomInput {
    let lines = Lines::from_stored(r#"{"type":"t"}"#.into());
    let batch = EventBatch { lines, status: None, stamps: Arc::default() };
    let held = Arc::new(Budget::new(usize::MAX).hold());
    let reply: PublishReply = oneshot::channel().0;
    let request = Publish::from_producer(batch, None, Instant::now(), held, reply);
    RoomInput::Publish(if_tip.into_iter().fold(request, Publish::if_tip))
}

fn appended(effects: &[RoomEffect]) -> Append {
    let mut appends = effects.iter().filter_map(|effect| match effect {
        RoomEffect::Append(append) => Some(append.clone()),
        _ => None,
    });
    let append = appends.next().expect("an append");
    assert!(appends.next().is_none(), "one append at a time");
    append
}

fn no_append(effects: &[RoomEffect]) -> bool {
    !effects.iter().any(|effect| matches!(effect, RoomEffect::Append(_)))
}

/// What was answered, with the appends that it took.
fn answers(effects: Vec<RoomEffect>) -> Vec<(Result<Steered, SteerError>, u32)> {
    let answer = |effect| match effect {
        RoomEffect::AnswerSteer { answer, stored, .. } => Some((answer, stored)),
        _ => None,
    };
    effects.into_iter().filter_map(answer).collect()
}

#[test]
fn a_decision_goes_first_in_the_next_append_with_the_posts_that_wait_and_is_answered_once_it_is_stored() {
    let mut world = World::new(None);
    let first = appended(&world.on(post(None)));
    let (command, _answer) = world.command();
    let (second_command, _second) = world.command();
    assert!(world.on(command).is_empty(), "an append is in flight");
    assert!(world.on(second_command).is_empty());
    assert!(world.on(post(None)).is_empty());
    let stored = world.append(&first);
    let next = appended(&world.on(stored));
    let [decided, plain] = &next.posts[..] else { panic!("{next:?}") };
    let control = decided.control.clone().unwrap();
    assert_eq!((control.if_control, control.steers, plain.control.clone()), (Some(None), true, None));
    let stored = world.append(&next);
    let effects = world.on(stored);
    let third = appended(&effects);
    assert_eq!(third.posts[0].control.as_ref().unwrap().if_control, Some(world.run.head.control), "the second's turn");
    let [(Ok(Steered::Answered(..)), 1)] = answers(effects)[..] else { panic!("it took one append") };
    let stored = world.append(&third);
    assert_eq!(answers(world.on(stored)).len(), 1);
    assert_eq!(world.core.undecided(), 0);
}

#[test]
fn what_is_only_answered_does_not_wait_for_an_append() {
    let mut world = World::new(None);
    let append = appended(&world.on(post(None)));
    let (reply, _answer) = oneshot::channel();
    let look = Steer { request: Arc::new(ControlRequest::Look), signs: Vec::new(), at_least: None, reply };
    assert_eq!(answers(world.on(RoomInput::Steer(look))).len(), 1);
    let stored = world.append(&append);
    assert!(no_append(&world.on(stored)));
}

#[test]
fn a_post_with_a_condition_on_the_tip_goes_behind_a_decision_and_alone() {
    let mut world = World::new(None);
    let first = appended(&world.on(post(None)));
    let (command, _answer) = world.command();
    world.on(post(Some(3)));
    world.on(command);
    let stored = world.append(&first);
    let second = appended(&world.on(stored));
    assert!(second.posts.len() == 1 && second.posts[0].control.is_some() && second.precondition.is_none());
    let stored = world.append(&second);
    let third = appended(&world.on(stored));
    assert!(third.posts.len() == 1 && third.precondition.is_some(), "{third:?}");
}

#[test]
fn a_decision_that_lost_is_made_anew_on_what_was_stored_and_at_most_eight_times() {
    let mut world = World::new(Some(Duration::from_secs(1)));
    let (command, _answer) = world.command();
    world.on(command);
    let head = world.run.head.clone();
    let mut append = appended(&world.on(RoomInput::Head(HeadFor::Readers, Ok(head))));
    for lost in 1..=8 {
        world.move_control();
        world.on(post(None));
        let stored = world.append(&append);
        let effects = world.on(stored);
        if lost == 8 {
            assert!(matches!(answers(effects)[..], [(Err(SteerError::Contended), 0)]));
            break;
        }
        // The posts that waited do not wait for the page.
        let plain = appended(&effects);
        assert!(plain.posts.iter().all(|post| post.control.is_none()));
        let read = effects.iter().find_map(|effect| match effect {
            RoomEffect::ReadPage { purpose: PageFor::Control, after, .. } => Some(*after),
            _ => None,
        });
        let after = read.expect("what is new is read");
        let cursor = world.run.head.control.unwrap();
        assert!(after < cursor.seq);
        let stored = world.append(&plain);
        assert!(no_append(&world.on(stored)), "it is not known yet what it would be decided on");
        let moved = another_nodes(1, None).lines;
        let page = vec![Arc::new(crate::protocol::Segment::new(Epoch(1), cursor.seq, NOW, moved))];
        append = appended(&world.on(RoomInput::Page(PageFor::Control, Ok(page))));
        assert_eq!(append.posts[0].control.as_ref().unwrap().if_control, Some(Some(cursor)));
    }
    assert_eq!(world.core.undecided(), 0);
}

#[test]
fn an_unknown_outcome_is_told_and_those_that_waited_are_told_that_nothing_was_stored() {
    let mut world = World::new(None);
    let (command, _first) = world.command();
    let (waiting, _second) = world.command();
    appended(&world.on(command));
    assert!(world.on(waiting).is_empty());
    let unknown = || RoomInput::Appended(Err(JournalError::OutcomeUnknown("away".into())));
    assert!(matches!(world.on(unknown())[..], [RoomEffect::Start(RoomTimer::RepeatAppend, _)]));
    assert!(matches!(world.on(RoomInput::TimerDue(RoomTimer::RepeatAppend))[..], [RoomEffect::Append(_)]));
    let mut effects = RoomEffects::new();
    world.core.on(unknown(), Instant::now() + Duration::from_secs(60), &mut effects);
    let told = answers(effects.into());
    assert!(matches!(told[..], [(Err(SteerError::OutcomeUnknown(_)), 0), (Err(SteerError::Unavailable(_)), 0)]));
    assert_eq!(world.core.undecided(), 0);
}
