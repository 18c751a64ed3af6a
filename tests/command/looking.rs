//! `runcast runs` and `runcast show`, in a pipe and on a terminal.

use serde_json::{Value, json};

use super::support::{SOON, TestNode, eventually, real_run};
use super::terminal::on_a_terminal;
use super::{output, runcast, text};

fn begun(project: &str, title: &str) -> String {
    let author = format!("Ada of the {project}");
    let meta = json!({"project": project, "title": title, "author": author, "branch": "a-branch-with-a-long-name/for-a-table"});
    json!({"type": "run_status", "status": "running", "data": {"meta": meta}}).to_string()
}

#[tokio::test]
async fn runs_are_listed_by_what_is_wanted_of_them_page_by_page() {
    let node = TestNode::start(&[]);
    for number in 0..7 {
        let project = if number < 5 { "shop" } else { "bank" };
        node.store(&format!("run-{number}"), &[begun(project, "A title\u{1b}[2J that is rather long for a table")])
            .await;
    }
    node.store("whole", &real_run()).await;
    let url = node.url("");
    eventually!(node.get_json("/api/runs?project=shop").await["runs"].as_array().unwrap().len(), |n| *n == 5, SOON);
    eventually!(
        node.get_json("/api/runs?status=failed").await["runs"][0]["counts"]["failed"].clone(),
        Value::is_u64,
        SOON
    );

    let list = async |more: &[&str]| output(runcast(&[&["runs", "--url", &url], more].concat())).await;
    let all = list(&[]).await;
    let table = text(&all.stdout);
    assert!(all.status.success() && table.lines().count() == 9, "{table}");
    assert!(table.starts_with("RUN    STATUS   PASSED  FAILED  STARTED"), "{table}");
    assert!(table.contains("shop: A title\\u{1b}[2J that is rather long for a table"), "whole in a pipe: {table}");
    assert!(!table.contains('\x1b'));

    let some = list(&["--project", "shop", "--json", "--limit", "2"]).await;
    let runs: Vec<Value> = text(&some.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((runs.len(), &runs[0]["meta"]["project"]), (2, &json!("shop")));
    let told = text(&some.stderr);
    let cursor = told.trim().rsplit_once("--cursor ").unwrap_or_else(|| panic!("{told}")).1;
    let rest = list(&["--project", "shop", "--json", "--cursor", cursor]).await;
    assert_eq!(text(&rest.stdout).lines().count(), 3);
    assert_eq!(text(&rest.stderr), "");
    let failed = list(&["--status", "failed", "--since", "1h"]).await;
    assert!(text(&failed.stdout).lines().nth(1).unwrap().starts_with("whole  failed"), "{}", text(&failed.stdout));
    let none = list(&["nothing", "like", "it"]).await;
    assert!(none.status.success() && text(&none.stderr) == "runcast: there is no such run\n");
    let hers = list(&["--author", "ada of the bank", "--json"]).await;
    assert_eq!(text(&hers.stdout).lines().count(), 2);
    let wrong = list(&["--group", "all"]).await;
    assert!(wrong.status.code() == Some(1) && text(&wrong.stderr).contains("invalid_group"), "{}", text(&wrong.stderr));

    let narrow = on_a_terminal(80, &[], &["ls", "--url", &url]).await;
    let shown = text(&narrow.stdout);
    assert!(shown.lines().count() == 9 && shown.contains("run-6") && shown.contains('…'), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[tokio::test]
async fn a_run_is_shown_with_its_failed_tests_in_words_or_as_it_is() {
    let node = TestNode::start(&[]);
    node.store("r", &real_run()).await;
    let url = node.url("");
    let shown = output(runcast(&["show", "r", "--url", &url])).await;
    let told = text(&shown.stdout);
    assert!(shown.status.success() && told.starts_with("r: failed, "), "{told}");
    let state = node.get_json("/api/runs/r").await;
    let failed: Vec<_> = state["tests"].as_array().unwrap().iter().filter(|t| t["outcome"] == "unexpected").collect();
    assert!(!failed.is_empty());
    for test in failed {
        assert!(told.contains(test["title"].as_str().unwrap()), "{test} in {told}");
        let first = test["error"].as_str().unwrap().lines().next().unwrap().split('\u{1b}').next().unwrap();
        assert!(told.contains(first), "{first} in {told}");
    }
    assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
    let json = output(runcast(&["show", "r", "--json", "--url", &url])).await;
    assert_eq!(serde_json::from_slice::<Value>(&json.stdout).unwrap()["tests"], state["tests"]);
}

#[tokio::test]
async fn on_a_terminal_colours_of_a_run_are_shown_and_nothing_else_acts() {
    let node = TestNode::start(&[]);
    let error = "\u{1b}[31mred\u{1b}[39m\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}2J\u{1b}[8mhidden";
    let events = [
        json!({"type": "test_status", "testId": "t", "status": "failed", "data": {"errors": [{"message": error}]}}),
        json!({"type": "run_status", "status": "failed"}),
    ];
    node.store("r", &events.map(|event| event.to_string())).await;
    let url = node.url("");
    for command in ["watch", "show"] {
        let shown = text(&on_a_terminal(100, &[], &[command, "r", "--url", &url]).await.stdout);
        assert!(shown.contains("\x1b[31mred\x1b[39mhidden\x1b[0m"), "{command}: {shown:?}");
        for bad in ["[2J", "]0;", "\u{9b}", "[8m", "\\u{"] {
            assert!(!shown.contains(bad), "{command}: {shown:?}");
        }
        let plain = on_a_terminal(100, &[("NO_COLOR", "1")], &[command, "r", "--url", &url]).await;
        let plain = text(&plain.stdout);
        assert!(plain.contains("redhidden") && !plain.contains('\x1b'), "{command}: {plain:?}");
    }
}
