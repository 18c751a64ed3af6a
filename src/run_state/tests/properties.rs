//! Whatever is told in whatever order, the counts are those of the tests, and the memory stays within its bound.

use proptest::prelude::*;

use super::*;
use crate::run_state::space::MAX_BYTES;

fn events() -> impl Strategy<Value = Value> {
    let (test, variant) = (0..4_u32, prop::option::of(0..3_u32));
    let status = prop::sample::select(vec![
        "pending",
        "queued",
        "running",
        "passed",
        "failed",
        "skipped",
        "timedout",
        "timedOut",
        "interrupted",
        "odd",
    ]);
    let outcome = prop::option::of(prop::sample::select(vec!["expected", "unexpected", "flaky", "skipped", "odd"]));
    let attempt = prop::option::of(0..14_u32);
    let (producer, kind, step) = (prop::option::of(0..4_u32), 0..12_u32, 0..30_u32);
    (test, variant, status, outcome, attempt, producer, kind, step).prop_map(
        |(test, variant, status, outcome, attempt, producer, kind, step)| {
            let (test, variant) = (format!("t{test}"), variant.map(|n| format!("v{n}")));
            let producer = producer.map(|n| format!("p{n}"));
            let mut event = match kind {
                0 => json!({"type": "worker", "state": if step % 3 == 0 { "left" } else { "joined" },
                    "shard": (step % 2 == 0).then(|| json!({"current": 1 + step % 2, "total": 2}))}),
                1 => json!({"type": "test_plan", "tests": [{"testId": test, "title": status}, {"testId": "t0"}]}),
                2 => json!({"type": "producer_status", "status": "lost"}),
                3..8 => json!({"type": "test_status", "testId": test, "status": status, "data": {
                    "attempt": attempt, "outcome": outcome, "expected": outcome.map(|_| status), "error": status}}),
                _ => json!({"type": "test_step", "testId": test, "step": {"stepNumber": step, "attempt": attempt,
                    "phase": if kind < 10 { "begin" } else { "end" }, "title": status,
                    "error": (step % 5 == 0).then_some("boom")}}),
            };
            for (name, value) in [("variant", variant), ("producer", producer)] {
                // Only stamped events name their producer.
                if let Some(value) = value.filter(|_| name == "variant" || kind < 8 && kind != 1) {
                    event[name] = value.into();
                }
            }
            event
        },
    )
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

proptest! {
    #[test]
    fn counts_are_those_of_the_tests(log in prop::collection::vec(events(), 1..120)) {
        let texts: Vec<_> = log.iter().map(Value::to_string).collect();
        let state = fold(texts.iter().map(String::as_str));
        let (overview, tests) = (shown(&state), tests(&state));
        prop_assert_eq!(&overview["testsKept"], &json!(tests.len()));
        for (status, count) in overview["counts"].as_object().unwrap() {
            prop_assert_eq!(count, &json!(tests.iter().filter(|test| test["status"] == **status).count()));
        }
        for (outcome, count) in overview["outcomes"].as_object().unwrap() {
            prop_assert_eq!(count, &json!(tests.iter().filter(|test| test["outcome"] == **outcome).count()));
        }
        let mut keys: Vec<_> = tests.iter().map(|test| (test["variant"].to_string(), test["testId"].to_string())).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), tests.len(), "a test is there once");
        let variants = overview["variants"].as_array().unwrap();
        if !variants.is_empty() {
            prop_assert_eq!(variants.iter().map(|one| sum(&one["counts"])).sum::<u64>(), tests.len() as u64);
        }
        for test in &tests {
            let attempts = test["attempts"].as_array().cloned().unwrap_or_default();
            let numbers: Vec<_> = attempts.iter().chain([test]).map(|one| one["attempt"].as_u64().unwrap()).collect();
            prop_assert!(numbers.is_sorted_by(|one, next| one < next), "attempts are in order, and each once: {:?}", numbers);
            prop_assert!(attempts.len() <= 10);
        }
        // What was folded is the same when it is folded in two parts by another.
        let mut other = RunState::new(RunId::parse("r").unwrap());
        for (seq, text) in (1..).zip(&texts) {
            other.apply(seq, stored_at(seq), text.as_bytes());
            other = other.clone();
        }
        prop_assert_eq!(shown(&other), overview);
        prop_assert_eq!(other.held_bytes() > size_of::<RunState>(), true);
    }
}

#[test]
fn memory_stays_within_its_bound_and_everything_is_counted() {
    let long = "x".repeat(600);
    let status = |n: usize, attempt: u32| {
        let annotations = vec![json!({"type": "issue", "description": long}); 12];
        let event = json!({"type": "test_status", "testId": format!("{n:>500}"), "status": "failed", "variant": format!("v{}", n % 300),
            "data": {"attempt": attempt, "title": long, "error": long.repeat(4), "annotations": annotations,
                "errors": [{"message": "x", "location": long}]}});
        event.to_string()
    };
    let mut state = RunState::new(RunId::parse("r").unwrap());
    let (mut seq, tests) = (0, 6_000);
    for n in 0..tests {
        for attempt in 0..2 {
            seq += 1;
            state.apply(seq, stored_at(seq), status(n, attempt).as_bytes());
        }
    }
    let state_json = shown(&state);
    assert!(state.held_bytes() < MAX_BYTES + MAX_BYTES / 4, "{}", state.held_bytes());
    assert!(state.held_bytes() > MAX_BYTES, "the test reaches the bound: {}", state.held_bytes());
    assert_eq!((sum(&state_json["counts"]), &state_json["counts"]["failed"]), (tests as u64, &json!(tests)));
    let (kept, omitted) = (&state_json["testsKept"], &state_json["testsOmitted"]);
    assert_eq!(kept.as_u64().unwrap() + omitted.as_u64().unwrap(), tests as u64);
    assert!(state_json.to_string().len() < 4 * 1024 * 1024, "an overview is bounded too");
}
