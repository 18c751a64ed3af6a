use serde_json::json;

use super::*;

#[test]
fn the_events_of_a_real_run_become_lines() {
    let mut show = EventPrinter::new(false);
    let run = include_str!("../../../../tests/data/run.ndjson");
    let lines: Vec<String> = run.lines().map(|event| show.line(event)).collect();
    assert_eq!(lines[0], "17:15:47.966 run       running");
    assert_eq!(lines[1], "17:15:47.966 plan      11 tests");
    assert_eq!(lines[2], "17:15:48.548 running   orders: page through 1");
    assert_eq!(lines[3], "17:15:48.578 step      orders: page through 1 › Before Hooks");
    assert_eq!(lines.last().unwrap(), "17:16:18.547 run       failed (30.8 s)");
    assert!(lines.iter().any(|line| line.ends_with("step ✓    orders: page through 1 › Launch browser (530 ms)")));
    assert!(lines.iter().any(|line| line.contains("failed    ") && line.contains(", retry 1")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.ends_with("stdout    paged 1")));
    let mut below = lines.iter().flat_map(|line| line.lines().skip(1));
    assert!(below.clone().count() > 5 && below.all(|line| line.starts_with("                       ")), "{lines:#?}");
    assert!(!lines.concat().contains(|c: char| c.is_control() && c != '\n'), "nothing that acts");
}

