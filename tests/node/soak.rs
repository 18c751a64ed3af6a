//! Many real sockets that join, leave, stall, vanish and come back while events pour in: what each one receives is
//! strictly consecutive, and in the end complete.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::support::{Dice, SOON, Site, TestNode, Viewer, eventually, numbered, soon};
use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

const VIEWERS: u64 = 150;
const PRODUCERS: u64 = 5;
const RUNS: [&str; 3] = ["soak-a", "soak-b", "soak-c"];
const LENGTH: Duration = Duration::from_secs(8);

/// Small bounds, so that everything overflows, and a quick pulse.
const TIGHT: [(&str, &str); 8] = [
    ("RUNCAST__SESSION__OUTBOX_BYTES", "16384"),
    ("RUNCAST__SESSION__SEND_BUFFER_BYTES", "16384"),
    ("RUNCAST__SESSION__STALL_SECS", "1"),
    ("RUNCAST__ROOM__RING_BYTES", "65536"),
    ("RUNCAST__ROOM__PAGE_BYTES", "16384"),
    ("RUNCAST__ROOM__IDLE_SECS", "1"),
    ("RUNCAST__HEARTBEAT__PING_SECS", "1"),
    ("RUNCAST__HEARTBEAT__PONG_DEADLINE_SECS", "2"),
];

fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| std::process::id().into());
    eprintln!("SEED={seed} plays this again, as far as the machine allows");
    seed
}

/// Posts bursts with pauses between them to all runs.
async fn produce(site: &Site, until: Instant, mut dice: Dice) {
    let mut count = 0;
    while Instant::now() < until {
        let run = RUNS[dice.below(3) as usize];
        let (events, bytes) = match dice.below(10) {
            0 => (60, 1_500),
            1 => (1, 100_000),
            _ => (1 + dice.below(6), 100),
        };
        count += events;
        assert_eq!(site.store(run, &numbered(count, events, bytes)).await["stored"], events);
        sleep(Duration::from_millis(dice.below(200))).await;
    }
}

/// Acts as a viewer until `until`: mostly reads, sometimes does something else.
async fn watch(site: &Site, number: u64, until: Instant, mut dice: Dice) -> Viewer {
    let run = RUNS[(number % 3) as usize];
    let mut viewer = match number % 5 {
        0 => Viewer::absent(&format!("/ws/runs/{run}?after=latest")),
        1 => Viewer::absent(&format!("/ws/runs/{run}?after=-20")),
        2 => Viewer::absent_narrow(&format!("/ws/runs/{run}")),
        _ => Viewer::absent(&format!("/ws/runs/{run}")),
    };
    sleep(Duration::from_millis(dice.below(3_000))).await;
    while Instant::now() < until {
        if !viewer.is_connected() {
            viewer.try_return(site).await.unwrap();
        }
        match dice.below(12) {
            0 => viewer.vanish(),
            1 if viewer.closed.is_none() => viewer.leave().await,
            2 => sleep(Duration::from_millis(dice.below(1_500))).await,
            3 if viewer.closed.is_none() && !viewer.connected.is_null() => viewer.say(r#"{"type":"ping"}"#).await,
            _ => {
                let reading = Instant::now() + Duration::from_millis(dice.below(400));
                while viewer.is_connected() && Instant::now() < reading {
                    let _ = timeout(Duration::from_millis(50), viewer.read()).await;
                }
            }
        }
    }
    viewer
}

#[tokio::test]
async fn whatever_viewers_do_each_one_receives_consecutive_events_and_in_the_end_all() {
    let seed = seed();
    let node = TestNode::start(&TIGHT);
    let until = Instant::now() + LENGTH;
    let posts = join_all((0..PRODUCERS).map(|number| produce(&node, until, Dice::new(seed ^ number))));
    let viewers = join_all((0..VIEWERS).map(|number| watch(&node, number, until, Dice::new(seed ^ (1_000 + number)))));
    let (mut viewers, _) = soon("the soak", async { tokio::join!(viewers, posts) }).await;

    let mut logs = Vec::new();
    for run in RUNS {
        logs.push(node.stored(run).await);
    }
    let events = Cell::new(0);
    let catch_up = join_all(viewers.iter_mut().enumerate().map(async |(number, viewer)| {
        let log = &logs[number % 3];
        viewer.until_end(&node, log.len() as u64).await;
        let first = viewer.events.first().map_or(log.len(), |event| event.seq as usize - 1);
        assert_eq!(viewer.texts(), log[first..], "viewer {number}");
        assert_eq!(viewer.told("reset").len() + viewer.told("gap").len(), 0);
        events.set(events.get() + viewer.events.len());
    }));
    soon("the rest", catch_up).await;
    assert!(events.get() > 5_000, "{} events received", events.get());

    for overload in ["runcast_fell_behind_total", "runcast_sessions_closed_total{reason=\"stalled\"}"] {
        assert!(node.metric(overload).await > 0.0, "{overload}: the bounds were not met");
    }

    drop(viewers);
    eventually!(node.get_json("/api/ws/stats").await["localConnections"].clone(), |count| count == 0, SOON);
    eventually!(node.metric("runcast_outbox_bytes").await, |bytes| *bytes == 0.0, SOON);
    eventually!(node.get_json("/api/ws/stats").await["activeRuns"].clone(), |rooms| rooms == 0, SOON);
}
