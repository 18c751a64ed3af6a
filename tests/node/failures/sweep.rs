//! Runs that can't be closed, under a running node.
//! Promised in docs/reliability.md, "Abuse".

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use runcast::protocol::RunId;
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::{Append, Journal as _, JournalError, JournalLimits, RunPhase};
use serde_json::json;

use crate::failures::faulty_journal::{Fault, FaultyJournal};
use crate::failures::node::{LocalNode, PATIENCE, run, storage};
use crate::support::eventually;

/// None of the runs "stuck-.." is sealed; how often each was to be.
#[derive(Default)]
struct Stuck(Mutex<HashMap<RunId, usize>>);

impl Fault for Stuck {
    fn before_append(&self, append: &Append) -> Result<(), JournalError> {
        let seals = append.posts.iter().any(|post| post.seals);
        if seals && append.run.as_str().starts_with("stuck-") {
            *self.0.lock().unwrap().entry(append.run.clone()).or_default() += 1;
            return Err(JournalError::Unavailable("stuck".into()));
        }
        Ok(())
    }
}

#[tokio::test]
async fn runs_that_can_not_be_closed_do_not_hold_up_four_others() {
    // More than one sweep goes through: ten steps of two runs.
    const STUCK: usize = 25;
    let limits = JournalLimits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(3_600) };
    let journal = Arc::new(FaultyJournal { inner: MemoryJournal::new(limits), fault: Stuck::default() });
    let stuck = journal.clone();
    let node = LocalNode::start(
        |config| {
            config.journal.sweep_secs = 1;
            config.journal.sweep_batch = 2;
            config.journal.seal_hours = 0;
        },
        move || storage(stuck).boxed_local(),
    )
    .await;
    let ended = json!({"type": "run_status", "status": "failed"});
    for n in 0..STUCK {
        assert_eq!(node.post(&format!("stuck-{n}"), &ended).await.0, 202);
    }
    for n in 0..4 {
        assert_eq!(node.post(&format!("ordinary-{n}"), &ended).await.0, 202);
    }
    let sealed = async |name: &str| journal.head(&run(name)).await.unwrap().phase == RunPhase::Sealed;
    for n in 0..4 {
        eventually!(sealed(&format!("ordinary-{n}")).await, |sealed| *sealed, PATIENCE);
    }
    let tried = || journal.fault.0.lock().unwrap().values().filter(|times| **times >= 2).count();
    eventually!(tried(), |tried| *tried >= STUCK, PATIENCE);
    node.stop();
}
