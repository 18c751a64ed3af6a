//! One node that is killed again and again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::seed;
use crate::support::{Dice, Site, TestNode, Viewer, soon};

const PRODUCERS: u64 = 4;
const VIEWERS: usize = 6;
const KILLS: usize = 7;
const RUN: &str = "chaos";

/// Posts until told to stop, repeating each post until it is acknowledged; all that was.
async fn produce(site: &RefCell<Site>, number: u64, stop: &Cell<bool>, mut dice: Dice) -> Vec<String> {
    let producer = format!("producer-{number}");
    let mut acknowledged = Vec::new();
    while !stop.get() {
        let n = acknowledged.len() as u64 + 1;
        let event = |i| format!(r#"{{"type":"log","timestamp":"t","producer":{number},"n":{i}}}"#);
        let lines: Vec<_> = (n..=n + dice.below(8)).map(event).collect();
        let headers = [
            ("content-type", "application/x-ndjson"),
            ("runcast-producer", producer.as_str()),
            ("runcast-producer-seq", &n.to_string()),
        ];
        loop {
            let now = site.borrow().clone();
            match now.try_send("POST", &format!("/api/runs/{RUN}/events"), &headers, lines.join("\n")).await {
                Ok(reply) if reply.status == 202 => {
                    let json = reply.json();
                    let all = json["stored"].as_u64().unwrap() + json["duplicates"].as_u64().unwrap();
                    assert_eq!(all, lines.len() as u64, "{json}");
                    break;
                }
                // Going, or not there: come again with the same numbers.
                Ok(reply) => assert_eq!(reply.status, 503, "{reply:?}"),
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
        acknowledged.extend(lines);
    }
    acknowledged
}

/// Follows the run, coming back whenever the connection breaks, until it has as many events as there are in the end.
async fn follow(site: &RefCell<Site>, total: &Cell<Option<usize>>) -> Viewer {
    let mut viewer = Viewer::absent(&format!("/ws/runs/{RUN}"));
    while total.get().is_none_or(|total| viewer.events.len() < total) {
        let now = site.borrow().clone();
        if !viewer.is_connected() && viewer.try_return(&now).await.is_err() {
            sleep(Duration::from_millis(5)).await;
            continue;
        }
        // Looks up now and then, to hear of the end.
        let _ = timeout(Duration::from_millis(50), viewer.read()).await;
    }
    viewer
}

#[tokio::test]
async fn killing_the_server_again_and_again_loses_and_doubles_no_acknowledged_event() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let mut node = TestNode::start(&[]);
    let (site, stop, total) = (RefCell::new(Site::clone(&node)), Cell::new(false), Cell::new(None));
    let producers = join_all((0..PRODUCERS).map(|number| produce(&site, number, &stop, Dice::new(seed + number))));
    let viewers = join_all((0..VIEWERS).map(|_| follow(&site, &total)));
    let killer = async {
        for _ in 0..KILLS {
            sleep(Duration::from_millis(150 + dice.below(700))).await;
            node.kill9();
            node.restart();
            site.replace(Site::clone(&node));
        }
        sleep(Duration::from_millis(300)).await;
        stop.set(true);
    };
    let work = async {
        let (acknowledged, ()) = tokio::join!(producers, killer);
        let last = site.borrow().clone();
        let stored = last.stored(RUN).await;
        total.set(Some(stored.len()));
        (acknowledged, stored)
    };
    let ((acknowledged, stored), viewers) = soon("all of it", async { tokio::join!(work, viewers) }).await;

    for (number, acknowledged) in acknowledged.iter().enumerate() {
        let mark = format!("\"producer\":{number},");
        let theirs: Vec<_> = stored.iter().filter(|event| event.contains(&mark)).collect();
        assert!(theirs.iter().copied().eq(acknowledged), "producer {number}: {} acknowledged", acknowledged.len());
        assert!(acknowledged.len() > 100, "there was load: {}", acknowledged.len());
    }
    assert_eq!(stored.len(), acknowledged.iter().map(Vec::len).sum::<usize>());
    for viewer in viewers {
        assert_eq!(viewer.texts(), stored);
        assert!(viewer.told("connected").len() > KILLS / 2, "it was there");
        assert_eq!(viewer.told("reset").len() + viewer.told("gap").len(), 0);
    }
}
