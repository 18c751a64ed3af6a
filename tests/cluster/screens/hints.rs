//! Producers are told what viewers on other nodes look at.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{cluster, has, hints, show};
use crate::support::{SOON, Site, Viewer, eventually, numbered};

/// A long poll with the tag of the hints that the worker has.
async fn poll(node: &Site, tag: &Value) -> Value {
    let tag = tag.as_str().unwrap_or_default();
    node.get_json(&format!("/api/runs/r/commands?wait=15&hints={tag}")).await["hints"].clone()
}

#[tokio::test]
async fn a_viewer_on_another_node_ends_the_long_poll_is_shown_its_stream_and_is_missed_when_it_leaves() {
    let cluster = cluster(2, &[]).await;
    let (here, there) = (&cluster.nodes[0], &cluster.nodes[1]);
    let nobody = hints(here, |hints| hints["watched"] == false).await;
    assert_eq!((&nobody["flushMs"], &nobody["screens"]), (&json!(2000), &json!([])));

    // A worker that pauses, and posts nothing.
    let began = Instant::now();
    let (told, mut viewer) = tokio::join!(poll(here, &nobody["tag"]), async {
        let path = "/ws/runs/r?screen=p1/0&maxFps=4&maxWidth=960";
        Viewer::join_at(there, path).await
    });
    assert!(began.elapsed() < Duration::from_secs(10), "the change ended it, not the time: {:?}", began.elapsed());
    assert_eq!((&told["watched"], &told["flushMs"]), (&json!(true), &json!(250)));
    let told = hints(here, |hints| hints["screens"] == json!(["p1/0"])).await;
    assert_eq!((&told["maxFps"], &told["maxWidth"]), (&json!(4), &json!(960)));
    let shown = show(here, "p1/0", 1, 1_000).await;
    assert_eq!((&shown["hints"]["tag"], &shown["viewers"]), (&told["tag"], &json!(1)));
    let posted = here.store("r", &numbered(2, 1, 0)).await;
    assert_eq!(posted["hints"]["tag"], told["tag"]);
    viewer.until("its stream", |viewer| has(viewer, "p1/0", 1)).await;

    // It chooses another one.
    let (other, ()) = tokio::join!(poll(here, &told["tag"]), viewer.say(r#"{"type":"screen","of":"wall"}"#));
    assert_eq!((&other["wall"], &other["screens"]), (&json!(true), &json!([])));

    // It goes.
    let (last, ()) = tokio::join!(poll(here, &other["tag"]), async { viewer.vanish() });
    assert_eq!(last["watched"], false);
    assert_eq!(hints(here, |hints| hints["tag"] == nobody["tag"]).await, nobody);
}

#[tokio::test]
async fn many_polls_wait_for_one_change_and_all_of_them_hear_it() {
    let cluster = cluster(2, &[]).await;
    let nobody = hints(&cluster.nodes[0], |hints| hints["watched"] == false).await;
    let polls = join_all((0..50).map(|_| poll(&cluster.nodes[0], &nobody["tag"])));
    let (told, _viewer) = tokio::join!(polls, Viewer::join(&cluster.nodes[1], "r"));
    assert!(told.iter().all(|hints| hints["watched"] == true), "{told:?}");
    assert_eq!(told.len(), 50);
}

#[tokio::test]
async fn a_poll_that_waits_while_redis_is_away_is_not_ended_by_what_is_not_known() {
    let mut cluster = cluster(2, &[]).await;
    let nobody = hints(&cluster.nodes[0], |hints| hints["watched"] == false).await;
    let node = (*cluster.nodes[0]).clone();
    let tag = nobody["tag"].clone();
    let waiting = tokio::spawn(async move { poll(&node, &tag).await });
    let (here, there) = ((*cluster.nodes[0]).clone(), (*cluster.nodes[1]).clone());
    eventually!(here.metric("runcast_followed_runs").await, |runs| *runs == 1.0, SOON);
    cluster.redis.stop().await;
    eventually!(here.metric("runcast_nodes").await, |nodes| *nodes == 0.0, SOON);
    assert!(!waiting.is_finished());
    cluster.redis.restart().await;
    let _viewer = Viewer::join(&there, "r").await;
    let told = waiting.await.unwrap();
    assert!(told["watched"] == true || told == nobody, "{told}");
    for node in &mut cluster.nodes {
        node.may_report();
    }
}
