//! The SQLite journal under faults: killed, power lost, restored, full, locked.

use std::path::Path;

use futures_util::FutureExt as _;
use runcast::protocol::lineage::Resume;
use runcast::protocol::status::RunStatus;
use runcast::protocol::{After, Cursor, Epoch, Seq};
use runcast::storage::journal::sqlite::{MAX_RUN_BYTES, SqliteJournal, SqliteOptions, SyncMode};
use runcast::storage::journal::{Head, Journal, JournalError, JournalLimits, Post, RunPhase};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tempfile::TempDir;

use super::words::*;

pub(super) fn options(dir: &Path, boot: &str) -> SqliteOptions {
    SqliteOptions { boot_id: Some(boot.into()), ..SqliteOptions::new(dir.join("journal.db"), ROOMY) }
}

pub(super) async fn open(dir: &Path, boot: &str) -> SqliteJournal {
    SqliteJournal::open(options(dir, boot)).await.unwrap()
}

/// The journal's files as a crash at this moment would leave them.
fn crash_copy(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal", "journal.db-instance"] {
        if dir.join(name).exists() {
            std::fs::copy(dir.join(name), copy.path().join(name)).unwrap();
        }
    }
    copy
}

pub(super) async fn post_to(journal: &dyn Journal, name: &str, one: Post) -> Result<Head, JournalError> {
    let stored = journal.append(append(journal, name, vec![one])).await?;
    assert_eq!(stored.outcomes.iter().find(|outcome| outcome.is_err()), None);
    Ok(stored.head)
}

fn resume(head: &Head, epoch: Epoch, seq: Seq) -> Resume {
    head.lineage.resolve(After::Cursor(Cursor { epoch: Some(epoch), seq }), head.tip)
}

/// A connection beside the journal's, as a tool or a copy in the making would have.
pub(super) async fn outsider(dir: &Path) -> SqliteConnection {
    SqliteConnection::connect(dir.join("journal.db").to_str().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_clean_restart_keeps_everything_and_the_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    post_to(&journal, "r", post("a", 1..=5)).await.unwrap();
    let before = post_to(&journal, "r", status_post("s", 1, RunStatus::Running)).await.unwrap();
    post_to(&journal, "sealed", seal_post("room", 1)).await.unwrap();
    let written = log(&journal, "r").await;
    journal.close().await;

    let journal = open(dir.path(), "another boot").await;
    assert_eq!(journal.head(&run("r")).await.unwrap(), before);
    assert_eq!(journal.head(&run("sealed")).await.unwrap().phase, RunPhase::Sealed);
    assert_eq!(log(&journal, "r").await, written);
    let outcomes = journal.append(append(&journal, "r", vec![post("a", 4..=6), seal_post("x", 1)])).await.unwrap();
    assert_eq!(outcomes.outcomes[0].as_ref().unwrap().duplicates, 2, "marks too");
    assert_eq!(outcomes.head.lineage, before.lineage);
    journal.close().await;
}

#[tokio::test]
async fn a_killed_process_loses_nothing_and_the_epoch_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    let before = post_to(&journal, "r", post("a", 1..=5)).await.unwrap();
    let crashed = crash_copy(dir.path());
    let journal = open(crashed.path(), "boot").await;
    assert_eq!(journal.head(&run("r")).await.unwrap(), before);
    assert_eq!(post_to(&journal, "r", post("a", 6..=6)).await.unwrap().lineage, before.lineage);
    assert_eq!(log(&journal, "r").await.len(), 6);
}

#[tokio::test]
async fn after_a_power_loss_lost_seqs_are_told_again_only_in_a_new_epoch() {
    for sync in [SyncMode::Normal, SyncMode::Full] {
        let dir = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(SqliteOptions { sync, ..options(dir.path(), "boot") }).await.unwrap();
        let old = post_to(&journal, "r", post("a", 1..=10)).await.unwrap().lineage.epoch().unwrap();
        let crashed = crash_copy(dir.path());
        post_to(&journal, "r", post("a", 11..=15)).await.unwrap();
        post_to(&journal, "lost", post("a", 1..=3)).await.unwrap();

        let journal = open(crashed.path(), "next boot").await;
        let head = journal.head(&run("r")).await.unwrap();
        let new = head.lineage.epoch().unwrap();
        assert_eq!(head.lineage.entries(), [(old, 1), (new, 11)], "shown before it is used");
        assert!(new > old);
        assert_eq!(journal.settled_head(&run("r")).await.unwrap(), head);
        assert_eq!(resume(&head, old, 10), Resume::Continue { next: 11 });
        assert_eq!(resume(&head, old, 15), Resume::Reset { from: 11 });

        let outcomes = journal.append(append(&journal, "r", vec![post("b", 1..=1), post("a", 11..=15)])).await.unwrap();
        assert_eq!(outcomes.head.lineage, head.lineage);
        assert_eq!((outcomes.segments[0].first(), outcomes.segments[0].epoch()), (11, new));
        assert_eq!(outcomes.outcomes[1].as_ref().unwrap().stored, 5, "what was lost can be posted again");
        let reborn = journal.head(&run("lost")).await.unwrap();
        assert_eq!(reborn, Head::unborn());
        assert_eq!(resume(&reborn, old, 3), Resume::Reset { from: 1 });
        let reborn = post_to(&journal, "lost", post("b", 1..=9)).await.unwrap();
        assert_eq!(resume(&reborn, old, 3), Resume::Reset { from: 1 }, "what it saw is not what is there now");

        // The entry is stored: a restart without doubt shows the same.
        journal.close().await;
        let journal = open(crashed.path(), "next boot").await;
        assert_eq!(journal.head(&run("r")).await.unwrap(), outcomes.head);
    }
}

