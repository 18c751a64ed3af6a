//! The same by the command line, and by agents through MCP.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::cast::{Person, RUN, Worker, of_type, same_on_all, send, shown};
use super::{REDIS, SETTINGS};
use crate::support::{Cluster, TestNode, soon};

/// `runcast steer RUN ...` as a person, with what it reads from stdin.
async fn steer_with(nodes: &[TestNode], name: &str, arguments: &[&str], stdin: &str) -> Output {
    let urls: Vec<_> = nodes.iter().map(|node| node.url("")).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
    command.args(["steer", RUN]).args(arguments).args(["--as", name, "--url", &urls.join(",")]);
    command.env_clear().stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).await.unwrap();
    soon("the end of runcast steer", child.wait_with_output()).await.unwrap()
}

/// The same; the command's id, which it must have.
async fn steer(nodes: &[TestNode], name: &str, arguments: &[&str]) -> String {
    let output = steer_with(nodes, name, &[arguments, &["--json"]].concat(), "").await;
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    answer["commandId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn a_run_is_steered_from_the_command_line_over_nodes_of_which_one_is_dead() {
    let mut cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let mut workers = Vec::new();
    for current in 1..=4 {
        workers.push(Worker::join(&cluster.nodes[1], current, 4).await);
    }
    let hold = json!({"type": "ai_stuck", "askId": "which", "needs": "choice", "message": "Which?",
                      "candidates": [{"id": "save", "label": "Save"}, {"id": "close", "label": "Close"}]});
    let login = json!({"type": "ai_stuck", "askId": "login", "needs": "credential", "message": "The password?"});
    workers[0].post(&cluster.nodes[2], &[hold, login]).await;

    let nodes = &cluster.nodes[..];
    steer(nodes, "Ann", &["take"]).await;
    let pause = steer(nodes, "Ann", &["pause", "--max-secs", "600"]).await;
    let click = ["click", "--selector", "#save", "--target", "shard-3"];
    let refused = steer_with(nodes, "Ben", &["resume"], "").await;
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(3) && told.contains("Ann"), "{refused:?}");
    let click = steer(nodes, "Ann", &click).await;
    for worker in &mut workers {
        let event = worker.poll(&nodes[2], 25).await.remove(0);
        assert_eq!((&event["type"], &event["commandId"]), (&json!("pause_requested"), &json!(pause)));
        worker.report(&nodes[2], &pause, "done", &Value::Null).await;
    }
    cluster.nodes[0].kill9();
    let nodes = &cluster.nodes[1..];
    let urls = [cluster.nodes[0].url(""), nodes[0].url(""), nodes[1].url("")].join(",");
    workers[2].does(&nodes[0], &click).await;
    assert_eq!(shown(&nodes[1], &pause).await["state"], "done");

    // The node that the command line tries first is dead.
    let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
    command.args(["steer", RUN, "override", "skip", "--target", "shard-1", "--wait", "--as", "Ann", "--url", &urls]);
    let overridden = command.env_clear().output();
    let doing = async {
        // What else happens to the run is told, too.
        let event = loop {
            let polled = workers[0].poll(&nodes[1], 25).await;
            if let Some(event) = polled.into_iter().find(|event| event["type"] == "step_override_queued") {
                break event;
            }
        };
        let command = event["commandId"].as_str().unwrap().to_owned();
        workers[0].does(&nodes[1], &command).await;
    };
    let (overridden, ()) = soon("the override", async { tokio::join!(overridden, doing) }).await;
    let overridden = overridden.unwrap();
    assert_eq!(overridden.status.code(), Some(0), "{overridden:?}");

    steer(nodes, "Ann", &["answer", "which", "--candidate", "save"]).await;
    let late = steer_with(nodes, "Ann", &["answer", "which", "--candidate", "close"], "").await;
    assert_eq!(late.status.code(), Some(3), "{late:?}");
    assert!(String::from_utf8_lossy(&late.stderr).contains("Ann"), "{late:?}");
    let answered = steer_with(nodes, "Ann", &["answer", "login", "--secret"], "hunter2-from-stdin\n").await;
    assert_eq!(answered.status.code(), Some(0), "{answered:?}");
    let heard = workers[0].poll(&nodes[0], 25).await;
    let secret = heard.iter().find(|event| event["secret"] == true).unwrap_or_else(|| panic!("{heard:?}"));
    let claimed = workers[0].claim(&nodes[1], secret["commandId"].as_str().unwrap()).await;
    assert_eq!(claimed["secret"], "hunter2-from-stdin");
    steer(nodes, "Ann", &["resume"]).await;
    steer(nodes, "Ann", &["release"]).await;
    steer(nodes, "Ben", &["take"]).await;

    let log = same_on_all(nodes).await;
    assert!(!json!(log).to_string().contains("hunter2-from-stdin"));
    let by: Vec<_> = of_type(&log, "control_taken").into_iter().map(|taken| taken["by"]["name"].clone()).collect();
    assert_eq!(by, ["Ann", "Ben"]);
    let overview = steer_with(nodes, "Ben", &[], "").await;
    assert!(overview.status.success() && String::from_utf8_lossy(&overview.stdout).contains("Ben"), "{overview:?}");
}

