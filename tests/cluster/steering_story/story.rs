//! Ann stops the run, looks, clicks, overrides, and lets it go on, while a node dies and Ben wants control.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::cast::{Person, RUN, Worker, id, log, of_type, same_on_all, send, shown};
use super::{REDIS, SETTINGS};
use crate::support::{Cluster, Reply, SOON, Site, TestNode, eventually};

const SHARDS: u64 = 4;

/// Has every worker learn of a state, with the next post of its own, and report that it obeys; each is on a node of its
/// own choice.
async fn all_obey(nodes: &[TestNode], workers: &mut [Worker], kind: &str, command: &str) {
    for (index, worker) in workers.iter_mut().enumerate() {
        let node = &nodes[index % nodes.len()];
        assert_eq!(worker.learns(node, kind).await["commandId"], command);
        let before = shown(node, command).await;
        assert_eq!(before["state"], if index == 0 { "queued" } else { "accepted" }, "{before}");
        worker.report(node, command, "done", &Value::Null).await;
    }
    let shown = shown(&nodes[0], command).await;
    assert_eq!(shown["state"], "done", "{shown}");
    let reports = shown["producers"].as_object().unwrap();
    assert!(reports.len() == workers.len() && reports.values().all(|state| state == "done"), "{shown}");
}

/// Starts a node again, off this thread: its way to Redis is on it.
async fn restart(nodes: &mut Vec<TestNode>, index: usize) {
    let mut node = nodes.remove(index);
    let restarted = tokio::task::spawn_blocking(move || {
        node.restart_in_place();
        node
    });
    nodes.insert(index, restarted.await.unwrap());
}

#[track_caller]
fn refused_by(reply: &Reply, code: &str, holder: &str) {
    reply.problem(409, code);
    assert_eq!(reply.json()["holder"]["name"], holder, "{reply:?}");
}

#[tokio::test]
async fn a_run_is_stopped_looked_at_acted_in_and_let_go_on_while_a_node_dies_and_another_wants_control() {
    let mut cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let first: Vec<_> = (1..=SHARDS).map(|current| (current, &cluster.nodes[current as usize % 3])).collect();
    let mut workers = join_all(first.into_iter().map(|(current, node)| Worker::join(node, current, SHARDS))).await;
    let mut ann = Person::at(&cluster.nodes[0], "Ann").await;
    let mut ben = Person::at(&cluster.nodes[1], "Ben").await;

    // She takes control and stops it. All four stop, wherever they post.
    ann.want(json!({"type": "take_control"})).await;
    let pause = ann.want(json!({"type": "pause", "maxSecs": 600})).await;
    all_obey(&cluster.nodes, &mut workers, "pause_requested", &pause).await;

    // She looks.
    for node in &cluster.nodes {
        let view = node.get_json(&format!("/api/runs/{RUN}")).await;
        assert_eq!(view["control"]["holder"]["name"], "Ann", "{view}");
        assert_eq!(view["paused"]["by"]["name"], "Ann", "{view}");
        let producers = view["producers"].as_array().unwrap();
        assert!(producers.len() == 4 && producers.iter().all(|producer| producer["status"] == "running"), "{view}");
    }

    // She clicks. The node that took the click dies before the worker has fetched it.
    let target = json!({"producer": "shard-3"});
    let action = json!({"action": "click", "selector": "#save"});
    let click = json!({"type": "manual_action", "action": action, "target": target, "commandId": id()});
    let untargeted = json!({"type": "manual_action", "action": action});
    assert_eq!(ann.say(&untargeted).await["code"], "target_needed");
    let given = ann.say(&click).await;
    assert_eq!(given["state"], "queued", "{given}");
    let click_id = click["commandId"].as_str().unwrap();
    cluster.nodes[0].kill9();
    let mut ann = Person::at(&cluster.nodes[2], "Ann").await;
    let [_, second, third] = &cluster.nodes[..] else { panic!("three nodes") };
    // She does not know whether it came: she gives it again, and that is one click.
    let again = ann.say(&click).await;
    assert_eq!((&again["cursor"], &again["state"]), (&given["cursor"], &given["state"]), "{again}");
    let fetched = workers[2].poll(second, 25).await;
    assert_eq!((fetched.len(), &fetched[0]["commandId"]), (1, &json!(click_id)), "{fetched:?}");
    assert_eq!(fetched[0]["action"]["selector"], "#save");
    workers[0].try_claim(third, click_id).await.problem(409, "target_unknown");
    let claimed = workers[2].claim(third, click_id).await;
    assert_eq!(workers[2].claim(second, click_id).await, claimed, "asked again elsewhere, it is the same claim");
    workers[2].report(second, click_id, "done", &claimed["claim"]).await;
    assert_eq!(shown(third, click_id).await["state"], "done");
    assert!(workers[2].poll(third, 0).await.is_empty(), "once");

    // She overrides a step and lets it go on.
    let skip = json!({"type": "step_override", "action": {"type": "skip"}, "target": {"producer": "shard-1"}});
    let skip = ann.want(skip).await;
    let event = workers[0].learns(second, "step_override_queued").await;
    assert_eq!(event["action"]["type"], "skip", "{event}");
    workers[0].does(third, &skip).await;
    let resume = ann.want(json!({"type": "resume"})).await;
    all_obey(&cluster.nodes[1..], &mut workers, "resume_requested", &resume).await;

    // Ben is refused in her name, whichever way he comes, until she is gone.
    let told = ben.say(&json!({"type": "resume"})).await;
    assert_eq!((&told["code"], &told["details"]["holder"]["name"]), (&json!("lease_held"), &json!("Ann")), "{told}");
    refused_by(&ben.send(third, &json!({"type": "resume"})).await, "lease_held", "Ann");
    refused_by(&ben.send(second, &json!({"type": "take_control"})).await, "lease_held", "Ann");
    drop(ann);
    let takes = async |node: &Site| ben.send(node, &json!({"type": "take_control"})).await.status;
    eventually!(takes(second).await, |status| *status == 202, SOON);
    let late = send(third, "Ann", &json!({"type": "resume"})).await;
    refused_by(&late, "lease_held", "Ben");

    // The node comes back, and everybody has the same.
    restart(&mut cluster.nodes, 0).await;
    for worker in &mut workers {
        let ends = [json!({"type": "run_status", "status": "passed"}), json!({"type": "worker", "state": "left"})];
        worker.post(&cluster.nodes[0], &ends).await;
    }
    let log = same_on_all(&cluster.nodes).await;
    assert_eq!(cluster.nodes[2].get_json(&format!("/api/runs/{RUN}")).await["status"], "passed");
    who_did_what(&log, click_id);
}