#[tokio::test]
async fn an_older_copy_put_back_is_noticed_even_if_it_was_closed_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    let old = post_to(&journal, "r", post("a", 1..=10)).await.unwrap().lineage.epoch().unwrap();
    journal.close().await;
    let copy = crash_copy(dir.path());
    let journal = open(dir.path(), "boot").await;
    post_to(&journal, "r", post("a", 11..=20)).await.unwrap();
    journal.close().await;

    std::fs::copy(copy.path().join("journal.db"), dir.path().join("journal.db")).unwrap();
    let journal = open(dir.path(), "boot").await;
    let head = journal.head(&run("r")).await.unwrap();
    assert_eq!(resume(&head, old, 20), Resume::Reset { from: 11 });
    assert_eq!(resume(&head, old, 10), Resume::Continue { next: 11 });
}

#[tokio::test]
async fn a_start_that_failed_or_was_killed_before_it_served_opens_no_new_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let (witness, next) = (dir.path().join("journal.db-instance"), dir.path().join("journal.new"));
    let journal = open(dir.path(), "boot").await;
    let before = post_to(&journal, "r", post("a", 1..=5)).await.unwrap();
    journal.close().await;

    // The next witness cannot be written, as on a full disk.
    std::fs::create_dir(&next).unwrap();
    SqliteJournal::open(options(dir.path(), "boot")).await.unwrap_err();
    std::fs::remove_dir(&next).unwrap();
    let journal = open(dir.path(), "boot").await;
    assert_eq!(post_to(&journal, "r", post("a", 6..=6)).await.unwrap().lineage, before.lineage);
    let earlier = std::fs::read(&witness).unwrap();
    journal.close().await;

    // Killed between the row and the rename.
    open(dir.path(), "boot").await.close().await;
    std::fs::rename(&witness, &next).unwrap();
    std::fs::write(&witness, earlier).unwrap();
    let journal = open(dir.path(), "boot").await;
    assert_eq!(post_to(&journal, "r", post("a", 7..=7)).await.unwrap().lineage, before.lineage);
    assert!(!next.exists());
    journal.close().await;

    // The same, and the witness was deleted as docs/operations.md asks of a directory that was put back.
    std::fs::rename(&witness, &next).unwrap();
    let journal = open(dir.path(), "boot").await;
    assert!(post_to(&journal, "r", post("a", 8..=8)).await.unwrap().lineage.epoch() > before.lineage.epoch());
}

