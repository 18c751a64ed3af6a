//! Two nodes under one id, and one that comes again under its own.

use serde_json::Value;

use super::nodes::cluster;
use crate::support::{SOON, Site, TestNode, Viewer, eventually};

const NEWS: &str = "another node that lives has this node's name";
const OVER: &str = "no other node has this node's name any more";
const TWIN: (&str, &str) = ("RUNCAST__SERVER__NODE_ID", "twin");
const OTHER: (&str, &str) = ("RUNCAST__SERVER__NODE_ID", "other");
const REPORTS: (&str, &str) = ("RUNCAST__PRESENCE__REPORT_SECS", "1");

/// What `/ready` warns of, as far as names are concerned.
async fn warnings(node: &Site) -> Vec<Value> {
    let ready = node.get("/ready").await;
    assert_eq!(ready.status, 200);
    let warnings = ready.json()["warnings"].as_array().unwrap().clone();
    warnings.into_iter().filter(|warning| warning.as_str().unwrap().contains("has the name")).collect()
}

/// What `node` sees of the one named twin: its connections and its uptime.
async fn twin(node: &Site) -> Option<(u64, u64)> {
    let stats = node.get_json("/api/ws/stats").await;
    let twin = stats["nodes"].as_array().unwrap().iter().find(|node| node["serverId"] == "twin")?;
    Some((twin["connections"].as_u64().unwrap(), twin["uptime"].as_u64().unwrap()))
}

#[tokio::test]
async fn two_nodes_with_one_name_say_so_once_and_take_it_back_when_one_has_gone() {
    let mut cluster = cluster(0, &[REPORTS, ("RUNCAST__PRESENCE__TTL_SECS", "3")]).await;
    cluster.add_node_with(&[OTHER]);
    cluster.add_node_with(&[TWIN]);
    cluster.add_node_with(&[TWIN]);
    cluster.nodes[1..].iter_mut().for_each(TestNode::may_report);
    let [other, one, two] = &mut cluster.nodes[..] else { panic!("three nodes") };
    for node in [&*one, two] {
        let warned = eventually!(warnings(node).await, |warnings| !warnings.is_empty(), SOON);
        assert!(warned[0].as_str().unwrap().contains("twin"), "{warned:?}");
    }
    // They go on reporting, and say no more.
    let (_, uptime) = twin(other).await.unwrap();
    eventually!(twin(other).await, |twin| twin.is_some_and(|(_, now)| now >= uptime + 4), SOON);
    for node in [&*one, two] {
        assert_eq!(node.log().matches(NEWS).count(), 1, "{}", node.log());
        assert_eq!(node.log().matches(OVER).count(), 0, "{}", node.log());
    }
    assert_eq!(warnings(other).await, [""; 0]);

    two.kill9();
    eventually!(warnings(one).await, |warnings| warnings.is_empty(), SOON);
    eventually!(one.log().matches(OVER).count(), |count| *count == 1, SOON);
    assert_eq!(one.errors().len(), 1, "{}", one.log());
}

#[tokio::test]
async fn a_node_that_was_killed_comes_again_at_once_under_its_name() {
    let mut cluster = cluster(0, &[REPORTS, ("RUNCAST__PRESENCE__TTL_SECS", "3600")]).await;
    cluster.add_node_with(&[OTHER]);
    cluster.add_node_with(&[TWIN]);
    let [other, node] = &mut cluster.nodes[..] else { panic!("two nodes") };
    let _viewer = Viewer::join(node, "r").await;
    eventually!(twin(other).await, |twin| twin.is_some_and(|(connections, _)| connections == 1), SOON);
    node.kill9();
    node.restart_in_place();
    // Its new instance has told of itself again and again.
    eventually!(twin(other).await, |twin| twin.is_some_and(|twin| twin.0 == 0 && twin.1 >= 4), SOON);
    assert_eq!(warnings(node).await, [""; 0]);
    assert_eq!(node.errors(), [""; 0]);
}
