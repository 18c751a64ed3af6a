//! `runcast steer` and `runcast finish`, against a server that says exactly what a test needs.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::http_double::{Answer, HttpDouble, Request};
use super::terminal::typing;
use super::{finish, output, runcast, text};

fn given(state: &str) -> Answer {
    Answer::Say("202 Accepted", "", json!({"commandId": "c", "state": state, "cursor": "1:7"}).to_string())
}

fn refused(status: &'static str, problem: Value) -> Answer {
    Answer::Say(status, "", problem.to_string())
}

/// The command in a request.
fn sent(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn steer(server: &HttpDouble, line: &str) -> Command {
    let words = format!("steer r {line} --url {} --as ada", server.url);
    runcast(&words.split(' ').collect::<Vec<_>>())
}

#[tokio::test]
async fn a_command_without_an_answer_is_repeated_with_the_same_id_in_the_same_name() {
    let mut server = HttpDouble::start(vec![Answer::HangUp, refused("503 Busy", json!({})), given("queued")]);
    let done = output(steer(&server, "pause --max-secs 60")).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), "pause queued (c)\n");
    let requests = server.taken();
    assert_eq!(requests.len(), 3);
    let id = sent(&requests[0])["commandId"].clone();
    assert_eq!(uuid::Uuid::parse_str(id.as_str().unwrap()).unwrap().get_version_num(), 7);
    for request in &requests {
        assert_eq!(request.line, "POST /api/runs/r/commands HTTP/1.1");
        assert_eq!((request.header("runcast-user"), request.header("content-type")), ("ada", "application/json"));
        assert_eq!(sent(request), json!({"type": "pause", "maxSecs": 60, "commandId": id}));
    }
}

#[tokio::test]
async fn a_refusal_says_who_has_control_and_has_an_exit_code_of_its_own() {
    let problem = json!({
        "code": "lease_held", "detail": "grace has control of the run", "holder": {"name": "grace", "kind": "human"},
    });
    let server = HttpDouble::start(vec![refused("409 Conflict", problem)]);
    let held = output(steer(&server, "resume")).await;
    assert_eq!(held.status.code(), Some(3));
    let said = text(&held.stderr);
    assert!(said.contains("grace has control of r.") && said.contains("runcast steer r take --steal"), "{said}");

    let wrong = json!({"code": "invalid_command", "detail": "location: must be file:line"});
    let server = HttpDouble::start(vec![refused("400 Bad Request", wrong)]);
    let wrong = output(steer(&server, "step")).await;
    assert_eq!((wrong.status.code(), text(&wrong.stderr)), (Some(1), "runcast: location: must be file:line\n".into()));

    let full = json!({"code": "too_many_commands", "detail": "the run has 10000 commands"});
    let mut server = HttpDouble::start(vec![refused("429 Too Many Requests", full)]);
    let full = output(steer(&server, "step")).await;
    assert_eq!((full.status.code(), server.taken().len()), (Some(1), 1), "it does not pass, and is not tried again");
}

#[tokio::test]
async fn wrong_usage_is_told_before_anything_is_sent() {
    let mut server = HttpDouble::start(vec![given("queued")]);
    for line in ["take --wait", "take --target p", "pause --expires-in 5", "dance", "answer a"] {
        let wrong = output(steer(&server, line)).await;
        assert_eq!(wrong.status.code(), Some(2), "{line}: {}", text(&wrong.stderr));
        assert!(!wrong.stderr.is_empty() && wrong.stdout.is_empty(), "{line}");
    }
    assert!(server.taken().is_empty());
}

/// The state of a run with the command.
fn state(state: &str, detail: &str) -> Answer {
    let command = json!({"commandId": "c", "type": "manual_action", "state": state, "detail": detail});
    Answer::Say("200 OK", "", json!({"status": "running", "commands": [command]}).to_string())
}

