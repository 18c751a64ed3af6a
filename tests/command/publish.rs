use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use super::http_double::{Answer, HttpDouble};
use super::{finish, output, runcast, text};

const RUN: &str = include_str!("../data/run.ndjson");

fn run_file() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/run.ndjson")
}

fn stored(count: u64) -> Answer {
    let body = format!(r#"{{"runId":"r","stored":{count},"duplicates":0,"cursor":"7:{count}","new":"field"}}"#);
    Answer::Say("202 Accepted", "content-type: application/json\r\n", body)
}

#[tokio::test]
async fn a_file_is_posted_in_numbered_batches() {
    let mut server = HttpDouble::start(vec![stored(100), stored(100), stored(100), stored(100), stored(38)]);
    let command = runcast(&["publish", "ci:42", run_file(), "--batch", "100", "--url", &server.url]);
    let output = output(command).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stderr),
        "runcast: ci:42: 438 events published, 0 lines refused, 0 duplicates, cursor 7:38\n"
    );
    assert!(output.stdout.is_empty());

    let requests = server.taken();
    let numbers: Vec<_> = requests.iter().map(|request| request.header("runcast-producer-seq")).collect();
    assert_eq!(numbers, ["1", "101", "201", "301", "401"]);
    let producer = requests[0].header("runcast-producer");
    assert_eq!(uuid::Uuid::parse_str(producer).unwrap().get_version_num(), 8, "made from run, name and content");
    for request in &requests {
        assert_eq!(request.line, "POST /api/runs/ci:42/events HTTP/1.1");
        assert_eq!(request.header("content-type"), "application/x-ndjson");
        assert_eq!(request.header("runcast-producer"), producer);
    }
    let posted: Vec<u8> = requests.into_iter().flat_map(|request| request.body).collect();
    assert_eq!(text(&posted).trim_end(), RUN.trim_end(), "byte for byte");
}

#[tokio::test]
async fn a_request_is_repeated_under_its_number_until_it_is_stored() {
    let busy = |status| Answer::Say(status, "retry-after: 0\r\n", r#"{"code":"saturated"}"#.into());
    let answers = vec![
        Answer::HangUp,
        busy("503 Service Unavailable"),
        busy("429 Too Many Requests"),
        Answer::Say("502 Bad Gateway", "", "<html>".into()),
        stored(438),
    ];
    let mut server = HttpDouble::start(answers);
    let output = output(runcast(&["publish", "r", run_file(), "--url", &server.url])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let requests = server.taken();
    assert_eq!(requests.len(), 5);
    for request in &requests {
        assert_eq!(request.header("runcast-producer-seq"), "1");
        assert_eq!(request.header("runcast-producer"), requests[0].header("runcast-producer"));
        assert_eq!(request.body, requests[0].body);
    }
}

#[tokio::test]
async fn a_request_that_fails_is_repeated_at_the_next_of_several_servers() {
    let mut first = HttpDouble::start(vec![stored(300), Answer::HangUp]);
    let mut second = HttpDouble::start(vec![stored(138)]);
    let urls = format!("{},{}", first.url, second.url);
    let output = output(runcast(&["publish", "r", run_file(), "--batch", "300", "--url", &urls])).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let numbers = |server: &mut HttpDouble| -> Vec<String> {
        server.taken().iter().map(|request| request.header("runcast-producer-seq").to_owned()).collect()
    };
    assert_eq!(numbers(&mut first), ["1", "301"]);
    assert_eq!(numbers(&mut second), ["301"]);
}

#[tokio::test]
async fn a_refusal_that_is_about_no_line_ends_it_with_the_servers_words_and_the_lines_concerned() {
    let problem = r#"{"title":"Gone","status":410,"code":"run_gone","detail":"the run has expired"}"#;
    let refused = Answer::Say("410 Gone", "content-type: application/problem+json\r\n", problem.into());
    let mut server = HttpDouble::start(vec![stored(100), refused]);
    let output = output(runcast(&["publish", "r", run_file(), "--batch", "100", "--url", &server.url])).await;
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("r: 100 events published, 0 lines refused"), "{told}");
    assert!(told.contains("lines 101 to 200: the server refused with 410"), "{told}");
    assert!(told.contains("run_gone: the run has expired"), "{told}");
    assert_eq!(server.taken().len(), 2, "a refusal is not repeated");
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let output = output(runcast(&["publish", "r", run_file(), "--timeout", "1", "--url", &url])).await;
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(told.contains("gave up after 1 s without progress; last: "), "{told}");
}

#[tokio::test]
async fn a_live_pipe_flows_event_by_event() {
    let mut server = HttpDouble::start(vec![stored(1)]);
    let mut command = runcast(&["publish", "r"]);
    let mut child = command.env("RUNCAST_URL", &server.url).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    for number in ["1", "2", "3"] {
        pipe.write_all(b"{\"type\":\"log\"}\n").await.unwrap();
        // The pipe stays open, and the event arrives all the same.
        assert_eq!(server.next().await.header("runcast-producer-seq"), number);
    }
    drop(pipe);
    let output = finish(child).await;
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("3 events published"));
}

#[tokio::test]
async fn an_answer_that_is_not_runcasts_is_no_success() {
    let server = HttpDouble::start(vec![Answer::Say("200 OK", "", "<html>hello</html>".into())]);
    let output = output(runcast(&["publish", "r", run_file(), "--url", &server.url])).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the answer is not runcast's"));
}
