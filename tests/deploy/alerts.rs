//! The alerts, and that what they and the dashboard ask for is really exported.

use std::collections::BTreeSet;

use runcast::config::Config;
use runcast::protocol::close::CloseReason;
use runcast::storage::redis::PIPELINE_COMMANDS;

use crate::dashboard;
use crate::nodes;
use crate::series::{assert_exported, series};
use crate::shipped;
use crate::support::{SOON, Viewer, eventually, numbered};
use crate::yaml::{document, list, text};

/// Name and expression of each.
fn alerts() -> Vec<(String, String)> {
    let file = document("prometheus/alerts.yaml");
    let rules = list(&file, "/groups").iter().flat_map(|group| list(group, "/rules"));
    rules.map(|rule| (text(rule, "/alert").to_owned(), text(rule, "/expr").to_owned())).collect()
}

#[test]
fn every_alert_asks_for_what_is_exported() {
    let alerts = alerts();
    for (name, expression) in &alerts {
        assert_exported(name, expression);
        for matcher in series(expression).into_iter().flat_map(|series| series.matchers) {
            if let ("reason", reasons) = matcher {
                for reason in reasons.split('|') {
                    assert!(CloseReason::ALL.iter().any(|known| known.as_str() == reason), "{name}: {reason}");
                }
            }
        }
    }
    assert!(alerts.iter().filter(|(_, expression)| !series(expression).is_empty()).count() >= 10);
    let names: BTreeSet<_> = alerts.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), alerts.len(), "an alert's name is its own");
}

#[test]
fn every_alert_says_how_urgent_it_is_and_what_to_do() {
    let file = document("prometheus/alerts.yaml");
    for rule in list(&file, "/groups").iter().flat_map(|group| list(group, "/rules")) {
        assert!(["page", "ticket"].contains(&text(rule, "/labels/severity")), "{rule}");
        assert!(!text(rule, "/annotations/summary").is_empty() && !text(rule, "/annotations/description").is_empty());
    }
}

#[test]
fn every_alert_leads_to_a_chapter_of_the_runbook_and_every_chapter_is_of_an_alert() {
    let file = document("prometheus/alerts.yaml");
    let mut alerts = BTreeSet::new();
    for rule in list(&file, "/groups").iter().flat_map(|group| list(group, "/rules")) {
        let name = text(rule, "/alert");
        let link = format!("docs/runbook.md#{}", name.to_ascii_lowercase());
        assert_eq!(text(rule, "/annotations/runbook_url"), link);
        alerts.insert(name.to_owned());
    }
    let page = shipped("../docs/runbook.md");
    let mut chapters = BTreeSet::new();
    for chapter in page.split("\n### ").skip(1) {
        let (name, body) = chapter.split_once('\n').unwrap();
        let body = body.split("\n## ").next().unwrap();
        assert!(body.contains("**Do:**"), "what is to be done about {name}?");
        chapters.insert(name.to_owned());
    }
    assert_eq!(alerts, chapters);
}

#[test]
fn bounds_in_alerts_are_the_defaults() {
    let config = Config::default();
    let bounds = [
        ("runcast_outbox_bytes", config.session.outbox_total_bytes),
        ("runcast_ingest_bytes", config.ingest.inflight_bytes),
        ("runcast_redis_commands_in_flight", PIPELINE_COMMANDS),
    ];
    for (name, bound) in bounds {
        let expected = format!("{name} > 0.8 * {bound}");
        assert!(alerts().iter().any(|(_, expression)| *expression == expected), "no alert says {expected}");
    }
    let late = alerts().into_iter().find(|(name, _)| name == "RuncastCleanupIsLate").unwrap().1;
    assert!(late.contains(&format!("> 3 * {} and", config.cleanup.interval_hours * 3_600)), "{late}");
}

/// What a node that is well has nothing to say about.
const OF_FAILURES: [&str; 8] = [
    "runcast_actor_exits_total",
    "runcast_actor_restarts_total",
    "runcast_journal_failures_total",
    "runcast_artifact_failures_total",
    "runcast_catalog_failures_total",
    "runcast_holes_repaired_total",
    "runcast_limited_total",
    "runcast_audit_lost_total",
];
/// What takes a week.
const OF_EXPIRY: &str = "runcast_runs_expired_total";

/// The metrics of a node that has heard of another one's event.
async fn printed_in_a_cluster() -> String {
    let cluster = nodes::pair(&[]).await;
    let mut viewer = Viewer::join(&cluster.nodes[0], "r").await;
    cluster.nodes[1].store("r", &numbered(1, 1, 0)).await;
    viewer.until_events(1).await;
    let node = &cluster.nodes[0];
    eventually!(node.metric("runcast_nodes").await, |nodes| *nodes == 2.0, SOON);
    eventually!(node.metric("runcast_doorbells_total").await, |heard| *heard >= 1.0, SOON);
    assert_eq!(node.metric("runcast_doorbell_subscribed").await, 1.0);
    assert_eq!(node.metric("runcast_redis_up{purpose=\"journal\"}").await, 1.0);
    assert_eq!(node.metric("runcast_redis_connects_total{purpose=\"journal\"}").await, 1.0, "from the first one on");
    node.get("/metrics").await.text
}

#[tokio::test]
async fn nodes_print_every_series_that_alerts_and_dashboard_ask_for() {
    let mut node = nodes::alone(&[]);
    node.store("r", &numbered(1, 3, 0)).await;
    node.terminate().await.assert_clean(false);
    // What it has forgotten it reads from the journal.
    node.restart_in_place();
    let mut viewer = Viewer::join(&node, "r").await;
    node.store("r", &numbered(4, 1, 0)).await;
    viewer.until_events(4).await;
    let artifact = node.try_send("PUT", "/api/runs/r/artifacts/a.txt", &[], "a line of a log").await.unwrap();
    assert_eq!(artifact.status, 201, "{artifact:?}");
    let swept = node.try_send("POST", "/api/cleanup/run", &[], "").await.unwrap();
    assert_eq!(swept.status, 200, "{swept:?}");

    let expressions = alerts().into_iter().map(|(_, expression)| expression).chain(dashboard::expressions());
    let asked: BTreeSet<String> = expressions
        .flat_map(|expression| series(&expression).into_iter().map(|series| series.name.to_owned()).collect::<Vec<_>>())
        .filter(|name| !OF_FAILURES.contains(&name.as_str()) && name != OF_EXPIRY)
        .collect();
    assert!(asked.len() > 15, "{asked:?}");
    let mut printed = node.get("/metrics").await.text;
    printed += &printed_in_a_cluster().await;
    for name in asked {
        let is_it = |line: &str| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        assert!(printed.lines().any(is_it), "{name} is not in\n{printed}");
    }
}
