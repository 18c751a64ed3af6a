//! Recorded runs, folded: the states that both folds of a log have to come to, this one and that of the page
//! (`web/src/fold`, whose test is `web/test/fold.test.js`). `tests/data/golden/record` says how each was recorded;
//! `RUNCAST_WRITE=1 cargo test --test golden` writes the states anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use runcast::control::ControlState;
use runcast::protocol::{Cursor, Epoch, ProducerEvent, RunId, StatePart, TestsQuery, Timestamp};
use runcast::run_state::{RunState, StateView};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The store's incarnation in all of them.
const EPOCH: Epoch = Epoch(7);
/// When events are stored whose times in a journal are not recorded: the first one second behind this, in milliseconds.
const START: i64 = 1_795_000_000_000;

/// So many states are looked at of each.
const PLACES: usize = 20;

/// An event, and when it was stored, in milliseconds.
type Stored = (i64, String);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn golden(name: &str, file: &str) -> PathBuf {
    root().join("tests/data/golden").join(name).join(file)
}

/// Events as they were posted, one a line.
fn posted(file: &str) -> Vec<Stored> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    (1..).map(|seq| START + 1_000 * seq).zip(text.lines().map(str::to_owned)).collect()
}

/// The posts of several producers, stamped as the journal does it.
fn matrix() -> Vec<Stored> {
    #[derive(Deserialize)]
    struct Post {
        at: i64,
        producer: String,
        events: Vec<Box<RawValue>>,
    }
    let text = fs::read_to_string(root().join("tests/data/matrix-run/posts.ndjson")).unwrap();
    let posts = text.lines().map(|line| serde_json::from_str::<Post>(line).unwrap());
    let stored = posts.flat_map(|Post { at, producer, events }| {
        events.into_iter().map(move |event| {
            let read: Value = serde_json::from_str(event.get()).unwrap();
            let kind = ProducerEvent::parse(read["type"].as_str().unwrap());
            let stamp = format!(r#"{{"producer":"{producer}","at":"{}","#, Timestamp::from_millis(at));
            let is_stamped = kind.is_some_and(ProducerEvent::is_stamped);
            let event = event.get();
            (at, if is_stamped { event.replacen('{', &stamp, 1) } else { event.to_owned() })
        })
    });
    stored.collect()
}

/// A log as a server had it: `{"at","event"}` each line.
fn log(name: &str) -> Vec<Stored> {
    #[derive(Deserialize)]
    struct Line {
        at: i64,
        event: Box<RawValue>,
    }
    let text = fs::read_to_string(golden(name, "log.ndjson")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    lines.map(|line| (line.at, line.event.get().to_owned())).collect()
}

fn tests(state: &RunState, resumable: bool) -> Vec<Value> {
    let (mut tests, mut query) = (Vec::new(), TestsQuery { limit: 1_000, resumable, ..TestsQuery::default() });
    loop {
        let part = StatePart::Tests(query.clone());
        let mut page = serde_json::to_value(StateView { state, part: &part }).unwrap();
        tests.append(page["tests"].as_array_mut().unwrap());
        query.after = page["next"].as_u64().unwrap() as usize;
        if page["more"] == false {
            return tests;
        }
    }
}

/// Everything that is shown, in one object.
fn overview(state: &RunState, control: &ControlState, resumable: bool) -> Value {
    let part = if resumable { StatePart::Resumable } else { StatePart::Overview };
    let control = if resumable { control.resumable_view() } else { control.view() };
    let mut shown = serde_json::to_value(StateView { state, part: &part }).unwrap();
    let Value::Object(control) = serde_json::to_value(control).unwrap() else { panic!() };
    shown.as_object_mut().unwrap().extend(control);
    shown
}

/// The same without what `resume=1` adds.
fn plain(mut shown: Value) -> Value {
    for at in ["", "/control"] {
        if let Some(Value::Object(members)) = shown.pointer_mut(at) {
            members.remove("resume");
        }
    }
    if let Some(attempts) = shown.get_mut("attempts").and_then(Value::as_array_mut) {
        for attempt in attempts {
            attempt.as_object_mut().unwrap().remove("resume");
        }
    }
    shown
}

fn key(test: &Value) -> String {
    json!([test["variant"], test["testId"]]).to_string()
}

/// Folds a log, and compares what it comes to at some places with what is kept. A line of `states.ndjson` is
/// `{"seq","overview","tests"}`, all with `resume=1`: `tests` are those that have changed since the line before, by their
/// places, and the tests of the overview are places as well.
fn check(name: &str, log: &[Stored]) {
    let mut state = RunState::new(RunId::parse(name).unwrap());
    let mut control = ControlState::default();
    let seqs: Vec<_> = (1..=PLACES).map(|place| (log.len() * place).div_ceil(PLACES)).collect();
    let (mut known, mut lines) = (Vec::new(), String::new());
    for (seq, (at, event)) in (1..).zip(log) {
        state.apply(seq, Timestamp::from_millis(*at), event.as_bytes());
        control.apply(Cursor { epoch: Some(EPOCH), seq }, event.as_bytes());
        if !seqs.contains(&(seq as usize)) {
            continue;
        }
        let all = tests(&state, true);
        let stripped: Vec<_> = all.iter().cloned().map(plain).collect();
        assert_eq!(stripped, tests(&state, false), "{name} {seq}");
        let mut shown = overview(&state, &control, true);
        assert_eq!(plain(shown.clone()), overview(&state, &control, false), "{name} {seq}");
        let at: HashMap<_, _> = all.iter().enumerate().map(|(at, test)| (key(test), at)).collect();
        for test in shown["tests"].as_array_mut().unwrap() {
            assert_eq!(*test, stripped[at[&key(test)]], "{name} {seq}");
            *test = at[&key(test)].into();
        }
        let changed = all.iter().enumerate().filter(|(at, test)| known.get(*at) != Some(*test));
        let changed: Vec<_> = changed.map(|(at, test)| json!([at, test])).collect();
        lines += &format!("{}\n", json!({"seq": seq, "overview": shown, "tests": changed}));
        known = all;
    }
    let file = golden(name, "states.ndjson");
    if std::env::var_os("RUNCAST_WRITE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, lines).unwrap();
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let lines: Vec<_> = lines.lines().collect();
    for (index, (kept, found)) in kept.lines().zip(&lines).enumerate() {
        assert!(kept == *found, "line {} of {} should be\n{found}", index + 1, file.display());
    }
    assert_eq!(kept.lines().count(), lines.len(), "{}", file.display());
}

#[test]
fn the_demos_run_folds_to_its_golden_states() {
    check("demo", &posted("demo/run.ndjson"));
}

#[test]
fn a_run_of_an_earlier_reporter_folds_to_its_golden_states() {
    check("plain", &posted("tests/data/run.ndjson"));
}

#[test]
fn a_run_of_two_variants_in_two_shards_folds_to_its_golden_states() {
    check("matrix", &matrix());
}

#[test]
fn recorded_runs_and_hostile_logs_fold_to_their_golden_states() {
    let all = fs::read_dir(root().join("tests/data/golden")).unwrap().map(|entry| entry.unwrap().file_name());
    let all = all.map(|name| name.into_string().unwrap()).filter(|name| golden(name, "log.ndjson").exists());
    let names: Vec<_> = all.collect();
    assert!(names.len() >= FEWEST, "{names:?}");
    names.iter().for_each(|name| check(name, &log(name)));
}

/// As many logs are kept at least.
const FEWEST: usize = 6;