#[tokio::test]
async fn an_unborn_epoch_is_never_given_out_twice() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), "0").await);
    let mut last = Epoch(0);
    for boot in 1..6 {
        let crashed = crash_copy(dir.path());
        let journal = open(crashed.path(), &boot.to_string()).await;
        let epoch = post_to(&journal, "r", post("a", boot..=boot)).await.unwrap().lineage.epoch().unwrap();
        assert!(epoch > last);
        last = epoch;
        journal.close().await;
        for name in ["journal.db", "journal.db-instance"] {
            std::fs::copy(crashed.path().join(name), dir.path().join(name)).unwrap();
        }
        let mut database = outsider(dir.path()).await;
        database.execute("UPDATE meta SET value = '0' WHERE key = 'clean'").await.unwrap();
        database.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_full_database_refuses_appends_reads_on_and_recovers_by_expiry() {
    let dir = tempfile::tempdir().unwrap();
    let small = SqliteOptions { max_db_bytes: Some(2 << 20), ..options(dir.path(), "boot") };
    let journal = SqliteJournal::open(small).await.unwrap();
    let big = |n: u64| {
        let event = format!(r#"{{"type":"log","n":{n},"text":"{}"}}"#, "x".repeat(60_000));
        post_of("a", n, &[event])
    };
    let mut stored = 0;
    let full = loop {
        match post_to(&journal, "old", big(stored + 1)).await {
            Ok(head) => stored = head.tip,
            Err(error) => break error,
        }
    };
    assert!(matches!(&full, JournalError::Unavailable(reason) if reason.contains("full")), "{full:?}");
    assert!((20..40).contains(&stored), "{stored}");
    assert!(is_unavailable(&journal.probe().await));
    assert_eq!(log(&journal, "old").await.len() as u64, stored);
    assert!(is_unavailable(&post_to(&journal, "old", big(stored + 1)).await), "and again");
    assert_eq!(journal.settled_head(&run("old")).await.unwrap().tip, stored);

    post_to(&journal, "old", status_post("s", 1, RunStatus::Passed)).await.unwrap();
    let expired = journal.expire(journal.now().plus_millis(1), 10).await.unwrap();
    assert_eq!(expired.runs, [run("old")]);
    journal.probe().await.unwrap();
    assert_eq!(post_to(&journal, "new", big(1)).await.unwrap().tip, 1);
    journal.close().await;
}

#[tokio::test]
async fn a_disk_with_too_little_free_space_refuses_appends_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let greedy = SqliteOptions { min_free_bytes: u64::MAX, ..options(dir.path(), "boot") };
    let journal = SqliteJournal::open(greedy).await.unwrap();
    let refused = post_to(&journal, "r", post("a", 1..=1)).await.unwrap_err();
    assert!(refused.to_string().contains("journal.min_free_bytes"), "{refused}");
    assert!(is_unavailable(&journal.probe().await));
    assert_eq!(journal.head(&run("r")).await.unwrap(), Head::unborn());
}

#[tokio::test]
async fn a_full_write_queue_saturates_and_stores_nothing_of_what_it_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tight = SqliteOptions { queue_appends: 4, queue_bytes: 10_000, ..options(dir.path(), "boot") };
    let journal = SqliteJournal::open(tight).await.unwrap();
    let sized = |n: usize, len: usize| {
        let event = format!(r#"{{"type":"log","x":"{}"}}"#, "x".repeat(len));
        journal.append(append(&journal, "r", vec![post_of(&format!("p{n}"), 1, &[event])]))
    };
    // The writer shares this thread: it takes nothing before the first await that waits.
    let mut queued: Vec<_> = (0..4).map(|n| sized(n, 10)).collect();
    for append in &mut queued {
        assert!(append.now_or_never().is_none());
    }
    assert_eq!(sized(4, 10).now_or_never().unwrap().unwrap_err(), JournalError::Saturated, "too many");
    for stored in futures_util::future::join_all(queued).await {
        assert_eq!(stored.unwrap().outcomes[0].as_ref().unwrap().stored, 1);
    }

    let mut queued = sized(5, 9_000);
    assert!((&mut queued).now_or_never().is_none());
    assert_eq!(sized(6, 2_000).now_or_never().unwrap().unwrap_err(), JournalError::Saturated, "too large together");
    queued.await.unwrap();
    sized(7, 50_000).await.unwrap();
    assert_eq!(log(&journal, "r").await.len(), 6);
}

#[tokio::test]
async fn a_failed_transaction_is_unavailable_for_its_group_and_the_writer_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    post_to(&journal, "r", post("a", 1..=3)).await.unwrap();
    let mut outsider = outsider(dir.path()).await;
    outsider.execute("ALTER TABLE producers RENAME TO hidden").await.unwrap();
    for _ in 0..3 {
        let both = [append(&journal, "r", vec![post("a", 4..=4)]), append(&journal, "s", vec![post("a", 1..=1)])];
        let both = futures_util::future::join_all(both.map(|append| journal.append(append))).await;
        assert!(both.iter().all(is_unavailable), "{both:?}");
    }
    assert!(is_unavailable(&journal.settled_head(&run("r")).await));
    assert_eq!(log(&journal, "r").await.len(), 3);

    outsider.execute("ALTER TABLE hidden RENAME TO producers").await.unwrap();
    journal.probe().await.unwrap();
    assert_eq!(post_to(&journal, "r", post("a", 4..=4)).await.unwrap().tip, 4);
    assert_eq!(journal.head(&run("s")).await.unwrap(), Head::unborn());
    assert_eq!(post_to(&journal, "s", post("a", 1..=1)).await.unwrap().tip, 1);
}

#[tokio::test]
async fn a_run_limit_beyond_what_keys_hold_is_refused_at_open() {
    let dir = tempfile::tempdir().unwrap();
    let limits = JournalLimits { max_run_bytes: MAX_RUN_BYTES + 1, ..ROOMY };
    let refused = SqliteJournal::open(SqliteOptions::new(dir.path().join("journal.db"), limits)).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("journal.max_run_bytes")));
}

#[tokio::test]
async fn runs_that_outgrow_the_memory_of_heads_stay_right() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), "boot").await;
    for round in 1..=2 {
        for chunk in (0..70).collect::<Vec<u64>>().chunks(10) {
            let appends = chunk.iter().map(|n| {
                let posts = (0..1000).map(|p| post(&format!("p{p}"), round..=round)).collect();
                journal.append(append(&journal, &format!("r{n}"), posts))
            });
            for stored in futures_util::future::join_all(appends).await {
                assert_eq!(stored.unwrap().head.tip, round * 1000);
            }
        }
    }
    assert_eq!(journal.head(&run("r0")).await.unwrap().tip, 2000);
}
