//! Parts of a run's log that somebody looks for: filtered pages, earlier states, searches, timelines.

mod pages;
mod search;
mod states;

use crate::support::{TestNode, recorded_posts};

/// Posts the run that was recorded of four producers; its number of events.
async fn post_recorded_run(node: &TestNode, run: &str) -> u64 {
    let mut count = 0;
    for post in recorded_posts() {
        let headers = post.headers();
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(node.post_ndjson(run, &post.events, &headers).await.status, 202);
        count += post.events.len() as u64;
    }
    count
}
