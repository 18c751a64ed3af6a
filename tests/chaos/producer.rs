//! A producer that numbers its events, and repeats each post at any node until it is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use crate::support::{Dice, Reply, Site, without_seq};

/// Longest wait for an answer: longer than a node takes to refuse, shorter than some are frozen.
const ATTEMPT: Duration = Duration::from_secs(4);

/// A post that was acknowledged.
pub(crate) struct Acknowledged {
    /// When it was sent first, and when its acknowledgement had come.
    pub(crate) sent: Instant,
    pub(crate) acknowledged: Instant,
    /// Seq of its first event; `None` when the answer says that all of it was there already.
    pub(crate) first: Option<u64>,
    pub(crate) lines: Vec<String>,
}

/// All that one producer did.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) posts: Vec<Acknowledged>,
    /// Requests that were refused, and those whose outcome stayed unknown.
    pub(crate) refused: u64,
    pub(crate) unanswered: u64,
    /// Reads that showed what had been acknowledged just before.
    pub(crate) reads: u64,
}

/// Posts to `run` until told to stop, and finishes the post that it is at.
pub(crate) async fn produce(
    sites: Arc<[Site]>,
    run: String,
    number: u64,
    stop: Arc<AtomicBool>,
    mut dice: Dice,
) -> History {
    let (producer, path) = (format!("producer-{number}"), format!("/api/runs/{run}/events"));
    let (mut history, mut n) = (History::default(), 1);
    while !stop.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(dice.below(500))).await;
        let pad = "x".repeat(dice.below(400) as usize);
        let event = |i| format!(r#"{{"type":"log","timestamp":"t","producer":{number},"n":{i},"pad":"{pad}"}}"#);
        let lines: Vec<_> = (n..=n + dice.below(4)).map(event).collect();
        let seq = n.to_string();
        let headers = [
            ("content-type", "application/x-ndjson"),
            ("runcast-producer", producer.as_str()),
            ("runcast-producer-seq", seq.as_str()),
        ];
        let sent = Instant::now();
        let answer = loop {
            let site = &sites[dice.below(sites.len() as u64) as usize];
            match timeout(ATTEMPT, site.try_send("POST", &path, &headers, lines.join("\n"))).await {
                Ok(Ok(reply)) if reply.status == 202 => break reply.json(),
                Ok(Ok(reply)) => {
                    // 408: a node that was frozen finds that the request's head was too long in coming, and has not
                    // read it.
                    assert!(matches!(reply.status, 408 | 503), "{producer} posts from {n}: {reply:?}");
                    history.refused += 1;
                }
                _ => history.unanswered += 1,
            }
            sleep(Duration::from_millis(20 + dice.below(200))).await;
        };
        let count = |field: &str| answer[field].as_u64().unwrap_or_else(|| panic!("{producer}: no {field}: {answer}"));
        let stored = count("stored");
        assert_eq!(stored + count("duplicates"), lines.len() as u64, "{producer}: {answer}");
        assert!(stored == 0 || stored == lines.len() as u64, "{producer}: a post is stored whole: {answer}");
        let first = answer["firstSeq"].as_u64();
        assert_eq!(first.is_some(), stored > 0, "{producer}: {answer}");
        n += lines.len() as u64;
        history.posts.push(Acknowledged { sent, acknowledged: Instant::now(), first, lines });
        if dice.below(8) == 0 {
            history.reads += u64::from(read_back(&sites, &path, history.posts.last().unwrap(), &mut dice).await);
        }
    }
    history
}

/// Reads, at any node, the seq that an answer named: a node that does not hear of the others may not know it yet, but
/// no node may know another event by it. Whether it was there.
async fn read_back(sites: &[Site], path: &str, post: &Acknowledged, dice: &mut Dice) -> bool {
    let Some(first) = post.first else { return false };
    let site = &sites[dice.below(sites.len() as u64) as usize];
    let path = format!("{path}?after={}&limit=1", first - 1);
    let headers = [("accept", "application/x-ndjson")];
    match timeout(ATTEMPT, site.try_send("GET", &path, &headers, "")).await {
        Ok(Ok(Reply { status: 200, text, .. })) if !text.is_empty() => {
            assert_eq!(without_seq(text.trim_end()), (first, post.lines[0].clone()), "{path}");
            true
        }
        _ => false,
    }
}
