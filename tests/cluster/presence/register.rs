//! The register itself: what is reported is found, is kept as long as it should, and is small.

use std::time::Duration;

use runcast::protocol::{Connection, RunId};
use runcast::storage::presence::{Figures, Register, RegisterOptions, Report, Reported};
use runcast::storage::redis::{RedisClient, RedisCommand, RedisSettings, Reply};

use crate::support::{RedisServer, SOON, eventually};

pub(crate) fn settings(redis: &RedisServer) -> RedisSettings {
    RedisSettings {
        url: redis.url().parse().unwrap(),
        ca_file: None,
        command_timeout: SOON,
        client_name: "test".to_owned(),
        purpose: "test",
    }
}

/// A node's register whose reports hold for `ttl`.
pub(crate) fn register(redis: &RedisServer, node: &str, ttl: Duration) -> Register {
    let options = RegisterOptions { prefix: "p".into(), node: node.into(), ttl, settings: settings(redis) };
    Register::open(options)
}

pub(crate) fn client(redis: &RedisServer) -> RedisClient {
    RedisClient::start(settings(redis), std::sync::Arc::new(()))
}

fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

fn connections(run_id: &str, count: usize) -> Vec<Connection> {
    (0..count).map(|index| Connection::begin(run(run_id), Some(format!("user-{index}").into()))).collect()
}

fn whole(began: Vec<Connection>, viewers: &[(&str, u64)]) -> Report {
    let figures = Figures { connections: began.len() as u64, active_runs: 1, uptime: 7 };
    let viewers = viewers.iter().map(|(name, viewers)| (run(name), *viewers)).collect();
    Report { whole: true, began, viewers, figures, ..Report::default() }
}

