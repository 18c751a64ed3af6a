//! What is said of a server that is not there, or that is not what its address says, whatever the command.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use futures_util::future::join_all;

use super::support::TestNode;
use super::{output, runcast, text};

/// Each command that speaks to a server and tries again, without its flags about servers.
const COMMANDS: [&[&str]; 15] = [
    &["publish", "r", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/run.ndjson")],
    &["watch", "r"],
    &["runs"],
    &["show", "r"],
    &["search", "r", "x"],
    &["steer", "r"],
    &["steer", "r", "pause"],
    &["finish", "r"],
    &["upload", "r", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")],
    &["artifacts", "r"],
    &["download", "r"],
    &["export", "r", "--format", "html"],
    &["pin", "r"],
    &["unpin", "r"],
    &["delete", "r"],
];

/// An address where nobody listens.
fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[tokio::test]
async fn every_command_says_at_once_which_server_it_waits_for_and_how_long_and_names_it_at_the_end() {
    let url = nowhere();
    let waiting = format!("runcast: waiting for {url}: connection refused, giving up in 0 s");
    let outputs = join_all(COMMANDS.map(async |command| {
        let command = [command, &["--timeout", "1", "--url", &url]].concat();
        (command.join(" "), output(runcast(&command)).await)
    }));
    for (command, output) in outputs.await {
        let told = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 3)), "{command}: {told}");
        assert_eq!(told.lines().next(), Some(&*waiting), "{command}");
        let last = told.lines().last().unwrap();
        let ends = last.contains("gave up after 1 s") && last.contains(&format!("{url}: connection refused"));
        assert!(ends && last.ends_with("(is a server running there?)"), "{command}: {told}");
        assert_eq!(told.matches("waiting for").count(), 1, "{command}: {told}");
    }
    let cleanup = output(runcast(&["cleanup", "--url", &url])).await;
    let told = text(&cleanup.stderr);
    assert_eq!(told, format!("runcast: {url}: connection refused (is a server running there?)\n"));
}

#[tokio::test]
async fn an_address_without_its_scheme_says_what_to_type_also_where_the_variable_has_it() {
    let flag = output(runcast(&["runs", "--url", "localhost:3001"])).await;
    assert_eq!(flag.status.code(), Some(2));
    assert!(text(&flag.stderr).contains(": type http://localhost:3001"), "{}", text(&flag.stderr));
    for (value, wanted) in
        [("127.0.0.1:3001", "type http://127.0.0.1:3001"), ("", "and is empty"), ("ftp://h", "http://HOST")]
    {
        let mut command = runcast(&["show", "r"]);
        command.env("RUNCAST_URL", value);
        let told = output(command).await;
        assert_eq!(told.status.code(), Some(2));
        let said = text(&told.stderr);
        assert!(said.starts_with(&format!("runcast: RUNCAST_URL is {value:?}: it must be")), "{said}");
        assert!(said.contains(wanted) && said.lines().count() == 1, "{said}");
    }
    let url = nowhere();
    let mut command = runcast(&["runs", "--timeout", "1"]);
    command.env("RUNCAST_URL", &url);
    let told = text(&output(command).await.stderr);
    assert!(told.ends_with("(the address is RUNCAST_URL's)\n"), "{told}");
}

#[tokio::test]
async fn a_scheme_that_the_server_does_not_speak_is_told_at_once_with_the_other_one() {
    let node = TestNode::start(&[]);
    let encrypted = node.url("").replace("http://", "https://");
    for command in [&["runs"][..], &["watch", "r"], &["publish", "r", "-"]] {
        let mut child = runcast(&[command, &["--url", &encrypted]].concat());
        child.stdin(std::process::Stdio::piped());
        let mut child = child.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let _ = tokio::io::AsyncWriteExt::write_all(&mut pipe, b"{\"type\":\"log\"}\n").await;
        drop(pipe);
        let output = super::finish(child).await;
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        let wanted =
            format!("{}: it answers without TLS: type http:// instead of https://", encrypted.trim_end_matches('/'));
        assert!(told.contains(&wanted), "{command:?}: {told}");
    }

    // What a server with TLS says to a request without: a fatal alert.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);
        }
    });
    for command in [&["runs"][..], &["watch", "r"]] {
        let output = output(runcast(&[command, &["--url", &plain]].concat())).await;
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("{plain}: it does not answer in HTTP")), "{told}");
        assert!(told.contains("type https:// instead of http://"), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_is_another_ones_is_told_apart_from_a_run_that_is_not_there() {
    use super::http_double::{Answer, HttpDouble};
    let foreign = HttpDouble::start(vec![Answer::Say("404 Not Found", "", "<h1>\x1b[2Jnginx</h1>".into())]);
    let told = output(runcast(&["show", "r", "--url", &foreign.url])).await;
    let said = text(&told.stderr);
    assert!(said.contains(&format!("{}: no runcast server answers there, but 404 Not Found", foreign.url)), "{said}");
    assert!(!said.contains('\x1b'), "{said:?}");
    let moved = Answer::Say("301 Moved Permanently", "location: https://runcast.example/x\r\n", String::new());
    let moved = HttpDouble::start(vec![moved]);
    let told = output(runcast(&["runs", "--url", &moved.url])).await;
    assert!(text(&told.stderr).contains("it redirects to https://runcast.example/x"), "{}", text(&told.stderr));
    let node = TestNode::start(&[]);
    let told = output(runcast(&["show", "r", "--url", &node.url("")])).await;
    assert_eq!(text(&told.stderr), "runcast: there is no run r: runcast runs lists those that there are\n");
}
