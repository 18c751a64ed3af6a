use serde_json::{Value, json};

use super::http_double::{Answer, HttpDouble};
use super::support::TestNode;
use super::{output, runcast, text};

#[tokio::test]
async fn what_a_run_has_is_listed_as_a_table_or_as_it_is() {
    let node = TestNode::start(&[]);
    let text_body = "a line of text, as logs have it\n".repeat(5_000);
    for name in ["stdout.log", "stderr.log"] {
        let reply = node.try_send("PUT", &format!("/api/runs/r/artifacts/{name}"), &[], text_body.clone()).await;
        assert_eq!(reply.unwrap().status, 201);
    }
    let listed = output(runcast(&["artifacts", "r", "--url", &node.url("")])).await;
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    let table = text(&listed.stdout);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("NAME        KIND       SIZE"), "{table}");
    assert!(lines[1].starts_with("stdout.log  log   160.00 kB"), "{table}");
    assert!(lines[2].contains("stderr.log") && lines[2].contains(" ready ") && lines[2].contains(" days "), "{table}");
    assert!(lines[3].starts_with("2 artifacts, 320.00 kB -> ") && lines.len() == 4, "{table}");

    let listed = output(runcast(&["artifacts", "r", "--json", "--url", &node.url("")])).await;
    let artifacts = text(&listed.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(artifacts), node.get_json("/api/runs/r/artifacts").await["artifacts"]);

    let unknown = output(runcast(&["artifacts", "other", "--url", &node.url("")])).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("there is no run other"), "{}", text(&unknown.stderr));
    node.store("other", &[r#"{"type":"log"}"#.to_owned()]).await;
    let empty = output(runcast(&["artifacts", "other", "--url", &node.url("")])).await;
    assert!(empty.status.success() && text(&empty.stdout).contains("0 artifacts, 0 B"), "{}", text(&empty.stdout));
}

#[tokio::test]
async fn all_pages_are_listed() {
    let artifact = |id: &str| json!({"artifactId": id, "name": "n", "kind": "log", "state": "pending"});
    let page = |id: &str, cursor: Value| {
        let page = json!({"artifacts": [artifact(id)], "cursor": cursor, "direct": false, "maxBytes": 1});
        Answer::Say("200 OK", "", page.to_string())
    };
    let mut server = HttpDouble::start(vec![page("1", json!("1")), Answer::HangUp, page("2", Value::Null)]);
    let listed = output(runcast(&["artifacts", "r", "--json", "--url", &server.url])).await;
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    assert_eq!(text(&listed.stdout), format!("{}\n{}\n", artifact("1"), artifact("2")));
    let asked: Vec<_> = server.taken().into_iter().map(|request| request.line).collect();
    let pages = ["limit=1000", "limit=1000&cursor=1", "limit=1000&cursor=1"];
    assert_eq!(asked, pages.map(|query| format!("GET /api/runs/r/artifacts?{query} HTTP/1.1")));
}
