//! Producers: what they make of the run's status, its variants and shards.

use super::*;

/// A run whose events have the stamps that the server writes.
struct Stamped {
    state: RunState,
    seq: Seq,
}

impl Stamped {
    fn new() -> Self {
        Self { state: RunState::new(RunId::parse("r").unwrap()), seq: 0 }
    }

    fn say(&mut self, event: Value) -> Value {
        self.seq += 1;
        self.state.apply(self.seq, Timestamp::from_millis(self.seq as i64), event.to_string().as_bytes());
        shown(&self.state)
    }

    /// `variant`, status and title of each test, in order.
    fn tests(&self) -> Vec<Value> {
        tests(&self.state).iter().map(|test| json!([test["variant"], test["status"], test["title"]])).collect()
    }
}

fn joins(producer: &str, variant: &str) -> Value {
    json!({"type": "worker", "producer": producer, "state": "joined", "variant": variant})
}

fn status_of(producer: &str, status: &str) -> Value {
    json!({"type": "test_status", "producer": producer, "testId": "t", "status": status})
}

#[test]
fn one_test_runs_in_two_variants_each_with_its_own_status() {
    let mut run = Stamped::new();
    run.say(joins("l", "linux"));
    run.say(joins("w", "windows"));
    let plan = json!({"type": "test_plan", "tests": [{"testId": "t", "title": "pays", "file": "a.ts"}]});
    run.say(plan.clone());
    run.say(status_of("l", "running"));
    run.say(plan);
    assert_eq!(run.tests(), [json!(["linux", "running", "pays"])], "a plan of nobody is of the first who tells of it");
    run.say(status_of("w", "running"));
    run.say(json!({"type": "test_step", "testId": "t", "variant": "linux", "step": {"stepNumber": 1, "title": "l"}}));
    run.say(json!({"type": "test_step", "testId": "t", "step": {"stepNumber": 2, "title": "l2"}}));
    run.say(status_of("w", "failed"));
    let state = run.say(status_of("l", "passed"));
    assert_eq!(run.tests(), [json!(["linux", "passed", "pays"]), json!(["windows", "failed", "pays"])]);
    assert_eq!(tests(&run.state)[0]["steps"]["begun"], 2, "of the one that was told of last");
    assert_eq!((&state["counts"]["passed"], &state["counts"]["failed"]), (&json!(1), &json!(1)));
    let variant = |at: usize| (&state["variants"][at]["variant"], &state["variants"][at]["counts"]["failed"]);
    assert_eq!((variant(0), variant(1)), ((&json!("linux"), &json!(0)), (&json!("windows"), &json!(1))));
    assert_eq!(state["variants"][1]["outcomes"]["unexpected"], 1);
}

#[test]
fn the_second_producer_of_a_variant_counts_under_another_name_also_before_it_knows() {
    let mut run = Stamped::new();
    run.say(joins("a", "linux"));
    run.say(joins("b", "linux"));
    run.say(status_of("a", "running"));
    let mut early = status_of("b", "failed");
    early["variant"] = json!("linux");
    run.say(early);
    assert_eq!(run.tests(), [json!(["linux", "running", null]), json!(["linux#2", "failed", null])]);
    run.say(json!({"type": "producer_status", "producer": "a", "status": "lost"}));
    run.say(joins("c", "linux"));
    run.say(status_of("c", "passed"));
    assert_eq!(run.tests()[0], json!(["linux", "passed", null]), "in the place of the one that is lost");
    run.say(status_of("a", "failed"));
    assert_eq!(run.tests()[0], json!(["linux", "passed", null]), "which has the test no more");
}

#[test]
fn a_run_says_which_shards_it_waits_for() {
    let mut run = Stamped::new();
    let shard = |id: &str, variant: &str, current| {
        json!({"type": "worker", "producer": id, "state": "joined", "variant": variant,
            "shard": {"current": current, "total": 4}})
    };
    run.say(shard("a", "linux", 1));
    run.say(shard("b", "linux", 4));
    let state = run.say(shard("c", "mac", 2));
    let linux = json!({"variant": "linux", "total": 4, "joined": 2, "missing": [2, 3], "waiting": true});
    let mac = json!({"variant": "mac", "total": 4, "joined": 1, "missing": [1, 3, 4], "waiting": true});
    assert_eq!(state["shards"], json!([linux, mac]));
    let state = run.say(json!({"type": "shards_given_up"}));
    assert_eq!((&state["shards"][0]["missing"], &state["shards"][0]["waiting"]), (&json!([2, 3]), &json!(false)));
}

