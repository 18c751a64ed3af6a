//! The list of runs of two nodes: each sums up what it stores, both show all of it, and one goes on where the other died.

use serde_json::{Value, json};

use crate::support::{Cluster, EventStream, Postgres, SOON, Site, TestNode, eventually, soon};

const QUICK: [(&str, &str); 2] = [("RUNCAST__CATALOG__SUMMARY_MS", "50"), ("RUNCAST__CATALOG__STREAM_MS", "50")];

async fn find(node: &Site, run: &str) -> Value {
    let list = node.get("/api/runs?limit=500").await.json();
    let runs = list["runs"].as_array().cloned().unwrap_or_default();
    runs.into_iter().find(|row| row["runId"] == run).unwrap_or_default()
}

fn test(id: &str, status: &str) -> String {
    json!({"type": "test_status", "testId": id, "status": status}).to_string()
}

fn begins() -> String {
    json!({"type": "run_status", "status": "running", "data": {"meta": {"project": "shop"}}}).to_string()
}

#[tokio::test]
async fn nodes_sum_up_what_they_store_and_show_and_tell_all_of_it() {
    let cluster = Cluster::start_with(2, &[], &QUICK).await;
    let [one, other] = [&cluster.nodes[0], &cluster.nodes[1]];
    let mut stream = EventStream::open(other, "/api/runs/stream", "").await;
    one.store("r", &[begins(), test("a", "passed")]).await;
    let heard = async { while !stream.next().await.expect("the stream goes on").data.contains(r#""passed":1"#) {} };
    soon("the other node tells it", heard).await;
    other.store("r", &[test("b", "failed")]).await;
    for node in [one, other] {
        let row = eventually!(find(node, "r").await, |row| row["counts"]["failed"] == 1, SOON);
        assert_eq!((&row["word"], &row["meta"]["project"]), (&"failing".into(), &"shop".into()));
        let history = node.get_json("/api/runs/r/history?test=a&test=b").await;
        let outcomes = [0, 1].map(|at| history["tests"][at]["results"][0]["outcome"].clone());
        assert_eq!(outcomes, ["expected", "unexpected"]);
    }
}

#[tokio::test]
async fn a_run_whose_node_has_died_is_summed_up_by_another_one() {
    let mut cluster = Cluster::start_with(1, &[], &[("RUNCAST__CATALOG__SUMMARY_MS", "60000")]).await;
    cluster.nodes[0].store("r", &[begins()]).await;
    eventually!(find(&cluster.nodes[0], "r").await, |row| !row["meta"].is_null(), SOON);
    cluster.nodes[0].store("r", &[test("a", "failed")]).await;
    eventually!(find(&cluster.nodes[0], "r").await, |row| row["events"] == 2, SOON);
    cluster.nodes[0].kill9();
    cluster.add_node_with(&QUICK);
    let row = eventually!(find(&cluster.nodes[1], "r").await, |row| row["counts"]["failed"] == 1, SOON);
    assert_eq!(row["word"], "failing");
}

#[tokio::test]
async fn what_happens_while_the_catalog_is_away_is_summed_up_when_it_is_back() {
    let mut server = Postgres::start().await;
    let url = server.database().await;
    let node = TestNode::start(&[&QUICK[..], &[("DATABASE_URL", &url)]].concat());
    node.store("r", &[begins(), test("a", "passed")]).await;
    eventually!(find(&node, "r").await, |row| row["counts"]["passed"] == 1, SOON);
    let mut stream = EventStream::open(&node, "/api/runs/stream", "").await;
    stream.take(1).await;
    server.stop();
    while soon("the end", stream.next()).await.is_some() {}
    assert_eq!(stream.retry, Some(5_000), "listeners are to come back");
    node.store("r", &[test("a", "failed"), test("b", "passed")]).await;
    for path in ["/api/runs", "/api/runs/r/history?test=a", "/api/runs/r/compare"] {
        node.get(path).await.problem(503, "catalog_unavailable");
    }
    server.start_again().await;
    let row = eventually!(find(&node, "r").await, |row| row["counts"]["failed"] == 1, 2 * SOON);
    assert_eq!(row["word"], "failing");
    let outcome =
        async || node.get_json("/api/runs/r/history?test=a").await["tests"][0]["results"][0]["outcome"].clone();
    eventually!(outcome().await, |outcome| *outcome == "unexpected", SOON);
}
