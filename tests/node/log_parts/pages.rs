//! Pages of a log by type, test and variant, from either end.

use serde_json::{Value, json};

use super::post_recorded_run;
use crate::support::{Site, TestNode};

/// Walks through all pages from the first event on; all events.
async fn forwards(node: &Site, query: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let mut page = node.get_json(&format!("/api/runs/r/events?{query}&after={cursor}")).await;
        events.append(page["events"].as_array_mut().unwrap());
        cursor = page["cursor"].as_str().unwrap().to_owned();
        if page["more"] == false {
            assert_eq!(cursor.split(':').next_back(), Some(page["tip"].to_string().as_str()), "{page}");
            return events;
        }
    }
}

/// Walks through all pages from the last event back; all events, in order.
async fn backwards(node: &Site, query: &str) -> Vec<Value> {
    let (mut events, mut before) = (Vec::new(), "latest".to_owned());
    loop {
        let mut page = node.get_json(&format!("/api/runs/r/events?{query}&before={before}")).await;
        let mut found = page["events"].as_array_mut().unwrap().clone();
        found.append(&mut events);
        events = found;
        match page["before"].as_u64() {
            Some(next) => before = next.to_string(),
            None => {
                assert_eq!(page["more"], false, "{page}");
                return events;
            }
        }
    }
}

