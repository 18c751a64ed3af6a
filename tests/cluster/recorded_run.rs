//! A run that was recorded of four producers: its state is the same on every node, and the one that is kept for it.

use crate::support::{Cluster, recorded_posts};
use serde_json::json;

#[tokio::test]
async fn a_recorded_run_folds_to_its_golden_states_on_every_node() {
    let cluster = Cluster::start(2).await;
    let mut seq = 0;
    for (index, post) in recorded_posts().iter().enumerate() {
        let headers = post.headers();
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let reply = cluster.nodes[index % 2].post_ndjson("r", &post.events, &headers).await;
        seq += post.events.len();
        assert_eq!((reply.status, &reply.json()["lastSeq"]), (202, &json!(seq)), "{reply:?}");
        if post.is_watched {
            for node in &cluster.nodes {
                node.check_state("r", seq).await;
            }
        }
    }
    let state = cluster.nodes[1].get_json("/api/tests/r").await;
    let producers = state["producers"].as_array().unwrap().iter();
    let shown: Vec<_> = producers.map(|one| (one["producer"].as_str().unwrap(), one["variant"].as_str())).collect();
    let linux = ["linux-1", "linux-2"].map(|id| (id, Some("linux")));
    assert_eq!(shown, [linux, ["windows-1", "windows-2"].map(|id| (id, Some("windows")))].concat());
}
