use super::*;

const SECOND: u64 = 1_000;

fn panicked() -> Exit {
    Exit::Panicked("boom".to_owned())
}

/// Decides without jitter's shortening.
fn decide(policy: &Policy, history: &mut History, now_ms: u64) -> RestartDecision {
    policy.decide(history, &panicked(), now_ms, 1.0)
}

fn restart(after_ms: u64) -> RestartDecision {
    RestartDecision::Restart { after_ms }
}

fn quarantine(until_ms: u64) -> RestartDecision {
    RestartDecision::Quarantine { until_ms }
}

#[test]
fn a_permanent_child_is_restarted_after_every_kind_of_exit() {
    let exits = [Exit::Stopped, Exit::Failed("no".into()), panicked(), Exit::StartFailed("no".into())];
    for exit in exits {
        let decision = Policy::permanent().decide(&mut History::default(), &exit, 0, 1.0);
        assert_eq!(decision, restart(100), "{exit}");
    }
}

#[test]
fn the_back_off_doubles_up_to_its_maximum() {
    let policy = Policy { max_restarts: usize::MAX - 1, ..Policy::permanent() };
    let mut history = History::default();
    let mut now = 0;
    let mut delays = Vec::new();
    for _ in 0..80 {
        let RestartDecision::Restart { after_ms } = decide(&policy, &mut history, now) else { panic!("not restarted") };
        delays.push(after_ms);
        now += after_ms;
    }
    assert_eq!(delays[..10], [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
    assert!(delays[10..].iter().all(|delay| *delay == 30_000), "{delays:?}");
}

#[test]
fn jitter_places_the_delay_between_half_and_the_whole() {
    for (jitter, after_ms) in [(0.0, 50), (0.5, 75), (0.999, 99), (1.0, 100), (7.0, 100), (-1.0, 50), (f64::NAN, 50)] {
        let decision = Policy::permanent().decide(&mut History::default(), &panicked(), 0, jitter);
        assert_eq!(decision, restart(after_ms), "jitter {jitter}");
    }
}

#[test]
fn the_sixth_exit_of_a_permanent_child_in_a_minute_escalates() {
    let (policy, mut history) = (Policy::permanent(), History::default());
    for exit in 0..5 {
        assert!(
            matches!(decide(&policy, &mut history, exit * 11 * SECOND), RestartDecision::Restart { .. }),
            "exit {exit}"
        );
    }
    assert_eq!(decide(&policy, &mut history, 60 * SECOND - 1), RestartDecision::Escalate);
}

#[test]
fn exits_that_the_window_has_left_behind_do_not_count() {
    let (policy, mut history) = (Policy::permanent(), History::default());
    for exit in 0..100 {
        let decision = decide(&policy, &mut history, exit * 12 * SECOND);
        assert!(matches!(decision, RestartDecision::Restart { .. }), "exit {exit}: {decision:?}");
    }
    assert!(history.exits.len() <= 6);
}

#[test]
fn a_quiet_window_after_the_restart_makes_the_back_off_start_over() {
    let (policy, mut history) = (Policy::permanent(), History::default());
    assert_eq!(decide(&policy, &mut history, 0), restart(100));
    assert_eq!(decide(&policy, &mut history, 60 * SECOND), restart(200), "its restart was less than a window ago");
    assert_eq!(decide(&policy, &mut history, 120 * SECOND + 200), restart(100));
}

#[test]
fn a_transient_child_that_stops_is_done_and_has_no_history() {
    let (policy, mut history) = (Policy::transient(), History::default());
    for now in 0..100 {
        assert_eq!(policy.decide(&mut history, &Exit::Stopped, now, 1.0), RestartDecision::Done);
    }
    assert!(history.is_quiet(&policy, 100));
    assert_eq!(decide(&policy, &mut history, 100), RestartDecision::Done);
    assert!(!history.is_quiet(&policy, 100));
}

#[test]
fn the_third_failure_of_a_transient_child_in_a_minute_quarantines_it() {
    let (policy, mut history) = (Policy::transient(), History::default());
    assert_eq!(decide(&policy, &mut history, 0), RestartDecision::Done);
    assert_eq!(history.quarantined_until(0), None, "built anew on demand");
    assert_eq!(decide(&policy, &mut history, 10), RestartDecision::Done);
    assert_eq!(decide(&policy, &mut history, 20), quarantine(1_020));
    assert_eq!(history.quarantined_until(1_019), Some(1_020));
    assert_eq!(history.quarantined_until(1_020), None);
}

#[test]
fn failures_a_minute_apart_are_forgiven() {
    let (policy, mut history) = (Policy::transient(), History::default());
    for failure in 0..100 {
        assert_eq!(decide(&policy, &mut history, failure * 30 * SECOND), RestartDecision::Done, "failure {failure}");
    }
}

#[test]
fn each_failure_on_parole_doubles_the_quarantine() {
    let (policy, mut history) = (Policy::transient(), History::default());
    let mut now = 0;
    decide(&policy, &mut history, now);
    decide(&policy, &mut history, now);
    let mut lengths = Vec::new();
    for _ in 0..8 {
        let RestartDecision::Quarantine { until_ms } = decide(&policy, &mut history, now) else {
            panic!("not quarantined")
        };
        lengths.push(until_ms - now);
        now = until_ms + 59 * SECOND;
    }
    assert_eq!(lengths, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    assert!(history.exits.len() <= 3);
}

#[test]
fn parole_ends_with_a_quiet_window() {
    let (policy, mut history) = (Policy::transient(), History::default());
    for _ in 0..3 {
        decide(&policy, &mut history, 0);
    }
    assert!(!history.is_quiet(&policy, 61 * SECOND - 1));
    assert!(history.is_quiet(&policy, 61 * SECOND));
    assert_eq!(decide(&policy, &mut history, 61 * SECOND), RestartDecision::Done);
}