#[test]
fn an_event_cannot_write_to_the_terminal() {
    let mut show = EventPrinter::new(true);
    let evil = "\\u001b]0;owned\\u0007\\u009b2J\\n";
    for event in [
        format!(r#"{{"type":"{evil}","timestamp":"{evil}","x":"{evil}"}}"#),
        format!(r#"{{"type":"test_status","testId":"{evil}","status":"{evil}","data":{{"title":"{evil}"}}}}"#),
        format!(r#"{{"type":"log","stream":"{evil}","text":"a{evil}b"}}"#),
        format!(r#"{{"type":"test_step","testId":"t","step":{{"title":"{evil}","error":"{evil}"}}}}"#),
        format!(r#"{{"type":"pause_requested","by":{{"name":"{evil}"}},"target":{{"testId":"{evil}"}}}}"#),
        format!(r#"{{"type":"ai_stuck","askId":"{evil}","needs":"{evil}","message":"{evil}","producer":"{evil}"}}"#),
        "not json \u{1b}[2J".to_owned(),
    ] {
        let line = show.line(&event);
        let ours = ["\x1b[0m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[36m"];
        let rest = ours.iter().fold(line.clone(), |line, colour| line.replace(colour, ""));
        assert!(!rest.contains(|c: char| c.is_control() && c != '\n'), "{line:?}");
        assert!(rest.lines().skip(1).all(|line| line.starts_with("      ")), "{line:?}");
    }
}

#[test]
fn half_of_a_surrogate_pair_is_shown_as_a_replacement_character() {
    let mut show = EventPrinter::new(false);
    let line = show.line(r#"{"type":"log","stream":"stdout","text":"cut \ud83d","\udc00":1}"#);
    assert_eq!(line.trim_start(), "stdout    cut \u{fffd}");
}

#[test]
fn what_steers_is_said_with_the_titles_of_tests() {
    let mut show = EventPrinter::new(false);
    show.line(r#"{"type":"test_plan","tests":[{"testId":"t1","title":["cart","pays"]}]}"#);
    let line = show.line(r#"{"type":"pause_requested","by":{"name":"Ann"},"target":{"testId":"t1"}}"#);
    assert_eq!(line.trim_start(), "control   Ann paused the test cart › pays");
    let line = show.line(r#"{"type":"ai_stuck","producer":"worker-1","askId":"a","needs":"text","message":"Name?"}"#);
    assert_eq!(line.trim_start(), "ask       worker-1 asks: Name? [a, needs a text]");
}

#[test]
fn an_unknown_event_is_shown_as_it_is_and_not_without_end() {
    let mut show = EventPrinter::new(false);
    let line = show.line(r#"{"seq":3,"type":"page_state","timestamp":"2026-11-23T17:15:47.966Z","url":"/x"}"#);
    assert_eq!(line, r#"17:15:47.966 page_state {"url":"/x"}"#);
    let long = show.line(&format!(r#"{{"type":"x","y":"{}"}}"#, "z".repeat(100_000)));
    assert!(long.chars().count() < 500);
}

#[test]
fn steps_stand_below_those_that_they_are_a_part_of() {
    let mut show = EventPrinter::new(false);
    let step = |step: Value| json!({"type": "test_step", "testId": "t1", "step": step});
    let events = [
        json!({"type": "test_plan", "tests": [{"testId": "t1", "title": ["cart", "pays"]}, {"testId": "t2", "title": "ships"}]}),
        json!({"type": "test_status", "testId": "t1", "status": "running", "data": {"attempt": 1}}),
        step(json!({"stepNumber": 1, "id": "a", "phase": "begin", "title": "pay by card"})),
        step(
            json!({"stepNumber": 2, "id": "b", "parent": "a", "phase": "begin", "title": "Click", "subtitle": "getByText('Pay')"}),
        ),
        step(
            json!({"stepNumber": 2, "id": "b", "parent": "a", "phase": "end", "title": "Click", "subtitle": "getByText('Pay')", "durationMs": 5200, "pausedMs": 5000, "actor": "Ann"}),
        ),
        step(
            json!({"stepNumber": 3, "id": "c", "parent": "a", "phase": "end", "title": "Expect", "durationMs": 12, "error": {"message": "Error: \u{1b}[2mexpect(\u{1b}[22m failed\nmore"}}),
        ),
        json!({"type": "test_status", "testId": "t2", "status": "running"}),
        step(json!({"stepNumber": 4, "id": "d", "parent": "a", "phase": "begin", "title": "Wait"})),
        json!({"type": "log", "testId": "t2", "stream": "stdout", "text": "\u{1b}[31mred\u{1b}[39m\n"}),
        json!({"type": "test_status", "testId": "t1", "status": "failed", "data": {"attempt": 1, "durationMs": 9000, "holdMs": 60000, "error": "no"}}),
        json!({"type": "test_step", "testId": "t2", "step": {"stepNumber": 1, "id": "a", "phase": "begin", "title": "Before Hooks"}}),
        json!({"type": "test_step", "testId": "t2", "step": {"stepNumber": 2, "id": "b", "parent": "a", "phase": "begin", "title": "Navigate"}}),
        json!({"type": "test_step", "testId": "t1", "step": {"stepNumber": 9, "id": "z", "phase": "begin", "title": "Worker Cleanup"}}),
    ];
    let shown: Vec<_> = events.iter().map(|event| show.line(&event.to_string())[13..].to_owned()).collect();
    let want = [
        "plan      2 tests",
        "running   cart › pays, retry 1",
        "step      pay by card",
        "step        Click getByText('Pay')",
        "step ✓      Click getByText('Pay') (5.2 s, 5.0 s of it paused, by Ann)",
        "step ✗      Expect (12 ms): Error: expect( failed",
        "running   ships",
        "step      pays, retry 1                Wait",
        "stdout    ships                      red",
        "failed    cart › pays, retry 1 (9.0 s, 1 min 0 s of it held open): no",
        "step      ships                      Before Hooks",
        "step        Navigate",
        "step      pays, retry 1              Worker Cleanup",
    ];
    assert_eq!(shown, want);
}

#[test]
fn variants_are_named_when_there_are_several() {
    let mut show = EventPrinter::new(false);
    let mut line = |event: Value| show.line(&event.to_string())[13..].to_owned();
    line(json!({"type": "worker", "producer": "p", "state": "joined", "variant": "linux"}));
    let status =
        |producer: &str| json!({"type": "test_status", "producer": producer, "testId": "t", "status": "running"});
    assert_eq!(line(status("p")), "running   t");
    line(json!({"type": "worker", "producer": "q", "state": "joined", "variant": "macos"}));
    assert_eq!(line(status("q")), "running   t, macos");
    let step = json!({"type": "test_step", "testId": "t", "variant": "linux", "step": {"stepNumber": 1, "id": "a", "title": "Click"}});
    assert_eq!(line(step), "step      t, linux                   Click");
}
