use runcast::demo::replay;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::DEADLINE;
use super::http_double::{Answer, HttpDouble};
use super::support::{TestNode, eventually};

#[tokio::test]
async fn the_demo_posts_its_run_as_a_producer_would_until_it_is_stopped() {
    let stored = Answer::Say("202 Accepted", "", r#"{"stored":1,"duplicates":0}"#.into());
    let mut server = HttpDouble::start(vec![stored]);
    let (stop, stopped) = oneshot::channel();
    let stopped = async move { stopped.await.unwrap_or_default() };
    let demo = tokio::spawn(replay(server.url.clone(), None, stopped));

    let asked = server.next().await;
    assert!(asked.line.starts_with("GET /api/runs?q=demo-"), "{}", asked.line);
    let first = server.next().await;
    assert!(first.line.starts_with("POST /api/runs/demo-"), "{}", first.line);
    let events: Vec<Value> =
        first.body.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!((&events[0]["type"], &events[0]["state"]), (&"worker".into(), &"joined".into()));
    assert_eq!((&events[1]["type"], &events[1]["status"]), (&"run_status".into(), &"queued".into()));
    let recorded: Value = serde_json::from_str(include_str!("../../demo/run.ndjson").lines().next().unwrap()).unwrap();
    assert_ne!(events[1]["timestamp"], recorded["timestamp"], "it happens now");

    let second = server.next().await;
    assert_eq!(second.line, first.line);
    assert_eq!(second.header("runcast-producer"), first.header("runcast-producer"));
    assert_eq!(second.header("runcast-producer-seq"), (1 + events.len()).to_string());

    stop.send(()).unwrap();
    demo.await.unwrap().unwrap();
}

/// The demo of a node, until it is stopped.
struct Demo {
    stop: oneshot::Sender<()>,
    ends: tokio::task::JoinHandle<Result<(), runcast::demo::DemoError>>,
}

impl Demo {
    fn of(node: &TestNode) -> Self {
        let (stop, stopped) = oneshot::channel();
        let ends = tokio::spawn(replay(node.url(""), None, async move { stopped.await.unwrap_or_default() }));
        Self { stop, ends }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ends.await.unwrap().unwrap();
    }
}

fn ids(list: &Value) -> Vec<String> {
    list["runs"].as_array().unwrap().iter().map(|run| run["runId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_demo_run_that_was_cut_short_goes_on_as_one_producer_and_doubles_nothing() {
    let node = TestNode::start(&[]);
    let demo = Demo::of(&node);
    let listed =
        eventually!(node.get_json("/api/runs").await, |list| list["runs"].as_array().unwrap().len() == 2, DEADLINE);
    let [run, earlier] = &ids(&listed)[..] else { panic!("{listed}") };
    let earlier = node.get_json(&format!("/api/runs/{earlier}")).await;
    assert_eq!(earlier["status"], "passed", "the one of some time ago has passed");
    let path = format!("/api/runs/{run}");
    eventually!(node.get_json(&path).await, |state| state["asks"][0]["askId"] == "which-next", DEADLINE);
    demo.stop().await;

    let stored = node.stored(run).await.len();
    let demo = Demo::of(&node);
    let answer = json!({"type": "answer", "askId": "which-next", "candidateId": "next-page"});
    let headers = [("content-type", "application/json"), ("runcast-user", "ada")];
    assert_eq!(node.post(&format!("{path}/commands"), &headers, answer.to_string()).await.status, 202);
    eventually!(node.stored(run).await.len(), |now| *now > stored + 10, DEADLINE);
    demo.stop().await;

    let log = node.stored(run).await;
    let count = |part: &str| log.iter().filter(|event| event.contains(part)).count();
    assert_eq!((count(r#""state":"joined""#), count(r#""type":"ai_stuck""#), count(r#""status":"queued""#)), (1, 1, 1));
    let steps: Vec<&String> = log.iter().filter(|event| event.contains(r#""type":"test_step""#)).collect();
    let recorded = include_str!("../../demo/run.ndjson").lines().filter(|line| line.contains(r#""type":"test_step""#));
    for (step, recorded) in steps.iter().zip(recorded) {
        let [step, recorded]: [Value; 2] = [step, recorded].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!((&step["testId"], &step["step"]), (&recorded["testId"], &recorded["step"]), "in order, each once");
    }
    assert_eq!(ids(&node.get_json("/api/runs").await).len(), 2, "no run is begun meanwhile");
}
