use runcast::demo::replay;
use serde_json::Value;
use tokio::sync::oneshot;

use super::http_double::{Answer, HttpDouble};

#[tokio::test]
async fn the_demo_posts_its_run_as_a_producer_would_until_it_is_stopped() {
    let stored = Answer::Say("202 Accepted", "", r#"{"stored":1,"duplicates":0}"#.into());
    let mut server = HttpDouble::start(vec![stored]);
    let (stop, stopped) = oneshot::channel();
    let stopped = async move { stopped.await.unwrap_or_default() };
    let demo = tokio::spawn(replay(server.url.clone(), stopped));

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