#[tokio::test]
async fn the_exit_code_tells_how_a_command_has_ended() {
    for (end, code) in [
        ("done", 0),
        ("failed", 10),
        ("rejected", 11),
        ("expired", 12),
        ("withdrawn", 13),
        ("superseded", 14),
        ("interrupted", 15),
    ] {
        let mut server =
            HttpDouble::start(vec![given("queued"), state("accepted", ""), state(end, "no \u{1b}[2Jbutton")]);
        let ended = output(steer(&server, "click --selector #save --wait")).await;
        assert_eq!(ended.status.code(), Some(code), "{end}: {}", text(&ended.stderr));
        assert_eq!(text(&ended.stdout), format!("click {end} (c): no \\u{{1b}}[2Jbutton\n"));
        let lines: Vec<_> = server.taken().into_iter().map(|request| request.line).collect();
        assert_eq!(lines[1..], ["GET /api/runs/r HTTP/1.1"; 2]);
    }
    let server = HttpDouble::start(vec![given("queued"), state("queued", "")]);
    let waits = output(steer(&server, "step --wait --timeout 1 --json")).await;
    assert_eq!(waits.status.code(), Some(16));
    assert_eq!(serde_json::from_slice::<Value>(&waits.stdout).unwrap()["state"], "queued");
}

#[tokio::test]
async fn a_secret_comes_through_a_pipe_and_stands_only_in_the_command() {
    let mut server = HttpDouble::start(vec![given("done")]);
    let mut command = steer(&server, "answer pw --secret");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"hunter2 \xc3\xb6\n").await.unwrap();
    let answered = finish(child).await;
    assert!(answered.status.success(), "{}", text(&answered.stderr));
    let sent = sent(&server.next().await);
    assert_eq!((&sent["type"], &sent["askId"], &sent["value"]), (&"answer".into(), &"pw".into(), &"hunter2 ö".into()));
    assert!(!text(&answered.stdout).contains("hunter2"));

    let nothing = output(steer(&server, "fill --selector #p --secret")).await;
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("no secret was entered; nothing was sent"), "{}", text(&nothing.stderr));
    assert!(server.taken().is_empty());
}

/// Fills a field with a secret that is typed on a terminal.
async fn typed_secret(server: &HttpDouble, keys: &str) -> std::process::Output {
    let steer = ["steer", "r", "fill", "--selector", "#p", "--secret", "--as", "ada", "--url", &server.url];
    typing("(not shown): ", keys, &steer).await
}

#[tokio::test]
async fn a_terminal_does_not_show_a_secret_and_ctrl_c_gives_it_up() {
    let mut server = HttpDouble::start(vec![given("queued")]);
    let typed = typed_secret(&server, "hunter3\u{7f}2\r").await;
    assert!(typed.status.success(), "{typed:?}");
    let shown = text(&typed.stdout);
    assert!(shown.contains("Secret to fill (not shown): ") && shown.contains("fill queued (c)"), "{shown}");
    assert!(!shown.contains("hunter"), "{shown}");
    let action = sent(&server.next().await)["action"].clone();
    assert_eq!(action, json!({"action": "fill", "selector": "#p", "secret": "hunter2"}));

    let given_up = typed_secret(&server, "hunter2\u{3}").await;
    assert_eq!(given_up.status.code(), Some(1), "{given_up:?}");
    assert!(text(&given_up.stdout).contains("given up; nothing was sent"), "{given_up:?}");
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn a_run_is_finished_with_the_status_that_is_said_or_with_its_own() {
    let finished = Answer::Say("200 OK", "", json!({"runId": "r", "status": "failed"}).to_string());
    let mut server = HttpDouble::start(vec![finished]);
    for (flags, body) in [(&[][..], json!({})), (&["--status", "failed"], json!({"status": "failed"}))] {
        let done = output(runcast(&[&["finish", "r", "--url", &server.url], flags].concat())).await;
        assert_eq!(text(&done.stdout), "r is finished: failed\n", "{}", text(&done.stderr));
        let request = server.next().await;
        assert_eq!((request.line.as_str(), sent(&request)), ("POST /api/runs/r/finish HTTP/1.1", body));
    }
    let wrong = output(runcast(&["finish", "r", "--status", "running", "--url", &server.url])).await;
    assert_eq!(wrong.status.code(), Some(2));
}
