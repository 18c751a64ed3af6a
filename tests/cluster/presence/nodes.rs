//! What the nodes of a cluster say of each other, and what one alone says of itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Cluster, EventStream, SOON, Site, TestNode, Viewer, eventually, exchange, numbered};

/// A node that stops telling is gone after two seconds.
pub(crate) const QUICK: [(&str, &str); 2] =
    [("RUNCAST__PRESENCE__REPORT_SECS", "1"), ("RUNCAST__PRESENCE__TTL_SECS", "2")];
/// A node that stops telling is gone after an hour: later than any test.
const SLOW: [(&str, &str); 1] = [("RUNCAST__PRESENCE__TTL_SECS", "3600")];

/// A cluster whose Redis keeps nothing on disk.
pub(crate) async fn cluster(nodes: usize, settings: &[(&str, &str)]) -> Cluster {
    Cluster::start_with(nodes, &[], settings).await
}

pub(crate) async fn id(node: &Site) -> String {
    node.get_json("/api/ws/stats").await["serverId"].as_str().unwrap().to_owned()
}

/// Waits until `node` counts so many connections in the cluster; its figures.
pub(crate) async fn counts(node: &Site, connections: u64) -> Value {
    let stats = async || node.get_json("/api/ws/stats").await;
    eventually!(stats().await, |stats| stats["redisConnections"] == connections, SOON)
}

pub(crate) async fn viewers(node: &Site, run: &str) -> Value {
    node.get_json(&format!("/api/runs/{run}/viewers")).await
}

