use serde_json::{Value, json};

use super::support::TestNode;
use super::{output, runcast, text};

#[tokio::test]
async fn words_are_found_in_a_run_and_written_line_by_line_or_as_json() {
    let node = TestNode::start(&[("RUNCAST__QUERIES__SCAN_BYTES", "50000")]);
    let event = |n: usize| {
        json!({"type": "log", "testId": "t", "text": format!("{}\nNo Pay {n}", "x".repeat(500))}).to_string()
    };
    let mut lines: Vec<_> = (0..300).map(event).collect();
    lines.push(json!({"type": "error", "message": "no pay \u{1b}[31mat all"}).to_string());
    for batch in lines.chunks(20) {
        node.store("r", batch).await;
    }
    let url = node.url("");
    let search = async |more: &[&str]| output(runcast(&[&["search", "r", "--url", &url], more].concat())).await;
    let found = search(&["no", "pay"]).await;
    assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
    let told = text(&found.stdout);
    let told: Vec<_> = told.lines().collect();
    assert_eq!((told.len(), told[0], told[300]), (301, "1 log t: No Pay 0", "301 error: no pay at all"));

    let found = search(&["PAY", "--types", "error,log", "--test", "t", "--json"]).await;
    let hits: Vec<Value> = text(&found.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(hits.len(), 300);
    assert_eq!(
        hits[7],
        json!({"seq": 8, "type": "log", "testId": "t", "line": 1, "excerpt": "No Pay 7", "ranges": [[3, 6]]})
    );

    assert_eq!(search(&["nowhere"]).await.status.code(), Some(1));
    let refused = search(&[&*"x".repeat(201)]).await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("1 to 200 characters"), "{}", text(&refused.stderr));
    let unknown = output(runcast(&["search", "none", "x", "--url", &url])).await;
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown.stderr));
    assert_eq!(output(runcast(&["search", "r"])).await.status.code(), Some(2));
}
