//! Searches for words.

use serde_json::{Value, json};

use crate::support::TestNode;

/// Percent-encodes what a person typed.
fn typed(words: &str) -> String {
    words.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// All hits of a search, asked for with this limit.
async fn all(node: &TestNode, words: &str, query: &str) -> Vec<Value> {
    let (mut hits, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/runs/r/search?q={}&{query}&after={cursor}", typed(words));
        let mut page = node.get_json(&path).await;
        hits.append(page["hits"].as_array_mut().unwrap());
        cursor = page["cursor"].as_str().unwrap().to_owned();
        if page["more"] == false {
            return hits;
        }
    }
}

fn places(hits: &[Value]) -> Vec<(u64, u64)> {
    hits.iter().map(|hit| (hit["seq"].as_u64().unwrap(), hit["line"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn what_a_person_types_is_found_however_it_was_written() {
    let node = TestNode::start(&[]);
    let lines = [
        r#"{"type":"log","testId":"a","text":"Caf\u00e9 \"au lait\"\nsecond line\r\nthird CAFÉ"}"#,
        r#"{"type":"log","text":"\u001b[31mcaf\u001b[1m\u00c9\u001b[0m of colours, \u0070lain"}"#,
        r#"{"type":"test_step","testId":"a","variant":"linux","step":{"stepNumber":1,"title":["cart","pays by card"],"subtitle":"getByText('A\/B')"}}"#,
        r#"{"type":"test_status","testId":"a","variant":"linux","status":"failed","data":{"errors":[{"message":"Timeout \ud83d exceeded"}]}}"#,
        r#"{"type":"log","text":"Ошибка: 😀 СЕТИ"}"#,
    ];
    node.store("r", &lines.map(str::to_owned)).await;
    for (words, want) in [
        ("café", &[(1, 0), (1, 2), (2, 0)][..]),
        ("\"AU LAIT\"", &[(1, 0)]),
        ("third", &[(1, 2)]),
        ("plain", &[(2, 0)]),
        ("of colours", &[(2, 0)]),
        ("Cart › Pays", &[(3, 0)]),
        ("a/b", &[(3, 0)]),
        ("timeout", &[(4, 0)]),
        ("ошибка: 😀 сети", &[(5, 0)]),
        ("nothing of that", &[]),
        ("failed", &[]),
        ("\u{1b}[31m", &[]),
        ("\0", &[]),
    ] {
        for limit in [1, 1_000] {
            let hits = all(&node, words, &format!("limit={limit}")).await;
            assert_eq!(places(&hits), want, "{words}");
        }
    }
    let hit = &all(&node, "timeout", "").await[0];
    assert_eq!(
        *hit,
        json!({"seq": 4, "type": "test_status", "testId": "a", "variant": "linux", "line": 0,
            "excerpt": "Timeout \u{fffd} exceeded", "ranges": [[0, 7]]})
    );
    let hit = &all(&node, "сети", "").await[0];
    assert_eq!((&hit["ranges"], &hit["testId"]), (&json!([[11, 15]]), &Value::Null), "in UTF-16");
    assert_eq!(places(&all(&node, "a", "types=test_step&test=a&variant=linux").await), [(3, 0), (3, 0)]);
    assert_eq!(places(&all(&node, "café", "test=a").await), [(1, 0), (1, 2)]);
    assert_eq!(places(&all(&node, "café", "types=error").await), []);
}

#[tokio::test]
async fn a_search_looks_through_a_bounded_part_of_the_log_and_goes_on_in_the_next_answer() {
    let mut node = TestNode::start(&[("RUNCAST__QUERIES__SCAN_BYTES", "100000")]);
    for part in 0..20 {
        let lines: Vec<_> = (0..50)
            .map(|n| json!({"type": "log", "text": format!("{}\nneedle {part} {n}", "x".repeat(900))}).to_string())
            .collect();
        node.store("r", &lines).await;
    }
    let page = node.get_json("/api/runs/r/search?q=nowhere").await;
    assert_eq!((&page["hits"], &page["more"], &page["runId"]), (&json!([]), &json!(true), &json!("r")));
    let scanned = page["scanned"].as_u64().unwrap();
    assert!((50_000..200_000).contains(&scanned), "{scanned}");
    let want: Vec<_> = (1..=1_000).map(|seq| (seq, 1)).collect();
    for query in ["limit=7", "limit=1000", "types=log&limit=300"] {
        assert!(places(&all(&node, "NEEDLE", query).await) == want, "{query}");
    }
    node.terminate().await.assert_clean(false);
    node.restart();
    let page = node.get_json("/api/runs/r/search?q=needle&after=990&limit=20").await;
    assert_eq!((page["hits"].as_array().unwrap().len(), &page["more"]), (10, &json!(false)), "after a restart");
}

#[tokio::test]
async fn an_event_with_many_lines_is_told_in_parts() {
    let node = TestNode::start(&[]);
    let lines = [
        json!({"type": "log", "text": "a\nb\n".repeat(500)}).to_string(),
        json!({"type": "log", "text": "a"}).to_string(),
    ];
    node.store("r", &lines).await;
    let page = node.get_json("/api/runs/r/search?q=a&limit=300").await;
    assert!(page["cursor"].as_str().unwrap().ends_with(":0.300"), "{}", page["cursor"]);
    for limit in [7, 300, 500, 501] {
        let hits = places(&all(&node, "a", &format!("limit={limit}")).await);
        let want: Vec<_> = (0..500).map(|n| (1, 2 * n)).chain([(2, 0)]).collect();
        assert!(hits == want, "{limit}");
    }
}

#[tokio::test]
async fn a_wrong_search_is_refused_by_the_name_of_what_is_wrong() {
    let node = TestNode::start(&[]);
    node.get("/api/runs/r/search?q=x").await.problem(404, "run_not_found");
    node.store("r", &[json!({"type": "log", "text": "x"}).to_string()]).await;
    let long = "x".repeat(201);
    for (query, code, named) in [
        ("", "invalid_q", "q must have 1 to 200 characters, not 0"),
        (&format!("q={long}"), "invalid_q", "not 201"),
        ("q=x&limit=x", "invalid_limit", "limit must be 1 to 1000"),
        ("q=x&after=1:2:3", "invalid_after", "after"),
        ("q=x&after=-1.5", "invalid_after", "after"),
        ("q=x&types=,", "invalid_types", "types"),
        ("q=x&q=y", "invalid_query", "q"),
    ] {
        let detail = node.get(&format!("/api/runs/r/search?{query}")).await.problem(400, code);
        assert!(detail.contains(named), "{query}: {detail}");
    }
    assert_eq!(node.get_json("/api/runs/r/search?q=%ff%00&after=1:99").await["hits"], json!([]));
    assert_eq!(node.get_json("/api/tests/r/search?q=X").await["hits"].as_array().unwrap().len(), 1);
}
