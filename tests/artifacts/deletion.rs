//! Runs that somebody deletes, with all that belongs to them.

use serde_json::{Value, json};

use super::cleanup::BY_HAND;
use super::fixture::{ask, clean, files, id, list, node, objects, path, picture, stored};
use super::pins::pin;
use super::support::{Cluster, SOON, TestNode, Viewer, eventually, numbered};

const RUN: &str = "/api/runs/r";

async fn runs(node: &TestNode) -> Vec<Value> {
    node.get_json("/api/runs").await["runs"].as_array().unwrap().iter().map(|run| run["runId"].clone()).collect()
}

#[tokio::test]
async fn a_run_is_deleted_with_all_that_belongs_to_it_and_its_name_stays_taken() {
    let mut node = node(&BY_HAND);
    node.store("r", &numbered(1, 20, 0)).await;
    node.store("other", &numbered(1, 3, 0)).await;
    let artifact = stored(&node, "r", "a.png", picture(5_000)).await;
    let others = stored(&node, "other", "a.png", picture(5_001)).await;
    assert_eq!(pin(&node, "r", json!({"reason": "release"})).await.status, 200);
    let mut viewer = Viewer::join(&node, "r").await;
    viewer.until_events(21).await;

    ask(&node, "DELETE", &format!("{RUN}?force=perhaps"), None).await.problem(400, "invalid_force");
    ask(&node, "DELETE", "/api/runs/nobody?force=1", None).await.problem(404, "run_not_found");
    ask(&node, "DELETE", RUN, None).await.problem(409, "run_live");
    assert_eq!((node.stored("r").await.len(), list(&node, "r").await.len()), (21, 1), "nothing is half-done");
    assert_eq!(viewer.closed, None);

    assert_eq!(ask(&node, "DELETE", &format!("{RUN}?force=1"), None).await.status, 204);
    viewer.until("the end", |viewer| viewer.closed.is_some()).await;
    assert_eq!(viewer.closed, Some(4410));
    node.get(RUN).await.problem(410, "run_gone");
    let gone = node.get(&path("r", &format!("/{}", id(&artifact)))).await;
    let detail = gone.problem(410, "artifact_gone");
    let gone = gone.json();
    assert!(detail.contains("was deleted at 20") && gone["deletedBy"] == "request", "{gone}");
    assert!(gone["createdAt"] == artifact["createdAt"] && gone["deletedAt"].as_str() >= gone["createdAt"].as_str());
    let late = [r#"{"type":"log","text":"late"}"#.to_owned()];
    node.post_ndjson("r", &late, &[]).await.problem(410, "run_gone");
    let _ = eventually!(runs(&node).await, |runs| *runs == [json!("other")], SOON);
    assert_eq!(ask(&node, "DELETE", RUN, None).await.status, 204, "repeating it is no error");

    assert_eq!(clean(&node).await["removed"]["count"], 1);
    assert_eq!(files(&objects(&node)).iter().filter(|file| file.contains("other")).count(), 1);
    assert_eq!(files(&objects(&node)).iter().filter(|file| file.contains("/r/")).count(), 0);
    assert_eq!(list(&node, "other").await[0]["artifactId"], others["artifactId"]);

    node.terminate().await.assert_clean(false);
    node.restart();
    node.get(RUN).await.problem(410, "run_gone");
    assert_eq!((runs(&node).await, node.stored("other").await.len()), (vec![json!("other")], 4));
}

#[tokio::test]
async fn a_run_that_has_ended_is_deleted_without_force_and_all_nodes_close_its_viewers() {
    let cluster = Cluster::start(2).await;
    let (one, two) = (&cluster.nodes[0], &cluster.nodes[1]);
    one.store("r", &numbered(1, 5, 0)).await;
    one.store("r", &[r#"{"type":"run_status","status":"passed"}"#.to_owned()]).await;
    let mut viewers = [Viewer::join(one, "r").await, Viewer::join(two, "r").await];
    for viewer in &mut viewers {
        viewer.until_events(6).await;
    }
    assert_eq!(ask(two, "DELETE", RUN, None).await.status, 204);
    for viewer in &mut viewers {
        viewer.until("the end", |viewer| viewer.closed.is_some()).await;
        assert_eq!(viewer.closed, Some(4410));
    }
    let _ = eventually!(one.get(RUN).await.status, |status| *status == 410, SOON);
    one.post_ndjson("r", &numbered(7, 1, 0), &[]).await.problem(410, "run_gone");
}