fn seqs(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_way_through_a_filtered_log_has_the_events_that_a_reader_of_all_would_pick() {
    let mut node = TestNode::start(&[]);
    let count = post_recorded_run(&node, "r").await;
    let all = forwards(&node, "limit=10000").await;
    assert_eq!(all.len() as u64, count);
    let test = all.iter().find_map(|event| event["testId"].as_str()).unwrap().to_owned();
    let is_type = |event: &Value, kinds: &[&str]| kinds.contains(&event["type"].as_str().unwrap());
    for (query, picks) in [
        ("types=log".to_owned(), &(|event: &Value| is_type(event, &["log"])) as &dyn Fn(&Value) -> bool),
        ("types=test_status,run_status".to_owned(), &|event| is_type(event, &["test_status", "run_status"])),
        (format!("test={test}"), &|event| event["testId"] == *test),
        (format!("types=test_step&test={test}"), &|event| is_type(event, &["test_step"]) && event["testId"] == *test),
        ("types=nothing".to_owned(), &|_| false),
        (String::new(), &|_| true),
    ] {
        let picked: Vec<_> = all.iter().filter(|event| picks(event)).cloned().collect();
        for limit in [7, 10_000] {
            let query = format!("{query}&limit={limit}");
            assert!(forwards(&node, &query).await == picked, "{query}");
            assert!(backwards(&node, &query).await == picked, "{query}");
        }
    }
    node.terminate().await.assert_clean(false);
    node.restart();
    let again = forwards(&node, "types=log&limit=100").await;
    assert!(again.iter().all(|event| event["type"] == "log") && !again.is_empty(), "after a restart");
}

#[tokio::test]
async fn a_log_that_grows_is_found_in_to_its_end() {
    let node = TestNode::start(&[]);
    for n in 1..=30_u64 {
        let kind = if n.is_multiple_of(3) { "own" } else { "log" };
        node.store("r", &[json!({"type": kind, "testId": "t", "n": n}).to_string()]).await;
        let page = node.get_json("/api/runs/r/events?types=own&test=t").await;
        assert_eq!(seqs(&page), (1..=n).filter(|seq| seq.is_multiple_of(3)).collect::<Vec<_>>());
        assert_eq!((&page["tip"], &page["more"]), (&json!(n), &json!(false)));
    }
    assert!(node.metric("runcast_query_index_bytes").await > 0.0);
}

#[tokio::test]
async fn the_variant_of_an_event_is_its_own_its_producers_or_its_tests() {
    let node = TestNode::start(&[]);
    let post = async |producer: &str, from: u64, events: Vec<Value>| {
        let lines: Vec<_> = events.iter().map(Value::to_string).collect();
        let number = from.to_string();
        let headers = [("runcast-producer", producer), ("runcast-producer-seq", number.as_str())];
        assert_eq!(node.post_ndjson("r", &lines, &headers).await.status, 202);
    };
    let joins = || json!({"type": "worker", "state": "joined", "can": [], "variant": "linux"});
    let begins =
        |variant: Value| json!({"type": "test_status", "testId": "t", "status": "running", "variant": variant});
    post("p1", 1, vec![joins(), begins(Value::Null)]).await;
    post("p2", 1, vec![joins(), begins(json!("linux"))]).await;
    post("p1", 3, vec![json!({"type": "log", "testId": "t", "text": "of the last"}), json!({"type": "log"})]).await;
    for (query, want) in [
        ("variant=linux", &[1, 2][..]),
        ("variant=linux%232", &[3, 4, 5]),
        ("variant=linux%232&types=log", &[5]),
        ("variant=mac", &[]),
    ] {
        let page = node.get_json(&format!("/api/runs/r/events?{query}")).await;
        assert_eq!(seqs(&page), want, "{query}: {page}");
    }
}

#[tokio::test]
async fn a_page_before_an_event_has_the_last_events_however_large_they_are() {
    let node = TestNode::start(&[]);
    let mut lines: Vec<_> = (0..40).map(|n| json!({"type": "log", "n": n}).to_string()).collect();
    node.store("r", &lines).await;
    lines = (40..80).map(|n| json!({"type": "log", "n": n, "text": "x".repeat(200_000)}).to_string()).collect();
    for batch in lines.chunks(10) {
        node.store("r", batch).await;
    }
    let page = node.get_json("/api/runs/r/events?before=41&limit=5").await;
    assert_eq!((seqs(&page), &page["before"]), (vec![36, 37, 38, 39, 40], &json!(36)));
    assert!(page["cursor"].as_str().unwrap().ends_with(":40"), "what follows on it is {}", page["cursor"]);
    let page = node.get_json("/api/runs/r/events?before=latest").await;
    let found = seqs(&page);
    assert!((1..=8).contains(&found.len()) && found.last() == Some(&80), "{found:?}");
    for query in ["limit=10000", "limit=10000&types=log"] {
        assert_eq!(backwards(&node, query).await.len(), 80);
    }
    let reply = node.get_with("/api/runs/r/events?before=6&limit=2", &[("accept", "application/x-ndjson")]).await;
    assert_eq!((reply.text.lines().count(), reply.header("runcast-before")), (2, "4"));
    assert_eq!(reply.header("runcast-more"), "true");
    let reply = node.get_with("/api/runs/r/events?before=3&types=log", &[("accept", "application/x-ndjson")]).await;
    assert_eq!((reply.text.lines().count(), reply.header("runcast-before")), (2, ""));
    let page = node.get_json("/api/runs/r/events?before=1").await;
    assert_eq!((seqs(&page), &page["before"], &page["more"]), (vec![], &Value::Null, &json!(false)));
    let page = node.get_json("/api/runs/none/events?before=latest&types=log").await;
    assert_eq!((&page["tip"], &page["events"], &page["more"]), (&json!(0), &json!([]), &json!(false)));
    assert_eq!(node.get_json("/api/runs/none/events?before=latest").await["events"], json!([]));
}

#[tokio::test]
async fn a_question_looks_through_a_bounded_part_of_the_log_and_the_next_one_goes_on() {
    let node = TestNode::start(&[("RUNCAST__QUERIES__SCAN_BYTES", "200000")]);
    for n in 0..20 {
        let lines = [
            json!({"type": "own", "n": n}).to_string(),
            json!({"type": "log", "text": "x".repeat(60_000)}).to_string(),
        ];
        node.store("r", &lines).await;
    }
    let page = node.get_json("/api/runs/r/events?types=own").await;
    assert_eq!(page["more"], true);
    assert!((1..10).contains(&seqs(&page).len()), "{page}");
    for events in [forwards(&node, "types=own").await, backwards(&node, "types=own").await] {
        assert_eq!(
            events.iter().map(|event| event["n"].as_u64().unwrap()).collect::<Vec<_>>(),
            (0..20).collect::<Vec<_>>()
        );
    }
}

#[tokio::test]
async fn a_wrong_filter_is_refused_by_its_name_and_live_connections_take_none() {
    let node = TestNode::start(&[]);
    node.store("r", &[json!({"type": "log"}).to_string()]).await;
    let long = "x".repeat(513);
    for (query, code, named) in [
        ("types=log,,x", "invalid_types", "types"),
        (&format!("test={long}"), "invalid_test", "test must have at most 512 bytes"),
        (&format!("variant={long}"), "invalid_variant", "variant"),
        ("before=0", "invalid_before", "before must be"),
        ("before=-3", "invalid_before", "before must be"),
        ("before=3&after=1", "invalid_before", "exclude"),
        ("types=log&wait=1", "invalid_wait", "wait"),
        ("before=3&wait=1", "invalid_wait", "wait"),
        ("types=log&limit=0", "invalid_limit", "limit"),
        ("test=a&test=b", "invalid_query", "test"),
    ] {
        let detail = node.get(&format!("/api/runs/r/events?{query}")).await.problem(400, code);
        assert!(detail.contains(named), "{query}: {detail}");
    }
    for hostile in ["test=%00%ff%22%27", "types=%F0%9F%98%80", "variant=%2e%2e%2f", "test=a%0d%0ab"] {
        assert_eq!(node.get_json(&format!("/api/runs/r/events?{hostile}")).await["events"], json!([]), "{hostile}");
    }
    for path in ["/api/runs/r/events/stream?types=log", "/ws/runs/r?types=log", "/ws/test-control?runId=r&types=log"] {
        let upgrade = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let headers = if path.starts_with("/ws") { &upgrade[..] } else { &[] };
        let detail = node.get_with(path, headers).await.problem(400, "unknown_parameter");
        assert!(detail.contains("\"types\" is no parameter of GET "), "{detail}");
    }
    node.get("/api/runs/r/events/stream?before=4").await.problem(400, "unknown_parameter");
}
