use std::process::Output;

use serde_json::Value;

use super::http_double::{Answer, HttpDouble};
use super::support::TestNode;
use super::{output, runcast, text};

async fn cleanup(url: &str, arguments: &[&str]) -> Output {
    output(runcast(&[&["cleanup", "--url", url], arguments].concat())).await
}

#[tokio::test]
async fn what_would_go_is_listed_and_then_it_goes() {
    let node = TestNode::start(&[("RUNCAST__RETENTION__DAYS", "0"), ("RUNCAST__RETENTION__ALLOW_ZERO", "true")]);
    let reply = node.try_send("PUT", "/api/runs/r/artifacts/old.bin", &[], "0123456789").await.unwrap();
    assert_eq!(reply.status, 201, "{reply:?}");
    let dry = cleanup(&node.url(""), &["--dry-run"]).await;
    assert!(dry.status.success(), "{}", text(&dry.stderr));
    let told = text(&dry.stdout);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("REASON   BYTES  RUN  NAME"), "{told}");
    assert!(lines[1].starts_with("expired   10 B  r    old.bin  other  days"), "{told}");
    assert_eq!(lines[2], "1 would go, 10 B would be free: 1 expired (10 B)");

    let done = cleanup(&node.url(""), &[]).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).starts_with("1 removed, 10 B free: 1 expired (10 B); "), "{}", text(&done.stdout));
    let again = cleanup(&node.url(""), &["--json"]).await;
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&again["dryRun"], &again["expired"]["count"]), (&false.into(), &0.into()), "{again}");
}

#[tokio::test]
async fn what_was_not_done_is_told() {
    let problem = r#"{"title":"Conflict","status":409,"code":"cleanup_running","detail":"a cleanup is running"}"#;
    let running = HttpDouble::start(vec![Answer::Say("409 Conflict", "retry-after: 10\r\n", problem.into())]);
    let refused = cleanup(&running.url, &[]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr), "runcast: a cleanup is running already; nothing was done\n");

    let swept = r#"{"expired":{"count":1,"bytes":10},"failed":2}"#;
    let mut failing = HttpDouble::start(vec![Answer::Say("200 OK", "", swept.into())]);
    // The first server can't be reached: the next one does it, and only one is asked.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let done = cleanup(&format!("http://{closed},{}", failing.url), &["--dry-run"]).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("2 could not be removed; the next cleanup tries again"));
    let asked: Vec<_> = failing.taken().into_iter().map(|request| request.line).collect();
    assert_eq!(asked, ["POST /api/cleanup/run?dryRun=1 HTTP/1.1"]);
}

#[tokio::test]
async fn a_server_that_is_another_ones_is_not_taken_for_a_balancer_before_runcast() {
    for (status, told) in
        [("404 Not Found", "no runcast server answers there, but 404 Not Found"), ("403 Forbidden", "403 Forbidden")]
    {
        let foreign = HttpDouble::start(vec![Answer::Say(status, "", "<h1>other</h1>".into())]);
        let refused = cleanup(&foreign.url, &[]).await;
        assert_eq!(refused.status.code(), Some(1));
        let said = text(&refused.stderr);
        assert!(said.contains(told) && !said.contains("balancer"), "{said}");
    }
    // What a rule of a balancer, or of a proxy that knows operators, says.
    let stats = Answer::Say("200 OK", "", r#"{"serverId":"node-1"}"#.into());
    let closed = HttpDouble::start(vec![Answer::Say("403 Forbidden", "", "<h1>no</h1>".into()), stats]);
    let refused = cleanup(&closed.url, &[]).await;
    let said = text(&refused.stderr);
    assert!(said.starts_with(&format!("runcast: {}: a balancer answers there", closed.url)), "{said}");
}
