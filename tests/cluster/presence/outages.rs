//! Redis away, silent, or back without what it had.

use serde_json::{Value, json};

use super::nodes::{QUICK, cluster, counts, id, viewers};
use crate::support::{SOON, TestNode, Viewer, eventually};

const NEWS: &str = "who is connected to the other nodes is unknown";

async fn is_alone(node: &TestNode) {
    let stats = async || node.get_json("/api/ws/stats").await;
    let stats = eventually!(stats().await, |stats| stats["redisConnections"].is_null(), SOON);
    assert!(!stats["othersUnknown"].as_str().unwrap().is_empty(), "{stats}");
    assert_eq!(stats["localConnections"], 1);
    assert_eq!(stats["nodes"].as_array().unwrap().len(), 1, "{stats}");
}

#[tokio::test]
async fn while_redis_is_away_the_others_are_unknown_which_is_logged_once() {
    let cluster = cluster(2, &QUICK).await;
    let [a, b] = &cluster.nodes[..] else { panic!("two nodes") };
    let _viewers = (Viewer::join(a, "r").await, Viewer::join(b, "r").await);
    counts(a, 2).await;
    cluster.proxy.refuse();
    cluster.proxy.cut();
    is_alone(a).await;
    assert_eq!(a.metric("runcast_nodes").await, 0.0);
    assert!(a.metric("runcast_presence_failures_total{work=\"report\"}").await >= 1.0);
    let seen = a.get_json("/api/runs/r/viewers?details=1").await;
    assert_eq!((&seen["viewers"], &seen["nodes"]), (&Value::Null, &json!({id(a).await: 1})), "{seen}");
    assert_eq!(seen["sessions"].as_array().unwrap().len(), 1, "{seen}");
    assert!(!seen["othersUnknown"].as_str().unwrap().is_empty(), "{seen}");

    // Nobody loses a viewer meanwhile, and newcomers are told of later.
    let mut third = Viewer::absent("/ws/runs/r");
    third.try_return(b).await.unwrap();
    cluster.proxy.pass();
    counts(a, 3).await;
    assert_eq!(viewers(a, "r").await["viewers"], 3);
    assert_eq!(a.log().matches(NEWS).count(), 1, "{}", a.log());
}

#[tokio::test]
async fn a_redis_that_says_nothing_leaves_the_others_unknown() {
    let cluster = cluster(2, &QUICK).await;
    let [a, b] = &cluster.nodes[..] else { panic!("two nodes") };
    let _viewers = (Viewer::join(a, "r").await, Viewer::join(b, "r").await);
    counts(a, 2).await;
    cluster.proxy.stall();
    is_alone(a).await;
    cluster.proxy.pass();
    counts(a, 2).await;
    assert_eq!(a.log().matches(NEWS).count(), 1, "{}", a.log());
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_told_everything_anew() {
    let mut cluster = cluster(2, &[("RUNCAST__PRESENCE__TTL_SECS", "3600")]).await;
    let viewers_of_b = [Viewer::join(&cluster.nodes[1], "r").await, Viewer::join(&cluster.nodes[1], "r").await];
    let _viewer = Viewer::join(&cluster.nodes[0], "s").await;
    counts(&cluster.nodes[0], 3).await;
    // The journal reports the loss as an error, which it is.
    cluster.nodes.iter_mut().for_each(TestNode::may_panic);
    cluster.redis.restart_empty().await;
    let list = async || cluster.nodes[0].get_json("/api/runs/r/viewers?details=1").await;
    let seen = eventually!(list().await, |seen| seen["viewers"] == 2, SOON);
    let mut listed: Vec<_> = seen["sessions"].as_array().unwrap().iter().map(|one| one["sessionId"].clone()).collect();
    let mut joined: Vec<_> = viewers_of_b.iter().map(|viewer| viewer.connected["sessionId"].clone()).collect();
    listed.sort_by_key(Value::to_string);
    joined.sort_by_key(Value::to_string);
    assert_eq!(listed, joined);
    counts(&cluster.nodes[0], 3).await;
}