async fn keys(client: &RedisClient) -> Vec<String> {
    let Reply::Array(keys) = client.call(RedisCommand::new("KEYS").arg("*")).await.unwrap() else { panic!("no list") };
    let text = |reply| match reply {
        Reply::BulkString(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    keys.into_iter().map(text).collect()
}

fn by_session(mut connections: Vec<Connection>) -> Vec<Connection> {
    connections.sort_by_key(|connection| connection.session);
    connections
}

#[tokio::test]
async fn what_two_nodes_report_is_seen_by_both() {
    let redis = RedisServer::start().await;
    let (a, b) = (register(&redis, "a", SOON), register(&redis, "b", SOON));
    let mut here = connections("r", 3);
    here.extend(connections("r:x", 2));
    let report = whole(here.clone(), &[("r", 3), ("r:x", 2)]);
    assert_eq!(a.report(report.clone()).await, Ok(Reported::Stored));
    assert_eq!(b.report(whole(connections("r", 1), &[("r", 1)])).await, Ok(Reported::Stored));
    let seen = b.look(&[run("r"), run("none"), run("r:x")]).await.unwrap();
    let summary: Vec<_> = seen.iter().map(|seen| (seen.node.as_str(), seen.viewers.clone())).collect();
    assert_eq!(summary, [("a", vec![3, 0, 2]), ("b", vec![1, 0, 0])]);
    assert_eq!(seen[0].figures, report.figures);
    assert_eq!(by_session(b.list("a", &run("r"), 10).await.unwrap()), by_session(here[..3].to_vec()));
    assert_eq!(b.list("a", &run("r"), 2).await.unwrap().len(), 2);

    let change =
        Report { ended: here[..1].to_vec(), viewers: vec![(run("r"), 2), (run("r:x"), 0)], ..Report::default() };
    assert_eq!(a.report(change).await, Ok(Reported::Stored));
    assert_eq!(b.look(&[run("r"), run("r:x")]).await.unwrap()[0].viewers, [2, 0]);
    assert_eq!(by_session(b.list("a", &run("r"), 10).await.unwrap()), by_session(here[1..3].to_vec()));
    // A whole report voids what was before.
    assert_eq!(a.report(whole(Vec::new(), &[])).await, Ok(Reported::Stored));
    assert_eq!(b.look(&[run("r")]).await.unwrap()[0].viewers, [0]);
    assert_eq!(b.list("a", &run("r:x"), 10).await, Ok(vec![]));
}

#[tokio::test]
async fn a_node_that_tells_no_more_leaves_nothing_behind() {
    let (redis, ttl) = (RedisServer::start().await, Duration::from_millis(500));
    let (mortal, other, client) = (register(&redis, "m", ttl), register(&redis, "o", SOON), client(&redis));
    // More than one command's worth: each burst has to expire.
    let report = whole(connections("r", 1_200), &[("r", 1_200)]);
    assert_eq!(mortal.report(report).await, Ok(Reported::Stored));
    assert_eq!(other.report(whole(Vec::new(), &[])).await, Ok(Reported::Stored));
    assert_eq!(keys(&client).await.len(), 5);
    let nodes = async || other.look(&[]).await.unwrap().into_iter().map(|seen| seen.node).collect::<Vec<_>>();
    eventually!(nodes().await, |nodes| nodes == &["o"], SOON);
    let mut left = eventually!(keys(&client).await, |keys| keys.len() == 2, SOON);
    left.sort();
    assert_eq!(left, ["p:node:o", "p:nodes"]);
    let members = client.call(RedisCommand::new("SCARD").arg("p:nodes")).await;
    assert_eq!(members, Ok(Reply::Integer(1)), "whoever looks removes the dead");
}

#[tokio::test]
async fn a_node_that_leaves_leaves_nothing_behind_and_changes_of_what_is_forgotten_are_refused() {
    let redis = RedisServer::start().await;
    let (node, client) = (register(&redis, "n", SOON), client(&redis));
    assert_eq!(node.report(whole(connections("r", 2), &[("r", 2)])).await, Ok(Reported::Stored));
    node.leave().await.unwrap();
    assert_eq!(keys(&client).await, Vec::<String>::new());
    let change = Report { began: connections("r", 1), viewers: vec![(run("r"), 3)], ..Report::default() };
    assert_eq!(node.report(change).await, Ok(Reported::Forgotten));
    assert_eq!(keys(&client).await, Vec::<String>::new(), "nothing was stored");
}

#[tokio::test]
async fn two_instances_under_one_node_id_find_each_other_and_a_killed_one_is_not_found() {
    let redis = RedisServer::start().await;
    let (first, second) = (register(&redis, "n", SOON), register(&redis, "n", SOON));
    let (all, change) = (|| whole(Vec::new(), &[]), Report::default);
    assert_eq!(first.report(all()).await, Ok(Reported::Stored));
    // As after a kill: what stands there was told by an instance that tells no more.
    for report in [all(), change(), change(), all()] {
        assert_eq!(second.report(report).await, Ok(Reported::Stored));
    }
    // It is alive, after all.
    for report in [all, change, all] {
        assert_eq!(first.report(report()).await, Ok(Reported::Contested));
        assert_eq!(second.report(report()).await, Ok(Reported::Contested));
        assert_eq!(second.report(report()).await, Ok(Reported::Stored));
    }
    second.leave().await.unwrap();
    assert_eq!(first.report(change()).await, Ok(Reported::Forgotten));
    assert_eq!(first.report(all()).await, Ok(Reported::Stored));
    assert_eq!(first.report(change()).await, Ok(Reported::Stored));
}

#[tokio::test]
async fn a_loss_amid_a_report_is_noticed() {
    let redis = RedisServer::start().await;
    let (node, client) = (register(&redis, "n", SOON * 10), client(&redis));
    for _ in 0..20 {
        let report = node.report(whole(connections("r", 10_000), &[("r", 10_000)]));
        let flush = async {
            let fields = async || client.call(RedisCommand::new("HLEN").arg("p:node:n:connections")).await.unwrap();
            eventually!(fields().await, |fields| *fields != Reply::Integer(0), SOON);
            client.call(RedisCommand::new("FLUSHALL")).await.unwrap();
        };
        let (reported, ()) = tokio::join!(report, flush);
        if reported.unwrap() == Reported::Stored {
            // The loss came behind the report.
            assert_eq!(node.report(Report::default()).await, Ok(Reported::Forgotten));
        }
        node.leave().await.unwrap();
    }
}

#[tokio::test]
async fn a_look_at_more_runs_than_fit_one_question_is_whole() {
    let redis = RedisServer::start().await;
    let node = register(&redis, "n", SOON);
    let runs: Vec<_> = (0..1_234).map(|index| (run(&format!("r{index}")), index)).collect();
    let report = Report { viewers: runs.clone(), ..whole(Vec::new(), &[]) };
    assert_eq!(node.report(report).await, Ok(Reported::Stored));
    let names: Vec<_> = runs.iter().map(|(run, _)| run.clone()).collect();
    let expected: Vec<_> = (0..1_234).collect();
    assert_eq!(node.look(&names).await.unwrap()[0].viewers, expected);
}

async fn used_memory(client: &RedisClient) -> u64 {
    let Reply::BulkString(info) = client.call(RedisCommand::new("INFO").arg("memory")).await.unwrap() else { panic!() };
    let info = String::from_utf8(info).unwrap();
    let value = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    value.trim().parse().unwrap()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "docs/performance.md states the figure")]
async fn a_hundred_thousand_connections_fit_into_a_hundred_megabytes() {
    const CONNECTIONS: u64 = 20_000;
    const PER_NODE: usize = 10_000;
    let (redis, mut nodes) = (RedisServer::start().await, Vec::new());
    let client = client(&redis);
    let before = used_memory(&client).await;
    for name in ["node-1", "node-2"] {
        let node = register(&redis, name, SOON * 10);
        // As they are in a cluster: runs named by UUIDs with ten viewers each, users by mail addresses.
        let runs: Vec<_> = (0..PER_NODE / 10).map(|_| run(&uuid::Uuid::now_v7().to_string())).collect();
        let user = |index| Some(format!("firstname.lastname-{index}@company.example").into());
        let began = (0..PER_NODE).map(|index| Connection::begin(runs[index / 10].clone(), user(index))).collect();
        let viewers = runs.iter().map(|run| (run.clone(), 10)).collect();
        let figures = Figures { connections: PER_NODE as u64, active_runs: 1_000, uptime: 7 };
        let report = Report { whole: true, began, viewers, figures, ..Report::default() };
        assert_eq!(node.report(report).await, Ok(Reported::Stored));
        assert_eq!(node.list(name, &runs[7], 100).await.unwrap().len(), 10);
        nodes.push(node);
    }
    let fields = client.call(RedisCommand::new("HLEN").arg("p:node:node-2:connections")).await;
    assert_eq!(fields, Ok(Reply::Integer(PER_NODE as i64)));
    let each = (used_memory(&client).await - before) / CONNECTIONS;
    println!("{each} bytes per connection: {} MB for 100,000", each / 10);
    assert!(each < 1_000, "{each} bytes per connection");
}
