//! The parts of a state: the overview, pages of tests, what commands are judged by; and their bounds.

use super::*;
use crate::protocol::state_part::MAX_OVERVIEW_TESTS;

fn event(n: usize, status: &str) -> String {
    format!(r#"{{"type":"test_status","testId":"t{n}","status":"{status}","variant":"v{}"}}"#, n % 2)
}

fn part(state: &RunState, part: &StatePart) -> Value {
    serde_json::to_value(StateView { state, part }).unwrap()
}

fn ids(page: &Value) -> Vec<&str> {
    page["tests"].as_array().unwrap().iter().map(|test| test["testId"].as_str().unwrap()).collect()
}

#[test]
fn the_overview_has_failed_tests_then_running_ones_and_no_others() {
    let statuses = ["running", "passed", "failed", "pending", "timedOut", "running", "interrupted", "skipped"];
    let events: Vec<_> = statuses.iter().enumerate().map(|(n, status)| event(n, status)).collect();
    let state = shown(&fold(events.iter().map(String::as_str)));
    assert_eq!(ids(&state), ["t2", "t4", "t6", "t0", "t5"]);
    assert_eq!((&state["testsKept"], &state["testsOmitted"]), (&json!(8), &json!(0)));
}

#[test]
fn of_very_many_tests_that_failed_and_that_run_each_has_half_of_the_overview() {
    let count = |failed: usize, running: usize| {
        let failed = (0..failed).map(|n| event(n, "failed"));
        let events: Vec<_> = failed.chain((0..running).map(|n| event(10_000 + n, "running"))).collect();
        let state = shown(&fold(events.iter().map(String::as_str)));
        let tests = state["tests"].as_array().unwrap();
        assert!(tests.len() <= MAX_OVERVIEW_TESTS);
        let of = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
        (of("failed"), of("running"))
    };
    assert_eq!(count(600, 600), (250, 250));
    assert_eq!(count(600, 40), (460, 40));
    assert_eq!(count(40, 600), (40, 460));
    assert_eq!(count(600, 0), (500, 0));
}

#[test]
fn tests_that_failed_with_long_errors_leave_bytes_to_those_that_run() {
    let error = "e".repeat(2_000);
    let failed = (0..400).flat_map(|n| {
        let error = error.clone();
        (0..6).map(move |attempt| {
            json!({"type": "test_status", "testId": format!("t{n}"), "status": "failed",
                "data": {"attempt": attempt, "error": error}})
            .to_string()
        })
    });
    let events: Vec<_> = failed.chain((1_000..1_100).map(|n| event(n, "running"))).collect();
    let state = shown(&fold(events.iter().map(String::as_str)));
    let tests = state["tests"].as_array().unwrap();
    let of = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
    assert_eq!(of("running"), 100);
    assert!((50..400).contains(&of("failed")), "{}", of("failed"));
    assert!(state.to_string().len() < 3 * 1024 * 1024);
}

#[test]
fn pages_have_every_test_once_in_the_order_in_which_they_first_occurred() {
    let mut events: Vec<_> = (0..25).map(|n| event(n, "running")).collect();
    events.extend((0..25).rev().map(|n| event(n, if n % 5 == 0 { "failed" } else { "passed" })));
    let state = fold(events.iter().map(String::as_str));
    let page = |query: TestsQuery| part(&state, &StatePart::Tests(query));
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = page(TestsQuery { after, limit: 7, ..TestsQuery::default() });
        assert_eq!((&page["runId"], &page["seq"]), (&json!("r"), &json!(50)));
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        after = page["next"].as_u64().unwrap() as usize;
        if page["more"] == false {
            break;
        }
    }
    assert_eq!((seen, after), ((0..25).map(|n| format!("t{n}")).collect::<Vec<_>>(), 25));
    let failed = vec![crate::protocol::status::TestStatus::Failed];
    let query = TestsQuery { limit: 2, statuses: failed, ..TestsQuery::default() };
    let first = page(query.clone());
    assert_eq!((ids(&first), &first["more"]), (vec!["t0", "t5"], &json!(true)));
    let after = first["next"].as_u64().unwrap() as usize;
    let rest = page(TestsQuery { after, limit: 9, variant: Some("v1".into()), ..query });
    assert_eq!((ids(&rest), &rest["more"], &rest["next"]), (vec!["t15"], &json!(false), &json!(25)));
    assert_eq!(ids(&page(TestsQuery { after: 99, limit: 1, ..TestsQuery::default() })), Vec::<&str>::new());
}

#[test]
fn tests_are_found_by_their_id_in_all_variants_the_last_one_at_the_end() {
    let status = |variant: &str, status: &str| {
        format!(r#"{{"type":"test_status","testId":"t","variant":"{variant}","status":"{status}"}}"#)
    };
    let events = [status("a", "running"), status("b", "passed"), status("a", "failed")];
    let state = fold(events.iter().map(String::as_str));
    let found = part(&state, &StatePart::Find(vec!["t".into(), "x".into()]));
    let test = |variant: &str, status: &str| json!({"testId": "t", "variant": variant, "status": status, "producer": null, "step": null});
    assert_eq!(found, json!({"status": null, "step": null, "tests": [test("b", "passed"), test("a", "failed")]}));
}

#[test]
fn tests_beyond_the_bound_are_counted_once_and_long_texts_are_cut() {
    let all = MAX_TESTS + 500;
    let events: Vec<_> = ["running", "passed"].iter().flat_map(|s| (0..all).map(move |n| event(n, s))).collect();
    let state = shown(&fold(events.iter().map(String::as_str)));
    assert_eq!((&state["testsKept"], &state["testsOmitted"]), (&json!(MAX_TESTS), &json!(500)));
    assert_eq!((&state["counts"]["passed"], &state["counts"]["running"]), (&json!(all), &json!(0)));
    assert_eq!(state["outcomes"]["expected"], json!(all));
    let long = "é".repeat(100_000);
    let state = fold([
        format!(r#"{{"type":"test_status","testId":"{long}","status":"passed"}}"#).as_str(),
        &format!(
            r#"{{"type":"test_status","testId":"t","status":"failed","data":{{"title":"{long}","error":"{long}"}}}}"#
        ),
        &format!(r#"{{"type":"error","message":"{long}"}}"#),
    ]);
    assert!(shown(&state).to_string().len() < 10_000);
}

#[test]
fn what_is_counted_of_tests_is_no_less_than_what_is_held() {
    use crate::run_state::space::sizes;
    let held = crate::run_state::sizes_of_types();
    let counted = [sizes::TEST, sizes::ATTEMPT, sizes::STEP, sizes::FAILED_STEP, sizes::ANNOTATION, sizes::TAG];
    assert!(held.iter().zip(counted).all(|(held, counted)| *held <= counted), "{held:?} {counted:?}");
}
