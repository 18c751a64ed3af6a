//! The workers of docs/steering.md, run as they stand there against the real server: they ask, pause, click exactly once,
//! resume, and end.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::support::{TestNode, eventually};
use super::{DEADLINE, finish, text};

/// The block of code of docs/steering.md in this language.
fn documented(language: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/steering.md")).unwrap();
    let blocks: Vec<_> = page.split(&format!("```{language}\n")).skip(1).collect();
    let [block] = blocks[..] else { panic!("{} blocks of {language}", blocks.len()) };
    block.split_once("```").unwrap().0.to_owned()
}

/// A worker of the page, at work for a run.
struct DocumentedWorker<'a> {
    node: &'a TestNode,
    run: &'a str,
    child: Child,
}

impl<'a> DocumentedWorker<'a> {
    fn start(node: &'a TestNode, run: &'a str, program: &str, language: &str) -> Self {
        let mut command = Command::new(program);
        command.args(["-c", &documented(language)]);
        // What follows a program given by -c is its $0 in a shell, and its arguments in Python.
        command.args((program == "bash").then_some("worker.sh")).args([&node.url(""), run]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self { node, run, child: command.spawn().unwrap() }
    }

    async fn give(&self, command: Value) -> Value {
        let headers = [("content-type", "application/json"), ("runcast-user", "ada")];
        let path = format!("/api/runs/{}/commands", self.run);
        let reply = self.node.post(&path, &headers, command.to_string()).await;
        assert_eq!(reply.status, 202, "{command}: {reply:?}");
        reply.json()
    }

    async fn state(&self) -> Value {
        self.node.get(&format!("/api/runs/{}", self.run)).await.json()
    }

    /// Answers its question once it has asked.
    async fn answer(&self, value: &str) {
        let state = eventually!(self.state().await, |state| state["asks"][0]["askId"].is_string(), DEADLINE);
        self.give(json!({"type": "answer", "askId": state["asks"][0]["askId"], "value": value})).await;
    }

    /// Waits until a command has this state.
    async fn becomes(&self, given: &Value, wanted: &str) {
        let state = |state: &Value| {
            let commands = state["commands"].as_array().cloned().unwrap_or_default();
            commands.into_iter().find(|command| command["commandId"] == given["commandId"])
        };
        eventually!(state(&self.state().await), |found| found.as_ref().is_some_and(|c| c["state"] == wanted), DEADLINE);
    }

    async fn end(self) -> String {
        let output = finish(self.child).await;
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout)
    }
}

async fn play(program: &str, language: &str) {
    let node = TestNode::start(&[]);
    let worker = DocumentedWorker::start(&node, "r", program, language);
    eventually!(worker.state().await, |state| state["asks"][0]["askId"].is_string(), DEADLINE);
    let pause = worker.give(json!({"type": "pause"})).await;
    worker.becomes(&pause, "done").await;
    worker.answer("7").await;

    let click = json!({
        "type": "manual_action", "commandId": uuid::Uuid::now_v7().to_string(),
        "action": {"action": "click", "selector": "#save"},
    });
    let given = worker.give(click.clone()).await;
    worker.becomes(&given, "done").await;
    assert_eq!(worker.give(click).await["state"], "done", "the same command is answered as it stands");
    assert!(worker.state().await["endedAt"].is_null(), "it is paused");

    let resume = worker.give(json!({"type": "resume"})).await;
    worker.becomes(&resume, "done").await;
    let state = eventually!(worker.state().await, |state| state["status"] == "passed", DEADLINE);
    assert_eq!(worker.end().await, "clicks #save\n", "{state}");
    let steps = node
        .stored("r")
        .await
        .iter()
        .filter(|event| event.contains(r#""text":"step "#) || event.contains(r#""text": "step "#))
        .count();
    assert_eq!(steps, 7, "as many as the answer said");

    let worker = DocumentedWorker::start(&node, "s", program, language);
    worker.answer("1000000").await;
    worker.give(json!({"type": "cancel"})).await;
    eventually!(worker.state().await, |state| state["status"] == "cancelled", DEADLINE);
    assert_eq!(worker.end().await, "");

    // An answer is somebody's text: it is no program, and it ends no worker.
    let ran = node.data().join("ran");
    let worker = DocumentedWorker::start(&node, "t", program, language);
    worker.answer(&format!("a[$(touch {})]", ran.display())).await;
    eventually!(worker.state().await, |state| state["status"] == "passed", DEADLINE);
    worker.end().await;
    assert!(!ran.exists(), "the answer was executed");
}

#[tokio::test]
async fn the_worker_in_python_obeys() {
    play("python3", "python").await;
}

#[tokio::test]
async fn the_worker_in_a_shell_obeys() {
    play("bash", "bash").await;
}