#[tokio::test]
async fn the_figures_of_three_nodes_add_up() {
    let cluster = cluster(3, &[]).await;
    let [a, b, c] = &cluster.nodes[..] else { panic!("three nodes") };
    let mut first = Viewer::join(a, "r").await;
    let _second = Viewer::join(a, "r").await;
    let _third = Viewer::join(b, "r").await;
    let _streamed = EventStream::open(c, "/api/runs/s/events/stream", "").await;
    let ids = [id(a).await, id(b).await, id(c).await];
    for (index, node) in cluster.nodes.iter().enumerate() {
        let stats = counts(node, 4).await;
        assert_eq!((&stats["serverId"], &stats["othersUnknown"]), (&json!(ids[index]), &Value::Null));
        assert_eq!(stats["localConnections"], [2, 1, 1][index]);
        let nodes = stats["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 3, "{stats}");
        for node in nodes {
            let index = ids.iter().position(|id| node["serverId"] == *id).unwrap();
            assert_eq!((&node["connections"], &node["activeRuns"]), (&json!([2, 1, 1][index]), &json!(1)), "{stats}");
            assert!(node["uptime"].is_u64(), "{stats}");
        }
        let seen = viewers(node, "r").await;
        let nodes = json!({&ids[0]: 2, &ids[1]: 1, &ids[2]: 0});
        assert_eq!(seen, json!({"runId": "r", "viewers": 3, "nodes": nodes, "othersUnknown": null}));
        eventually!(node.metric("runcast_nodes").await, |nodes| *nodes == 3.0, SOON);
    }
    first.leave().await;
    counts(c, 3).await;
    assert_eq!(viewers(c, "r").await["viewers"], 2);
}

#[tokio::test]
async fn a_producer_hears_how_many_watch_on_all_nodes() {
    let cluster = cluster(3, &[]).await;
    let [a, b, c] = &cluster.nodes[..] else { panic!("three nodes") };
    let _viewers = (Viewer::join(a, "r").await, Viewer::join(b, "r").await, Viewer::join(c, "r").await);
    let first = a.store("r", &numbered(1, 1, 0)).await;
    assert_eq!(first["viewers"], Value::Null, "nobody has asked for this run before");
    let post = async || a.store("r", &numbered(2, 1, 0)).await;
    eventually!(post().await["viewers"].clone(), |viewers| *viewers == 3, SOON);
    assert_eq!(a.get_json("/api/runs/r").await["viewers"], 3);
}

#[tokio::test]
async fn viewers_are_listed_with_what_they_said_up_to_the_limit() {
    let cluster = cluster(2, &[]).await;
    let [a, b] = &cluster.nodes[..] else { panic!("two nodes") };
    let ann = Viewer::join_at(b, "/ws/test-control?runId=r&userId=Ann%20%22A%22").await;
    let others = [Viewer::join(b, "r").await, Viewer::join(a, "r").await];
    let _elsewhere = Viewer::join(b, "r:x").await;
    counts(a, 4).await;
    let list = async |limit: usize| a.get_json(&format!("/api/runs/r/viewers?details=1&limit={limit}")).await;
    let whole = list(3).await;
    assert_eq!((&whole["viewers"], &whole["more"]), (&json!(3), &json!(false)), "{whole}");
    let sessions = whole["sessions"].as_array().unwrap();
    let listed: BTreeSet<_> = sessions.iter().map(|session| session["sessionId"].as_str().unwrap()).collect();
    let joined = [&ann, &others[0], &others[1]].map(|viewer| viewer.connected["sessionId"].as_str().unwrap());
    assert_eq!(listed, BTreeSet::from(joined));
    let session = sessions.iter().find(|session| session["sessionId"] == ann.connected["sessionId"]).unwrap();
    assert_eq!((&session["userId"], &session["serverId"]), (&json!("Ann \"A\""), &json!(id(b).await)));
    assert!(session["since"].as_str().unwrap() <= ann.connected["timestamp"].as_str().unwrap(), "{session}");
    assert_eq!(sessions.iter().filter(|session| session["userId"].is_null()).count(), 2);

    for limit in [1, 2] {
        let part = list(limit).await;
        assert_eq!((part["sessions"].as_array().unwrap().len(), &part["more"]), (limit, &json!(true)));
        assert_eq!(part["viewers"], 3);
    }
    for limit in ["0", "1001"] {
        let detail = a.get(&format!("/api/runs/r/viewers?details=1&limit={limit}")).await.problem(400, "invalid_limit");
        assert!(detail.contains("1 to 1000"), "{detail}");
    }
}

#[tokio::test]
async fn a_node_that_was_killed_takes_its_connections_with_it() {
    let mut cluster = cluster(2, &QUICK).await;
    let _viewers = (Viewer::join(&cluster.nodes[0], "r").await, Viewer::join(&cluster.nodes[1], "r").await);
    counts(&cluster.nodes[0], 2).await;
    cluster.nodes[1].kill9();
    let stats = counts(&cluster.nodes[0], 1).await;
    assert_eq!(stats["nodes"].as_array().unwrap().len(), 1, "{stats}");
    let seen = viewers(&cluster.nodes[0], "r").await;
    assert_eq!((&seen["viewers"], seen["nodes"].as_object().unwrap().len()), (&json!(1), 1), "{seen}");
}

#[tokio::test]
async fn a_node_that_stops_is_gone_at_once() {
    let mut cluster = cluster(2, &SLOW).await;
    let mut viewer = Viewer::join(&cluster.nodes[1], "r").await;
    counts(&cluster.nodes[0], 1).await;
    viewer.vanish();
    cluster.nodes[1].terminate().await.assert_clean(false);
    let seen = viewers(&cluster.nodes[0], "r").await;
    assert_eq!((&seen["viewers"], seen["nodes"].as_object().unwrap().len()), (&json!(0), 1), "{seen}");
    let stats = async || cluster.nodes[0].get_json("/api/ws/stats").await["nodes"].as_array().unwrap().len();
    eventually!(stats().await, |nodes| *nodes == 1, SOON);
}

#[tokio::test]
async fn a_node_alone_knows_its_viewers_without_redis() {
    let node = TestNode::start(&[]);
    let viewer = Viewer::join_at(&node, "/ws/test-control?runId=r&userId=ann").await;
    let _other = Viewer::join(&node, "s").await;
    let own = id(&node).await;
    let seen = node.get_json("/api/runs/r/viewers?details=1").await;
    assert_eq!((&seen["viewers"], &seen["nodes"]), (&json!(1), &json!({&own: 1})), "{seen}");
    let session = &seen["sessions"][0];
    assert_eq!((&session["sessionId"], &session["userId"]), (&viewer.connected["sessionId"], &json!("ann")));
    assert_eq!(viewers(&node, "nobody").await["viewers"], 0);
    let stats = node.get_json("/api/ws/stats").await;
    assert_eq!((&stats["redisConnections"], &stats["othersUnknown"]), (&json!(2), &Value::Null));
    assert_eq!(
        stats["nodes"],
        json!([{"serverId": own, "connections": 2, "activeRuns": 2, "uptime": stats["uptime"]}])
    );
}

#[tokio::test]
async fn a_user_that_is_no_short_text_is_refused() {
    let node = TestNode::start(&[]);
    for (user, wanted) in [("u".repeat(129), "at most 128 bytes"), ("a%0Ab".to_owned(), "control characters")] {
        let request = format!(
            "GET /ws/test-control?runId=r&userId={user} HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let answer = exchange(&node, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"invalid_user_id\""), "{answer}");
        assert!(answer.contains("userId") && answer.contains(wanted), "{answer}");
    }
}
