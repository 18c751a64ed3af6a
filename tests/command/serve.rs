//! `serve` where it can't: an error once, with its cause once.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;

use super::{DEADLINE, output, runcast, text};

/// What a server that can't start says, without what is no error, and its exit code.
async fn refused(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = runcast(&[&["serve"], arguments].concat());
    command.current_dir(directory).envs(environment.iter().copied()).env("RUNCAST__LOG__FILTER", "error");
    let output = output(command).await;
    assert_eq!(text(&output.stdout), "");
    (output.status.code(), text(&output.stderr))
}

#[tokio::test]
async fn what_keeps_a_server_from_starting_is_said_once_with_its_cause_once() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let away = [("RUNCAST__CATALOG__URL", "postgres://u:hunter2@127.0.0.1:1/d")];
    let reached = [("RUNCAST__AUTH__ALLOW_OPEN_ON_NETWORK", "true")];
    for (arguments, environment, wanted, cause) in [
        (&["--bind", &address][..], &[][..], format!("server.bind {address}"), "Address already in use"),
        (
            &["--bind", "no-such-name.invalid:1"],
            &reached,
            "server.bind no-such-name.invalid:1 can't be looked up".into(),
            ": ",
        ),
        (&["--data-dir", "file"], &[], "data directory file".into(), "File exists"),
        (&["--data-dir", "file/below"], &[], "data directory file/below".into(), "Not a directory"),
        (&["--data-dir", "/proc/none"], &[], "data directory /proc/none".into(), "No such file or directory"),
        (&[], &away, "catalog.url".into(), "Connection refused"),
    ] {
        let mut all = arguments.to_vec();
        if !arguments.contains(&"--bind") {
            all.extend(["--bind", "127.0.0.1:0"]);
        }
        let (code, told) = refused(directory.path(), &all, environment).await;
        assert_eq!((code, told.lines().count()), (Some(1), 1), "{told}");
        assert!(told.contains(&wanted) && told.contains(cause), "{told}");
        assert!(cause == ": " || told.matches(cause).count() == 1, "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn an_error_that_the_log_does_not_say_is_said_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    let mut command = runcast(&["serve", "--bind", "127.0.0.1:0", "--data-dir", "file"]);
    command.current_dir(directory.path()).env("RUNCAST__LOG__FILTER", "off");
    let output = output(command).await;
    let told = text(&output.stderr);
    assert!(told.starts_with("runcast: data directory file: ") && told.lines().count() == 1, "{told}");
}

#[tokio::test]
async fn a_name_is_a_place_to_listen() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = runcast(&["serve", "--bind", "localhost:0", "--data-dir", "data"]);
    let mut server = command.current_dir(directory.path()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let first = timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let url = first.strip_prefix("runcast listens on ").unwrap();
    assert!(url.starts_with("http://127.0.0.1:") || url.starts_with("http://[::1]:"), "{url}");
    let health = reqwest::Client::new().get(format!("{url}/health")).timeout(Duration::from_secs(10)).send().await;
    assert_eq!(health.unwrap().status(), 200);
    server.kill().await.unwrap();
}
