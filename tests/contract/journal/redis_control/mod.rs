//! A run's control in Redis where several nodes change it, and where the store fails.

use std::time::Duration;

use futures_util::future::{join, join_all};
use runcast::protocol::event::stamp::{Stamp, StampKind};
use runcast::protocol::status::RunStatus;
use runcast::protocol::{Cursor, ProducerId, Seq, Timestamp};
use runcast::storage::journal::redis::RedisJournal;
use runcast::storage::journal::{
    ControlPost, Head, Journal, JournalError, JournalLimits, OnGap, Post, Refusal, Stored,
};

use super::redis::{head, journal, journal_with, store};
use super::words::{ROOMY, append, joins, lines, log, post, post_of, run, says, status_post};
use crate::support::{FaultProxy, RedisServer, SOON, WallClock, eventually};

mod deciding;
mod keeping;

const NODES: [&str; 2] = ["a", "b"];

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A viewer's command that is stored in any case.
fn command(name: &str) -> Post {
    let control = ControlPost { steers: true, ..ControlPost::default() };
    Post {
        producer: ProducerId::own(name),
        on_gap: OnGap::Allow,
        lines: lines(&[format!(r#"{{"type":"pause_requested","commandId":"{name}"}}"#)]),
        control: Some(control),
        ..post_of("p", 1, &["{}".into()])
    }
}

/// A command that is stored only while the run's last control event is this one; then it is due at that time.
fn decision(name: &str, seen: Option<Cursor>, due: Option<Timestamp>) -> Post {
    let control = ControlPost { if_control: Some(seen), due, steers: true, ..ControlPost::default() };
    Post { control: Some(control), ..command(name) }
}

/// An event of a producer that has a deadline so much later.
fn reports(name: &str, n: u64, due_ms: i64) -> Post {
    let stamp = Stamp { index: 0, kind: StampKind::CommandStatus, due_ms: Some(due_ms) };
    Post { stamps: [stamp].into(), ..post_of(name, n, &[r#"{"type":"command_status"}"#.into()]) }
}

fn seqs(stored: &Stored, post: usize) -> Option<(Seq, Seq)> {
    stored.outcomes[post].as_ref().unwrap().seqs
}

/// First and last seq of each control segment after a seq.
async fn control(journal: &RedisJournal, after: Seq, max_bytes: usize) -> Vec<(Seq, Seq)> {
    let read = journal.read_control(&run("r"), after, max_bytes).await.unwrap();
    read.iter().map(|segment| (segment.first(), segment.last())).collect()
}

/// The runs that have a deadline, whenever.
async fn due(journal: &RedisJournal) -> Vec<String> {
    let due = journal.due(at(i64::MAX), 100).await.unwrap();
    due.into_iter().map(|run| run.to_string()).collect()
}

/// The run's deadline.
fn deadline(server: &RedisServer) -> String {
    server.cli(&["ZSCORE", "t:runs:due", "r"])
}

fn keys(server: &RedisServer) -> Vec<String> {
    let mut keys: Vec<_> = server.cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
    keys.sort();
    keys
}

/// Waits until what is stored is dated later than this.
async fn eventually_later(journal: &RedisJournal, time: Timestamp) {
    eventually!(journal.now(), |now| *now > time, SOON);
}

async fn two_nodes(server: &RedisServer) -> [RedisJournal; 2] {
    NODES.map(|node| journal(server.address(), node))
}
