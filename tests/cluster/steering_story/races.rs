//! Two workers that want the same click on two nodes at the same time: one gets it.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::cast::{Person, RUN, Worker, of_type, same_on_all, shown};
use super::{REDIS, SETTINGS};
use crate::support::{Cluster, Site};

const ROUNDS: usize = 60;

/// A run that nobody has joined: whoever claims an act first does it.
async fn begin(node: &Site) -> [Worker; 2] {
    node.store(RUN, &[json!({"type": "run_status", "status": "running"}).to_string()]).await;
    ["w1", "w2"].map(Worker::new)
}

#[tokio::test]
async fn a_click_is_claimed_by_exactly_one_of_two_workers_that_race_on_two_nodes() {
    let cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let [first, second, third] = &cluster.nodes[..] else { panic!("three nodes") };
    let mut workers = begin(first).await;
    let mut ann = Person::at(third, "Ann").await;
    let mut won = [0, 0];
    for round in 0..ROUNDS {
        let action = json!({"action": "click", "selector": format!("#{round}")});
        let click = ann.want(json!({"type": "manual_action", "action": action})).await;
        let [one, other] = &workers;
        let (one, other) = tokio::join!(one.try_claim(first, &click), other.try_claim(second, &click));
        let replies = [one, other];
        let winner = replies.iter().position(|reply| reply.status == 200).unwrap_or_else(|| panic!("{replies:?}"));
        let loser = 1 - winner;
        replies[loser].problem(409, "command_claimed");
        won[winner] += 1;
        // The answer may be lost: the same key has it again, on any node, and nobody else does.
        assert_eq!(workers[winner].claim(third, &click).await, replies[winner].json(), "round {round}");
        workers[loser].try_claim(third, &click).await.problem(409, "command_claimed");
        let impostor = Worker::new(&workers[winner].id);
        impostor.try_claim(first, &click).await.problem(409, "command_claimed");
        // The loser reports that it did it, and is told that this says nothing.
        let report = json!({"type": "command_status", "commandId": click, "status": "done"});
        let (answer, _) = workers[loser].post(second, &[report]).await;
        assert_eq!(answer["ignored"], json!([click]), "{answer}");
        assert_eq!(shown(first, &click).await["state"], "accepted");
    }
    eprintln!("won: {won:?}");
    let log = same_on_all(&cluster.nodes).await;
    let statuses = of_type(&log, "command_status");
    assert_eq!(statuses.into_iter().filter(|event| event["status"] == "accepted").count(), ROUNDS);
}

#[tokio::test]
async fn a_worker_that_posts_its_claim_and_one_that_asks_for_it_have_one_click_between_them() {
    let cluster = Cluster::start_with(2, &REDIS, &SETTINGS).await;
    let [first, second] = &cluster.nodes[..] else { panic!("two nodes") };
    let [asks, mut posts] = begin(first).await;
    let mut ann = Person::at(first, "Ann").await;
    for round in 0..ROUNDS {
        let click = ann.want(json!({"type": "step"})).await;
        let accepted = [json!({"type": "command_status", "commandId": click, "status": "accepted"})];
        let (asked, (posted, _)) = tokio::join!(asks.try_claim(first, &click), posts.post(second, &accepted));
        let posted = posted["ignored"].is_null();
        assert_ne!(asked.status == 200, posted, "round {round}: {asked:?}");
        let holder = shown(first, &click).await["producer"].clone();
        assert_eq!(holder, if posted { "w2" } else { "w1" });
    }
}

#[tokio::test]
async fn four_shards_on_three_nodes_take_a_hundred_acts_each_its_own() {
    let cluster = Cluster::start_with(3, &REDIS, &SETTINGS).await;
    let nodes = &cluster.nodes;
    let mut workers = Vec::new();
    for current in 1..=4 {
        workers.push(Worker::join(&nodes[current as usize % 3], current, 4).await);
    }
    let mut ann = Person::at(&nodes[0], "Ann").await;
    let giving = async {
        for n in 0..100 {
            let target = json!({"producer": format!("shard-{}", n % 4 + 1)});
            ann.want(json!({"type": "step", "target": target})).await;
        }
    };
    let working = workers.iter_mut().enumerate().map(async |(index, worker)| {
        let mut done = Vec::new();
        let mut turn = index;
        while done.len() < 25 {
            turn += 1;
            for event in worker.poll(&nodes[turn % 3], 25).await {
                assert_eq!(event["target"]["producer"], worker.id, "{event}");
                let command = event["commandId"].as_str().unwrap().to_owned();
                worker.does(&nodes[(turn + 1) % 3], &command).await;
                done.push(command);
            }
        }
        done
    });
    let ((), done) = tokio::join!(giving, join_all(working));
    let log = same_on_all(nodes).await;
    let mut given: Vec<_> = of_type(&log, "step_requested").into_iter().map(|e| e["commandId"].clone()).collect();
    let mut done: Vec<_> = done.into_iter().flatten().map(Value::from).collect();
    given.sort_by_key(Value::to_string);
    done.sort_by_key(Value::to_string);
    assert_eq!((given.len(), &given), (100, &done), "each once");
}
