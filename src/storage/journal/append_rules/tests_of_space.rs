//! The space that is kept for a run's end, against producers that post anything.

use std::time::Instant;

use proptest::prelude::*;

use super::super::{FINAL_BYTES, RESERVED_BYTES};
use super::*;

const MAX: u64 = RESERVED_BYTES + 20_000;

fn moment() -> AppendContext {
    let epochs = Epochs { incarnation: Epoch(5), births: Epoch(5) };
    AppendContext { now: Timestamp::from_millis(1_000), monotonic: Instant::now(), epochs, max_run_bytes: MAX }
}

fn line(kind: &str, status: Option<RunStatus>, bytes: usize) -> String {
    let status = status.map_or(String::new(), |status| format!(r#","status":"{}""#, status.as_str()));
    let head = format!(r#"{{"type":"{kind}"{status},"pad":""#);
    format!(r#"{head}{}"}}"#, "x".repeat(bytes.saturating_sub(head.len() + 2)))
}

fn post(lines: &[String], status: Option<RunStatus>) -> Post {
    Post {
        // Every post is the first one of another producer, so that none is a duplicate.
        producer: ProducerId::own(&uuid::Uuid::now_v7().to_string()),
        n: 1,
        on_gap: OnGap::Allow,
        lines: Lines::from_stored(lines.join("\n").into()),
        status,
        privileged: false,
        seals: false,
        stamps: Default::default(),
        control: None,
    }
}

fn word(status: RunStatus, bytes: usize) -> Post {
    post(&[line("run_status", Some(status), bytes)], Some(status))
}

/// A post that the server itself writes.
fn own(status: Option<RunStatus>) -> Post {
    let kind = if status.is_some() { "run_status" } else { "sealed" };
    Post { privileged: true, seals: status.is_none(), ..post(&[line(kind, status, 120)], status) }
}

fn store(run: &mut RunRecord, post: Post) -> Result<Appended, Refusal> {
    let append = Append {
        run: crate::protocol::RunId::parse("r").unwrap(),
        posts: vec![post],
        precondition: None,
        deadline: Instant::now() + std::time::Duration::from_secs(60),
    };
    super::append(run, &append, &moment()).stored.outcomes.remove(0)
}

/// Posts until no ordinary post fits any more.
fn fill(run: &mut RunRecord) {
    for size in [500, 40] {
        while store(run, post(&[line("log", None, size)], None)).is_ok() {}
    }
}

fn is_ended(run: &RunRecord) -> bool {
    run.head.status.is_some_and(RunStatus::is_final)
}

/// A post of any producer.
#[derive(Clone, Debug)]
enum Submitted {
    Log(usize),
    Word(RunStatus, usize),
    /// Many events of one status in one request.
    Words(RunStatus, usize, usize),
    /// A sweep of the lifecycle.
    Silence,
}

fn said() -> impl Strategy<Value = Submitted> {
    let status = prop::sample::select(RunStatus::ALL.to_vec());
    let size = prop_oneof![40..200_usize, 200..12_000_usize];
    prop_oneof![
        1 => size.clone().prop_map(Submitted::Log),
        4 => (status.clone(), size.clone()).prop_map(|(status, size)| Submitted::Word(status, size)),
        1 => (status, 1..20_usize, 40..4_000_usize).prop_map(|(status, count, size)| Submitted::Words(status, count, size)),
        1 => Just(Submitted::Silence),
    ]
}

fn unborn() -> RunRecord {
    RunRecord::load(Head::unborn(), ProducerMarks::default(), moment().epochs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Whatever is posted, the run keeps to its bytes. A run that has not ended can be ended by a small final status,
    /// and marked lost by the server; a run that has ended can be sealed.
    #[test]
    fn a_run_can_always_be_ended_whatever_was_posted_before(all in prop::collection::vec(said(), 1..400)) {
        let mut run = unborn();
        for said in all {
            let _ = match said {
                Submitted::Log(size) => store(&mut run, post(&[line("log", None, size)], None)),
                Submitted::Word(status, size) => store(&mut run, word(status, size)),
                Submitted::Words(status, count, size) => {
                    let lines = vec![line("run_status", Some(status), size); count];
                    store(&mut run, post(&lines, Some(status)))
                }
                Submitted::Silence if !is_ended(&run) => {
                    let marked = store(&mut run, own(Some(RunStatus::Lost)));
                    prop_assert!(marked.is_ok(), "{marked:?}");
                    marked
                }
                Submitted::Silence => continue,
            };
            prop_assert!(run.head.bytes <= MAX, "{}", run.head.bytes);
            let mut ended = run.clone();
            let passed = store(&mut ended, word(RunStatus::Passed, FINAL_BYTES as usize));
            let given_up = run.head.status == Some(RunStatus::Lost);
            prop_assert!(passed.is_ok() || is_ended(&run) && !given_up, "{passed:?} after {:?}", run.head);
            if !is_ended(&run) {
                prop_assert!(store(&mut run.clone(), own(Some(RunStatus::Lost))).is_ok());
            }
            prop_assert!(store(&mut ended, own(None)).is_ok());
            prop_assert_eq!(ended.head.phase, RunPhase::Sealed);
            prop_assert!(ended.head.bytes <= MAX, "{}", ended.head.bytes);
        }
    }
}

#[test]
fn a_flood_of_statuses_takes_nothing_from_a_runs_end() {
    let mut run = unborn();
    while store(&mut run, word(RunStatus::Running, 4_000)).is_ok() {}
    assert!(run.head.bytes <= MAX - RESERVED_BYTES, "not a byte of the reserve");
    let mut small = 0;
    while store(&mut run, word(RunStatus::Paused, 60)).is_ok() {
        small += 1;
    }
    assert!(small < 100, "{small}");
    store(&mut run, word(RunStatus::Failed, 100)).unwrap();
    for _ in 0..1_000 {
        let again = store(&mut run, word(RunStatus::Failed, 100));
        assert!(matches!(again, Err(Refusal::RunFull { .. })), "it is no news: {again:?}");
        assert!(store(&mut run, word(RunStatus::Running, 60)).is_err());
    }
    store(&mut run, word(RunStatus::Passed, 8_000)).unwrap();
    store(&mut run, own(None)).unwrap();
}

#[test]
fn only_a_short_final_status_that_stands_alone_is_a_last_word() {
    let mut run = unborn();
    fill(&mut run);
    let with_others = [line("log", None, 60), line("run_status", Some(RunStatus::Passed), 60)];
    assert!(store(&mut run, post(&with_others, Some(RunStatus::Passed))).is_err());
    let twice = vec![line("run_status", Some(RunStatus::Passed), 4_000); 2];
    assert!(store(&mut run, post(&twice, Some(RunStatus::Passed))).is_err());
    assert!(store(&mut run, word(RunStatus::Passed, FINAL_BYTES as usize + 1)).is_err());
    store(&mut run, word(RunStatus::Passed, FINAL_BYTES as usize)).unwrap();
}

#[test]
fn a_run_whose_reserve_was_used_up_before_can_still_be_ended() {
    for status in [None, Some(RunStatus::Running), Some(RunStatus::Lost)] {
        let head = Head { tip: 9, bytes: MAX, status, ..Head::unborn() };
        let mut run = RunRecord::load(head, ProducerMarks::default(), moment().epochs);
        store(&mut run, word(RunStatus::Passed, 100)).unwrap();
        assert!(store(&mut run, word(RunStatus::Failed, 100)).is_err(), "{status:?}");
        store(&mut run, own(None)).unwrap();
    }
}

#[test]
fn the_announcement_of_a_loss_is_its_producers() {
    let mut run = unborn();
    fill(&mut run);
    let late = |status: RunStatus| {
        let producer = ProducerId::parse("p").unwrap();
        Post { producer, n: 7, on_gap: OnGap::Announce, ..word(status, 60) }
    };
    assert!(store(&mut run, late(RunStatus::Running)).is_err());
    assert_eq!(store(&mut run, late(RunStatus::Passed)).unwrap().seqs.map(|(first, last)| last - first), Some(1));
}
