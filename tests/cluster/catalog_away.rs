//! A node whose list of runs is in PostgreSQL: it starts only with it, and goes on without it.

use std::process::Output;

use crate::support::{PASSWORD, Postgres, SOON, TestNode, eventually, numbered, soon};
use tokio::process::Command;

/// Runs the program to its end, beside a directory of its own, with this catalog.
async fn runcast(arguments: &[&str], url: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
    command.args(arguments).args(["--bind", "127.0.0.1:0"]).env_clear().current_dir(directory.path());
    command.env("DATABASE_URL", url).kill_on_drop(true);
    soon("the program's end", command.output()).await.unwrap()
}

#[tokio::test]
async fn a_node_that_cannot_reach_its_list_of_runs_refuses_to_start_and_says_why() {
    let output = runcast(&["serve"], &format!("postgres://runcast:{PASSWORD}@127.0.0.1:1/d")).await;
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("catalog.url: ") && told.contains("127.0.0.1:1: "), "{told}");
    assert!(!told.contains(PASSWORD), "{told}");
}

#[tokio::test]
async fn the_doctor_knocks_at_the_list_of_runs() {
    let mut server = Postgres::start().await;
    let url = server.database().await;
    let verdict = async || {
        let output = runcast(&["doctor"], &url).await;
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(!report.contains(PASSWORD), "{report}");
        let line = report.lines().find(|line| line.contains("  catalog ")).unwrap_or_else(|| panic!("{report}"));
        (output.status.success(), line.to_owned())
    };
    let (sound, line) = verdict().await;
    assert!(sound && line.starts_with("ok ") && line.contains("not encrypted"), "{line}");
    server.stop();
    let (sound, line) = verdict().await;
    assert!(!sound && line.starts_with("FAIL ") && line.contains("catalog.url"), "{line}");
}

#[tokio::test]
async fn a_list_of_runs_that_goes_away_holds_up_nobody_and_is_whole_when_it_is_back() {
    let mut server = Postgres::start().await;
    let url = server.database().await;
    let node = TestNode::start(&[("DATABASE_URL", &url)]);
    let listed = async || {
        let list = node.get("/api/runs").await;
        let runs = list.json()["runs"].as_array().cloned().unwrap_or_default();
        runs.iter().map(|run| format!("{} {}", run["runId"].as_str().unwrap(), run["events"])).collect::<Vec<_>>()
    };
    let failures = async || {
        let metrics = node.get("/metrics").await.text;
        let line = metrics.lines().find_map(|line| line.strip_prefix("runcast_catalog_failures_total "));
        line.map_or(0.0, |value| value.parse::<f64>().unwrap())
    };
    node.store("before", &numbered(1, 3, 0)).await;
    eventually!(listed().await, |runs| *runs == ["before 3"], SOON);

    for outage in 1..=2 {
        server.stop();
        // Rows come while it is away, of runs that it knows and of others.
        node.store("before", &numbered(1 + 3 * outage, 3, 0)).await;
        node.store(&format!("during-{outage}"), &numbered(1, 2, 0)).await;
        let ready = eventually!(node.get("/ready").await, |ready| ready.json()["status"] == "degraded", SOON);
        assert_eq!((ready.status, &ready.json()["dependencies"]["journal"]["status"]), (200, &"ok".into()));
        let list = node.get("/api/runs").await;
        assert_eq!((list.status, &list.json()["code"]), (503, &"catalog_unavailable".into()));
        // Each outage is worth a word when it begins and one when it ends, however often it is tried meanwhile.
        let so_far = failures().await;
        eventually!(failures().await, |now| *now >= so_far + 2.0, SOON);
        server.start_again().await;
        let newest = format!("during-{outage} 2");
        let known = format!("before {}", 3 + 3 * outage);
        eventually!(listed().await, |runs| runs.contains(&newest) && runs.contains(&known), SOON);
        eventually!(node.get("/ready").await, |ready| ready.json()["status"] == "ok", SOON);
        let told = |words: &str| node.log().matches(words).count() as u64;
        let words = || (told("the list of runs could not be written"), told("the list of runs is written again"));
        eventually!(words(), |words| *words == (outage, outage), SOON);
    }
    assert!(!node.log().contains(PASSWORD));
}
