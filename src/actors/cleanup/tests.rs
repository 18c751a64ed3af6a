use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::artifacts::testing::{LIMITS, alone, parts_in};

const HOUR_MS: i64 = 3_600_000;

/// Artifacts in memory and in a directory, and their clock.
async fn artifacts(home: &tempfile::TempDir) -> (ArtifactService, Arc<AtomicI64>) {
    let (parts, clock) = parts_in(home.path(), LIMITS, 0).await;
    (alone(parts), clock)
}

fn rules() -> CleanupRules {
    CleanupRules {
        enabled: true,
        interval: Duration::from_secs(24 * 3_600),
        batch: 100,
        orphans: false,
        orphan_grace: Duration::ZERO,
        tombstone: tokio::sync::watch::Sender::new(Duration::ZERO),
        live_traces: Duration::from_secs(60),
    }
}

async fn due(artifacts: &ArtifactService) -> bool {
    is_due(artifacts, rules().interval).await.unwrap()
}

#[tokio::test]
async fn it_is_due_at_first_and_then_after_the_interval_whoever_ran_last() {
    let home = tempfile::tempdir().unwrap();
    let (artifacts, clock) = artifacts(&home).await;
    assert!(due(&artifacts).await, "nobody has ever cleaned up");
    run(artifacts.clone(), rules(), "another node".into(), false).await.unwrap();
    assert!(!due(&artifacts).await);
    clock.fetch_add(24 * HOUR_MS - 1, Ordering::Relaxed);
    assert!(!due(&artifacts).await);
    clock.fetch_add(1, Ordering::Relaxed);
    assert!(due(&artifacts).await);
}

#[tokio::test]
async fn a_dry_run_puts_nothing_off() {
    let home = tempfile::tempdir().unwrap();
    let (artifacts, _) = artifacts(&home).await;
    run(artifacts.clone(), rules(), "node".into(), true).await.unwrap();
    assert!(due(&artifacts).await);
}

#[tokio::test]
async fn a_run_that_did_not_do_all_is_followed_within_the_hour() {
    let home = tempfile::tempdir().unwrap();
    let (artifacts, clock) = artifacts(&home).await;
    for unfinished in
        [Swept { error: Some("the store: away".into()), ..Swept::default() }, Swept { failed: 1, ..Swept::default() }]
    {
        let last = Swept { started_at: artifacts.now().as_millis(), ..unfinished };
        artifacts.parts().catalog.note(LAST_CLEANUP, &serde_json::to_string(&last).unwrap()).await.unwrap();
        assert!(!due(&artifacts).await);
        clock.fetch_add(HOUR_MS, Ordering::Relaxed);
        assert!(due(&artifacts).await, "{last:?}");
    }
}

#[tokio::test]
async fn a_run_on_another_node_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let (artifacts, clock) = artifacts(&home).await;
    let running = Sweeping::begin(artifacts.clone(), rules(), "another node".into(), false).await.unwrap();
    let refused = run(artifacts.clone(), rules(), "node".into(), false).await;
    assert_eq!(refused, Err(SweepRefused::Running));
    assert!(run(artifacts.clone(), rules(), "node".into(), true).await.is_ok(), "looking takes no lease");
    drop(running); // as if the node were killed: its lease runs out
    clock.fetch_add(HOUR_MS, Ordering::Relaxed);
    assert!(run(artifacts, rules(), "node".into(), false).await.is_ok());
}

#[tokio::test]
async fn a_run_that_a_clock_which_was_ahead_has_dated_is_not_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let (artifacts, clock) = artifacts(&home).await;
    let at = |ahead| Swept { started_at: artifacts.now().plus_millis(ahead).as_millis(), ..Swept::default() };
    for (ahead, is_due) in [(0, false), (HOUR_MS, false), (24 * HOUR_MS, true)] {
        artifacts.parts().catalog.note(LAST_CLEANUP, &serde_json::to_string(&at(ahead)).unwrap()).await.unwrap();
        assert_eq!(due(&artifacts).await, is_due, "{ahead}");
    }
    clock.fetch_add(24 * HOUR_MS, Ordering::Relaxed);
    assert!(!due(&artifacts).await, "it is its time now");
}