/// That the log says who did what, and that the click was one.
fn who_did_what(log: &[Value], click: &str) {
    let done: Vec<_> = log
        .iter()
        .filter(|event| event["by"].is_object())
        .map(|event| (event["type"].as_str().unwrap(), event["by"]["name"].as_str().unwrap()))
        .collect();
    let expected = [
        ("control_taken", "Ann"),
        ("pause_requested", "Ann"),
        ("action_queued", "Ann"),
        ("step_override_queued", "Ann"),
        ("resume_requested", "Ann"),
        ("control_taken", "Ben"),
    ];
    assert_eq!(done, expected);
    let released = of_type(log, "control_released");
    assert_eq!((released.len(), &released[0]["reason"]), (1, &json!("expired")), "{released:?}");
    let statuses: Vec<_> = of_type(log, "command_status")
        .into_iter()
        .filter(|event| event["commandId"] == click)
        .map(|event| (event["status"].as_str().unwrap(), event["producer"].as_str().unwrap()))
        .collect();
    assert_eq!(statuses, [("accepted", "shard-3"), ("done", "shard-3")]);
    assert!(of_type(log, "control_reset").is_empty());
}

#[tokio::test]
async fn whoever_reads_the_log_later_sees_each_act_with_its_giver_and_its_doer() {
    let cluster = Cluster::start_with(2, &REDIS, &SETTINGS).await;
    let mut worker = Worker::join(&cluster.nodes[0], 1, 1).await;
    for (name, node) in ["Ann", "Ben"].into_iter().zip(&cluster.nodes) {
        let mut person = Person::at(node, name).await;
        let step = person.want(json!({"type": "step"})).await;
        assert_eq!(worker.learns(node, "step_requested").await["by"]["name"], name);
        worker.does(&cluster.nodes[1], &step).await;
    }
    let log = log(&cluster.nodes[0]).await;
    let told: Vec<_> = of_type(&log, "step_requested").into_iter().map(|step| step["by"]["name"].clone()).collect();
    assert_eq!(told, ["Ann", "Ben"]);
    assert!(of_type(&log, "command_status").into_iter().all(|status| status["producer"] == "shard-1"), "{log:?}");
}
