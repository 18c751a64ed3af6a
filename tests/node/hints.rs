//! Hints to producers on a single node.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Site, TestNode, Viewer, numbered};

/// The hints in the answer to a question for commands.
async fn hints(node: &Site, query: &str) -> Value {
    node.get_json(&format!("/api/runs/r/commands{query}")).await["hints"].clone()
}

#[tokio::test]
async fn posts_and_polls_say_what_is_looked_at() {
    let node = TestNode::start(&[("RUNCAST__INGEST__FLUSH_UNWATCHED_MS", "3000")]);
    let posted = node.store("r", &numbered(1, 1, 0)).await["hints"].clone();
    let wanted = json!({"tag": posted["tag"], "flushMs": 3000, "watched": false, "screens": []});
    assert_eq!((&posted, posted["tag"].as_str().map(str::len)), (&wanted, Some(16)));
    let mut viewer = Viewer::join_at(&node, "/ws/runs/r?screen=off").await;
    let off = hints(&node, "").await;
    assert_eq!((&off["watched"], &off["flushMs"], &off["screens"]), (&json!(true), &json!(250), &json!([])));

    let began = Instant::now();
    let query = format!("?wait=15&hints={}", off["tag"].as_str().unwrap());
    let (told, ()) = tokio::join!(hints(&node, &query), async {
        viewer.say(r#"{"type":"screen","of":"p1/3","maxFps":7,"maxWidth":800}"#).await;
    });
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let wanted =
        json!({"tag": told["tag"], "flushMs": 250, "watched": true, "screens": ["p1/3"], "maxFps": 7, "maxWidth": 800});
    assert_eq!(told, wanted);
    let frame = node.post("/api/runs/r/frame", &[("content-type", "image/png")], "x").await.json();
    assert_eq!(frame["hints"], told);

    // Hints other than those that the worker has are told at once.
    assert_eq!(hints(&node, &query).await, told);
    assert!(began.elapsed() < Duration::from_secs(10));
    let query = format!("?wait=15&hints={}", told["tag"].as_str().unwrap());
    let (last, ()) = tokio::join!(hints(&node, &query), viewer.leave());
    assert_eq!(last, posted);
}

#[tokio::test]
async fn a_poll_without_a_tag_ends_by_a_change_while_it_waits() {
    let node = TestNode::start(&[]);
    node.store("r", &numbered(1, 1, 0)).await;
    let mut viewer = Viewer::join(&node, "r").await;
    let (began, poll) = (Instant::now(), hints(&node, "?wait=20"));
    tokio::pin!(poll);
    // Whenever it begins to wait, the viewer changes its mind after that.
    let told = 'changes: loop {
        for choice in ["wall", "auto"] {
            viewer.say(&json!({"type": "screen", "of": choice}).to_string()).await;
            if let Ok(told) = tokio::time::timeout(Duration::from_millis(50), &mut poll).await {
                break 'changes told;
            }
        }
    };
    assert!(told["wall"] == true || told["screens"] == json!(["auto"]), "{told}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_client_names_itself_and_a_bad_name_refuses_nothing() {
    let node = TestNode::start(&[]);
    for name in ["@runcast/client/0.1.0", "runcast-playwright/0.0.1", "somebody/9.9.9", "x", "/", "\u{e9}/1.2.3"] {
        let reply = node.post_ndjson("r", &numbered(1, 1, 0), &[("runcast-client", name)]).await;
        assert_eq!((reply.status, reply.json()["hints"].get("clientOutdated")), (202, None), "{name}");
    }
    // A name and version is no id of a viewer.
    let headers = [("content-type", "application/json"), ("runcast-client", "@runcast/client/0.1.0")];
    let given = node.post("/api/runs/r/commands", &headers, r#"{"type":"pause"}"#).await;
    assert_eq!(given.status, 202, "{given:?}");
}

#[tokio::test]
async fn a_producer_of_a_variant_that_another_one_runs_is_told_so_with_everything() {
    let node = TestNode::start(&[]);
    let post = async |producer: &str, n: &str, after: Option<&str>, event: &str| {
        let mut headers = vec![("runcast-producer", producer), ("runcast-producer-seq", n)];
        headers.extend(after.map(|after| ("runcast-commands-after", after)));
        let reply = node.post_ndjson("r", &[event.to_owned()], &headers).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.json()
    };
    let joined = r#"{"type":"worker","state":"joined","variant":"linux"}"#;
    let log = r#"{"type":"log","text":"x"}"#;
    assert_eq!(post("p1", "1", None, joined).await["hints"].get("variant"), None);
    let told = post("p2", "1", None, joined).await;
    assert_eq!(told["hints"]["variant"], "linux#2");
    let cursor = told["commandsCursor"].as_str().unwrap();
    let acknowledged = post("p2", "2", Some(cursor), log).await;
    assert_eq!(acknowledged["hints"], told["hints"], "also when it knows all commands");
    let frame = async |producer| {
        let headers = [("content-type", "image/png"), ("runcast-producer", producer)];
        node.post("/api/runs/r/frame", &headers, "x").await.json()["hints"].clone()
    };
    assert_eq!(frame("p2").await, told["hints"]);
    assert_eq!(frame("p1").await.get("variant"), None);
    let poll = node.get_with("/api/runs/r/commands", &[("runcast-producer", "p2")]).await;
    assert_eq!(poll.json()["hints"], told["hints"]);
}