/// What an agent's tools answered, by the official client.
async fn calls(node: &TestNode, user: &str, calls: &Value) -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp");
    assert!(directory.join("node_modules").is_dir(), "clients are missing: (cd tests/mcp && npm ci)");
    let mut client = Command::new("node");
    client.arg("calls.mjs").args(["modern", &node.url("/mcp"), user, &calls.to_string()]).current_dir(directory);
    let output = soon("the client's end", client.kill_on_drop(true).output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = told["results"].as_array().unwrap_or_else(|| panic!("{told}"));
    results.iter().map(data).collect()
}

/// The JSON in a tool's answer, whose last text it is.
fn data(result: &Value) -> Value {
    let texts = result["content"].as_array().unwrap_or_else(|| panic!("no content: {result}"));
    serde_json::from_str(texts.last().unwrap()["text"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn agents_steer_as_people_do_and_give_way_to_them() {
    let cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let nodes = &cluster.nodes;
    let mut worker = Worker::join(&nodes[2], 1, 1).await;
    let stuck = |ask: &str, needs: &str| {
        json!({
            "type": "ai_stuck", "askId": ask, "needs": needs, "message": "Which?",
            "candidates": [{"id": "save", "label": "Save"}],
        })
    };
    worker.post(&nodes[2], &[stuck("which", "choice"), stuck("login", "credential")]).await;

    // An agent has control, stops the run, clicks, and answers; another one is refused with its name.
    let command = |command: Value| json!(["send_command", {"runId": RUN, "command": command}]);
    let click = json!({"type": "manual_action", "action": {"action": "click", "selector": "#save"}});
    let told = calls(
        &nodes[0],
        "helper",
        &json!([
            ["take_control", {"runId": RUN}],
            command(json!({"type": "pause", "maxSecs": 600})),
            command(click),
            ["answer", {"runId": RUN, "askId": "which", "candidateId": "save"}],
            ["get_run", {"runId": RUN}],
        ]),
    )
    .await;
    assert!(told[..4].iter().all(|answer| answer["commandId"].is_string()), "{told:?}");
    let holder = &told[4]["control"]["holder"];
    assert_eq!((&holder["name"], &holder["kind"]), (&json!("helper"), &json!("agent")), "{}", told[4]);
    let refused = calls(&nodes[1], "other", &json!([command(json!({"type": "resume"}))])).await;
    assert_eq!((&refused[0]["code"], &refused[0]["holder"]["name"]), (&json!("lease_held"), &json!("helper")));
    let heard = worker.poll(&nodes[1], 25).await;
    let types: Vec<_> = heard.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["pause_requested", "ask_answered", "action_queued"]);
    worker.does(&nodes[2], told[2]["commandId"].as_str().unwrap()).await;

    // A person takes over; then agents may stop the run and answer, but for credentials, and nothing else.
    let mut ann = Person::at(&nodes[1], "Ann").await;
    ann.want(json!({"type": "take_control", "steal": true})).await;
    let told = calls(
        &nodes[2],
        "helper",
        &json!([
            command(json!({"type": "resume"})),
            command(json!({"type": "step"})),
            ["take_control", {"runId": RUN, "steal": true}],
            ["answer", {"runId": RUN, "askId": "login", "value": "guessed"}],
            command(json!({"type": "pause"})),
        ]),
    )
    .await;
    for refused in &told[..4] {
        assert_eq!(refused["code"], "human_in_control", "{refused}");
        assert_eq!(refused["holder"]["name"], "Ann", "{refused}");
    }
    assert!(told[4]["commandId"].is_string(), "{}", told[4]);
    ann.want(json!({"type": "resume"})).await;
    assert_eq!(send(&nodes[0], "Ann", &json!({"type": "release_control"})).await.status, 202);

    let log = same_on_all(nodes).await;
    let click = of_type(&log, "action_queued")[0];
    let by = &click["by"];
    assert_eq!((&by["name"], &by["kind"], &by["via"]), (&json!("helper"), &json!("agent"), &json!("mcp")), "{click}");
    assert_eq!(of_type(&log, "ask_answered").len(), 1);
}