#[test]
fn what_producers_announce_is_added_up_and_what_they_say_of_the_run_is_put_together() {
    let mut run = Stamped::new();
    let announces = |id: &str, total: u64, meta: Value| {
        json!({"type": "run_status", "producer": id, "status": "running",
            "data": {"total": total, "workers": 2, "meta": meta}})
    };
    let state = run.say(announces("a", 9, json!({"branch": "main", "labels": ["nightly", 7], "x": 1})));
    assert_eq!((&state["total"], &state["workers"]), (&json!(9), &json!(2)), "nobody has joined");
    run.say(joins("a", "linux"));
    run.say(joins("b", "linux"));
    run.say(announces("a", 5, json!({"commit": "c0ffee", "number": 12})));
    let state = run.say(announces("b", 7, json!({"commit": "c0ffee", "author": 7, "ciUrl": "https://ci/1"})));
    assert_eq!((&state["total"], &state["workers"]), (&json!(12), &json!(4)));
    assert_eq!(
        state["meta"],
        json!({"branch": "main", "labels": ["nightly"], "commit": "c0ffee", "number": 12, "ciUrl": "https://ci/1"})
    );
}

#[test]
fn the_status_of_a_run_with_workers_is_what_all_of_them_make_of_it() {
    let mut state = RunState::new(RunId::parse("r").unwrap());
    let mut seq = 0;
    let mut say = |state: &mut RunState, event: serde_json::Value| {
        seq += 1;
        state.apply(seq, Timestamp::from_millis(seq as i64), event.to_string().as_bytes());
        serde_json::to_value(&*state).unwrap()
    };
    let shard = |id: &str, current| json!({"type": "worker", "producer": id, "state": "joined", "shard": {"current": current, "total": 2}});
    let status = |id: &str, status: &str| json!({"type": "run_status", "producer": id, "status": status});
    assert_eq!(say(&mut state, shard("a", 1))["status"], "running", "joined, and shard 2 is missing");
    say(&mut state, status("a", "running"));
    let waits = say(&mut state, status("a", "passed"));
    assert_eq!((&waits["status"], &waits["endedAt"]), (&json!("running"), &json!(null)), "shard 2 is missing");
    say(&mut state, shard("b", 2));
    assert_eq!(say(&mut state, status("b", "failing"))["status"], "failing");
    assert_eq!(say(&mut state, status("c", "cancelled"))["status"], "failing", "c has not joined");
    let ended = say(&mut state, json!({"type": "worker", "producer": "b", "state": "left"}));
    assert_eq!((&ended["status"], &ended["endedAt"]), (&json!("interrupted"), &json!("1970-01-01T00:00:00.007Z")));
    assert_eq!(say(&mut state, status("b", "passed"))["status"], "interrupted", "b has left");
    assert_eq!(say(&mut state, shard("b", 2))["status"], "running", "and joins anew");
    assert_eq!(say(&mut state, json!({"type": "run_status", "status": "lost"}))["status"], "lost", "the server's word");
    assert_eq!(say(&mut state, status("b", "running"))["status"], "lost");
}

#[test]
fn shards_that_were_given_up_are_not_waited_for() {
    let mut state = RunState::new(RunId::parse("r").unwrap());
    let events = [
        json!({"type": "worker", "producer": "a", "state": "joined", "shard": {"current": 1, "total": 2}}),
        json!({"type": "run_status", "producer": "a", "status": "passed"}),
        json!({"type": "shards_given_up"}),
    ];
    for (seq, event) in (1..).zip(events) {
        state.apply(seq, Timestamp::default(), event.to_string().as_bytes());
    }
    assert_eq!(state.status(), Some(RunStatus::Passed));
}
