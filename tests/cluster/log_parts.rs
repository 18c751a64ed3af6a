//! Parts of a run's log in a cluster: any node has all of it at once, a Redis that forgets is noticed, and a node that
//! is busy says so.

use crate::support::{Cluster, SOON, Site, TestNode, eventually, soon};
use serde_json::{Value, json};

fn log(n: u64) -> String {
    json!({"type": if n.is_multiple_of(2) { "own" } else { "log" }, "testId": "t", "text": format!("word {n}")})
        .to_string()
}

fn seqs(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

async fn found(node: &Site, query: &str) -> Vec<u64> {
    seqs(&node.get_json(&format!("/api/runs/r/events?{query}")).await)
}

#[tokio::test]
async fn what_one_node_has_acknowledged_every_node_finds_at_once() {
    let cluster = Cluster::start(2).await;
    for n in 1..=20_u64 {
        cluster.nodes[n as usize % 2].store("r", &[log(n)]).await;
        let other = &cluster.nodes[(n as usize + 1) % 2];
        let own: Vec<_> = (1..=n).filter(|seq| seq.is_multiple_of(2)).collect();
        assert_eq!(found(other, "types=own&test=t").await, own);
        assert_eq!(found(other, "before=latest&limit=1").await, [n]);
        assert_eq!(other.get_json(&format!("/api/runs/r?at={n}")).await["events"], n);
        assert_eq!(other.get_json("/api/runs/r/timeline").await["tip"], n);
        let hits = other.get_json(&format!("/api/runs/r/search?q=word%20{n}")).await;
        assert_eq!(hits["hits"].as_array().unwrap().last().unwrap()["seq"], n);
    }
}

#[tokio::test]
async fn an_index_forgets_what_redis_has_lost() {
    let mut cluster = Cluster::start_with(
        2,
        &[],
        &[
            ("RUNCAST__REDIS__COMMAND_TIMEOUT_MS", "1000"),
            ("RUNCAST__BRIDGE__PROBE_SECS", "2"),
            ("RUNCAST__BRIDGE__TIP_CHECK_SECS", "1"),
        ],
    )
    .await;
    cluster.nodes.iter_mut().for_each(TestNode::may_report);
    cluster.nodes[0].store("r", &[log(1), log(2)]).await;
    let older = cluster.redis.snapshot();
    cluster.nodes[0].store("r", &[log(4), log(6)]).await;
    let node = &cluster.nodes[1];
    assert_eq!(found(node, "types=own").await, [2, 3, 4]);
    let cursor = node.get_json("/api/runs/r/events?types=own").await["cursor"].as_str().unwrap().to_owned();
    let epoch = cursor.split(':').next().unwrap().to_owned();
    cluster.redis.restart_with(&older).await;
    eventually!(node.post_ndjson("r", &[log(5)], &[]).await, |reply| reply.status == 202, SOON);
    assert_eq!(found(node, "types=own").await, [2]);
    assert_eq!(found(node, "types=log").await, [1, 3]);
    let page = node.get_json(&format!("/api/runs/r/events?types=log&after={cursor}")).await;
    assert_eq!((&page["reset"], seqs(&page)), (&json!({"from": 3}), vec![3]), "{page}");
    for query in ["types=log", "limit=10"] {
        let page = node.get_json(&format!("/api/runs/r/events?{query}&before={epoch}:5")).await;
        assert_eq!(
            (&page["reset"], seqs(&page).pop()),
            (&json!({"from": 3}), Some(if query == "limit=10" { 2 } else { 1 }))
        );
    }
    let search = node.get_json(&format!("/api/runs/r/search?q=word&after={cursor}")).await;
    assert_eq!((&search["reset"], &search["hits"][0]["seq"]), (&json!({"from": 3}), &json!(3)));
    assert_eq!(node.get_json("/api/runs/r/timeline").await["tip"], 3);
    node.get("/api/runs/r?at=4").await.problem(400, "invalid_at");
}

#[tokio::test]
async fn a_node_answers_503_beyond_the_questions_that_it_may_have_in_hand() {
    let mut cluster = Cluster::start(0).await;
    cluster.add_node_with(&[
        ("RUNCAST__QUERIES__AT_A_TIME", "1"),
        ("RUNCAST__QUERIES__MAX_WAITING", "1"),
        ("RUNCAST__QUERIES__WAIT_SECS", "1"),
        ("RUNCAST__REDIS__COMMAND_TIMEOUT_MS", "4000"),
    ]);
    let node = &cluster.nodes[0];
    node.store("r", &[log(1), log(2)]).await;
    // While Redis does not answer, the first one has the permit, the second one waits for it, the third one is refused.
    cluster.redis.freeze();
    let ask = |path: &'static str| {
        let site: Site = (**node).clone();
        tokio::spawn(async move { site.get(path).await })
    };
    let first = ask("/api/runs/r/timeline");
    eventually!(refused(node).await, |refused| *refused == 0.0, SOON);
    let mut others: Vec<_> = (0..8).map(|_| ask("/api/runs/r/search?q=word")).collect();
    let mut count = 0;
    for other in others.drain(..) {
        let reply = soon("an answer", other).await.unwrap();
        if reply.status == 503 && reply.json()["code"] == "saturated" {
            assert_eq!(reply.header("retry-after"), "1", "{reply:?}");
            count += 1;
        }
    }
    assert!(count >= 6, "only one waits, and not for long: {count}");
    cluster.redis.thaw();
    soon("an answer", first).await.unwrap();
    let reply = eventually!(node.get("/api/runs/r/search?q=word").await, |reply| reply.status == 200, SOON);
    assert_eq!(reply.json()["hits"].as_array().unwrap().len(), 2);
    assert!(refused(node).await >= 6.0);
}

/// Questions that were refused.
async fn refused(node: &Site) -> f64 {
    let text = node.get("/metrics").await.text;
    let line = text.lines().find(|line| {
        line.starts_with("runcast_queries_total") && line.contains("search") && line.contains("saturated")
    });
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}
