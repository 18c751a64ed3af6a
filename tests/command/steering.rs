//! The demo's worker, steered by `runcast steer` through a real server.

use std::process::Output;

use runcast::demo::replay;
use serde_json::Value;
use tokio::sync::oneshot;

use super::support::{TestNode, eventually};
use super::{DEADLINE, output, runcast, text};

struct Steered<'a> {
    node: &'a TestNode,
    run: String,
}

impl Steered<'_> {
    /// `runcast steer RUN LINE`, by ada unless somebody else is named.
    async fn steer(&self, line: &str) -> Output {
        let name = if line.contains("--as ") { "" } else { " --as ada" };
        let line = format!("steer {} {line}{name} --url {}", self.run, self.node.url(""));
        output(runcast(&line.split_whitespace().collect::<Vec<_>>())).await
    }

    /// The same; it must end with this exit code. What it says on stdout.
    async fn ends(&self, line: &str, code: i32) -> String {
        let output = self.steer(line).await;
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        text(&output.stdout)
    }

    async fn state(&self) -> Value {
        self.node.get_json(&format!("/api/runs/{}", self.run)).await
    }
}

#[tokio::test]
async fn the_demos_worker_pauses_steps_asks_and_ends_as_it_is_told() {
    let node = TestNode::start(&[]);
    let (stop, stopped) = oneshot::channel();
    let demo = tokio::spawn(replay(node.url(""), None, async move { stopped.await.unwrap_or_default() }));
    let listed = eventually!(node.get_json("/api/runs").await, |list| list["runs"][0]["runId"].is_string(), DEADLINE);
    let run = Steered { node: &node, run: listed["runs"][0]["runId"].as_str().unwrap().to_owned() };

    assert!(run.ends("pause --wait", 0).await.starts_with("pause done ("));
    let shown = run.ends("", 0).await;
    assert!(shown.contains("paused by ada since ") && shown.contains("control: free, anybody may steer"), "{shown}");
    assert!(shown.contains(": joined, obeys cancel, pause, resume, step, update_instructions"), "{shown}");
    assert!(shown.contains(&format!("runcast steer {} resume ", run.run)), "{shown}");

    // A step, and then it stands again.
    assert!(run.ends("step --wait", 0).await.starts_with("step done ("));
    let stood = node.stored(&run.run).await;
    let posted = |event: &&String| event.contains(r#""type":"test_step""#);
    assert!(stood.iter().rfind(posted).unwrap().contains(r#""phase":"end""#), "{stood:?}");

    // Who has control is named to whoever is refused, and may be relieved of it.
    assert!(run.ends("take", 0).await.contains("you have control"));
    let refused = run.steer("resume --as bob").await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("ada has control of demo-"), "{refused:?}");
    assert_eq!(run.steer("take --as bob").await.status.code(), Some(3));
    run.ends("take --steal --as bob", 0).await;
    assert!(run.ends("", 0).await.contains("control: bob (human) since "));
    assert_eq!(run.steer("renew").await.status.code(), Some(3), "ada has it no more");
    run.ends("renew --as bob", 0).await;
    run.ends("release --as bob", 0).await;

    run.ends("say hurry --wait", 0).await;
    let hold = run.ends("hold --wait --timeout 1", 16).await;
    assert!(hold.starts_with("hold queued (") && hold.contains("no worker of the run obeys it"), "{hold}");
    let refused = run.steer("click --selector #a").await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("obeys `manual_action`"), "{refused:?}");
    let taken_back: Value = serde_json::from_str(&run.ends("hold --json", 0).await).unwrap();
    run.ends(&format!("withdraw {}", taken_back["commandId"].as_str().unwrap()), 0).await;
    run.ends("resume --wait", 0).await;

    eventually!(run.state().await, |state| state["asks"][0]["askId"] == "which-next", DEADLINE);
    let shown = run.ends("", 0).await;
    assert!(shown.contains("answer which-next --candidate last-page"), "{shown}");
    assert!(run.ends("extend which-next 60", 0).await.contains("which-next waits 60 s from now"));
    run.ends("answer which-next --candidate last-page", 0).await;
    let late = run.steer("answer which-next --candidate next-page --as bob").await;
    assert_eq!(late.status.code(), Some(3));
    assert!(text(&late.stderr).contains("ada has answered the question already"), "{late:?}");

    run.ends("cancel --reason enough --wait", 0).await;
    eventually!(run.state().await, |state| state["status"] == "cancelled", DEADLINE);
    stop.send(()).unwrap();
    demo.await.unwrap().unwrap();
    assert_eq!(text(&run.steer("pause").await.stderr), "runcast: the run has ended\n");
    let finished = output(runcast(&["finish", &run.run, "--url", &node.url("")])).await;
    assert_eq!(text(&finished.stdout), format!("{} is finished: cancelled\n", run.run));

    // The log says who did what, and what became of it.
    let log = node.stored(&run.run).await.join("\n");
    for said in [
        r#""text":"ada says: hurry""#,
        r#""text":"goes on with \"Last page\", as ada says""#,
        r#""reason":"stolen""#,
        r#""reason":"enough""#,
        r#""type":"command_withdrawn""#,
        r#""state":"left""#,
    ] {
        assert!(log.contains(said), "{said} is not in\n{log}");
    }
}

#[tokio::test]
async fn a_run_that_is_not_there_cannot_be_steered() {
    let node = TestNode::start(&[]);
    let run = Steered { node: &node, run: "nowhere".to_owned() };
    for line in ["pause", ""] {
        let refused = run.steer(line).await;
        assert_eq!(
            (refused.status.code(), text(&refused.stderr)),
            (Some(3), "runcast: there is no run nowhere\n".into())
        );
    }
}
