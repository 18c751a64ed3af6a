//! A live trace in a cluster: taken in by one node, watched on another, and the first one dies.

use serde_json::json;

use super::support::{Cluster, S3Server, SOON, TraceViewer, eventually, post_trace};

#[tokio::test]
async fn a_trace_is_watched_on_another_node_and_survives_the_death_of_the_one_that_took_it_in() {
    let server = S3Server::start();
    let store = server.settings();
    let quick = [
        ("RUNCAST__ARTIFACTS__LIVE_TRACE_POSTS_PER_SEC", "1000"),
        ("RUNCAST__ARTIFACTS__LIVE_TRACE_POLL_MS", "50"),
        ("RUNCAST__ARTIFACTS__LIVE_TRACE_UPDATE_MS", "50"),
    ];
    let settings: Vec<_> = store.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(quick).collect();
    let mut cluster = Cluster::start_with(2, &[], &settings).await;
    let mut viewer = TraceViewer::start(&cluster.nodes[1], "r").await;
    let a = &cluster.nodes[0];
    // A producer is told so, whichever node it posts to.
    let log = ["{\"type\":\"log\",\"text\":\"x\"}".to_owned()];
    eventually!(a.store("r", &log).await["hints"]["traces"].clone(), |traces| *traces == json!(["t"]), SOON);
    let told = a.get_json("/api/runs/r/viewers?details=1").await;
    assert_eq!((&told["viewers"], &told["sessions"]), (&json!(0), &json!([])), "nobody watches the run itself");
    assert_eq!(post_trace(a, "r", &[("a.trace", 0, "{0}\n"), ("resources/a.png", 0, "png")]).await.status, 202);
    viewer.loads_until(&cluster.nodes[1], "a.trace", "{0}\n").await;
    assert_eq!(post_trace(a, "r", &[("a.trace", 4, "{1}\n")]).await.status, 202);
    viewer.loads_until(&cluster.nodes[1], "a.trace", "{0}\n{1}\n").await;

    // The producer does not know whether its last batch was stored, and repeats it at the other node.
    assert_eq!(post_trace(a, "r", &[("a.trace", 8, "{2}\n")]).await.status, 202);
    cluster.nodes[0].kill9();
    let b = &cluster.nodes[1];
    let repeated = post_trace(b, "r", &[("a.trace", 8, "{2}\n"), ("a.trace", 12, "{3}\n")]).await;
    assert_eq!(repeated.json()["entries"], json!({"a.trace": 16}), "{repeated:?}");
    viewer.loads_until(b, "a.trace", "{0}\n{1}\n{2}\n{3}\n").await;
    let gap = post_trace(b, "r", &[("a.trace", 99, "{}\n")]).await;
    gap.problem(409, "live_trace_gap");
    assert_eq!(gap.json()["expected"], json!({"a.trace": 16}));
    cluster.nodes[0].restart_in_place();
    let back = TraceViewer::start(&cluster.nodes[0], "r").await.loads(&cluster.nodes[0], "a.trace").await;
    assert_eq!(back.1, "{0}\n{1}\n{2}\n{3}\n");
}
