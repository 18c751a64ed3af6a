//! Three nodes around one Redis: whatever fails, whoever posts is told the truth, and whoever watches sees all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::faults::{self, FaultLog};
use crate::history::{check_producers, check_viewer};
use crate::producer::{History, produce};
use crate::seed;
use crate::support::{Dice, FaultProxy, Postgres, RedisServer, Site, TestNode, eventually};
use crate::watcher::{Watched, watch};

const NODES: usize = 3;
const RUNS: u64 = 4;
const PRODUCERS: u64 = 20;
const VIEWERS: u64 = 200;

/// How long faults come; `RUNCAST_CHAOS_SECS` says otherwise.
const SECONDS: u64 = 60;
/// Everything that is going to happen after the last fault has happened by then.
const RECOVERY: Duration = Duration::from_secs(90);

/// A quick pulse, so that viewers notice soon that a node is frozen; little memory, so that they read from the journal.
const SETTINGS: [(&str, &str); 4] = [
    ("RUNCAST__HEARTBEAT__PING_SECS", "1"),
    ("RUNCAST__HEARTBEAT__PONG_DEADLINE_SECS", "15"),
    ("RUNCAST__ROOM__RING_BYTES", "65536"),
    ("RUNCAST__ROOM__PAGE_BYTES", "16384"),
];

fn seconds() -> u64 {
    std::env::var("RUNCAST_CHAOS_SECS").map_or(SECONDS, |text| text.parse().expect("RUNCAST_CHAOS_SECS is a number"))
}

fn run_of(number: u64) -> String {
    format!("chaos-{}", number % RUNS)
}

/// Nodes, each with a way of its own to the same Redis.
async fn nodes(links: &[FaultProxy]) -> Vec<TestNode> {
    let database = Postgres::shared().await.database().await;
    let start = |link: &FaultProxy| {
        let redis = format!("redis://{}", link.address());
        let stores = [("REDIS_URL", redis.as_str()), ("DATABASE_URL", database.as_str())];
        TestNode::start_to_stay(&[&stores[..], &SETTINGS].concat())
    };
    links.iter().map(start).collect()
}

async fn finished<T>(what: &str, tasks: Vec<tokio::task::JoinHandle<T>>) -> Vec<T> {
    let all = timeout(RECOVERY, join_all(tasks)).await.unwrap_or_else(|_| panic!("{what}: not within {RECOVERY:?}"));
    all.into_iter().map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))).collect()
}

#[tokio::test]
async fn whatever_fails_in_a_cluster_no_acknowledged_event_is_lost_doubled_or_out_of_order_for_anybody() {
    let seed = seed();
    let dice = |number: u64| Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let mut redis = RedisServer::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]).await;
    let links = join_all((0..NODES).map(|_| FaultProxy::start(redis.address()))).await;
    let mut nodes = nodes(&links).await;
    let sites: Arc<[Site]> = nodes.iter().map(|node| Site::clone(node)).collect();

    let log = FaultLog::new();
    let stop = Arc::new(AtomicBool::new(false));
    let ends: Vec<_> = (0..RUNS).map(|_| watch::Sender::new(None)).collect();
    let producers = (0..PRODUCERS)
        .map(|number| tokio::spawn(produce(sites.clone(), run_of(number), number, stop.clone(), dice(100 + number))));
    let producers: Vec<_> = producers.collect();
    let viewers = (0..VIEWERS).map(|number| {
        let end = ends[(number % RUNS) as usize].subscribe();
        tokio::spawn(watch(sites.clone(), run_of(number), end, dice(10_000 + number)))
    });
    let viewers: Vec<_> = viewers.collect();

    let until = Instant::now() + Duration::from_secs(seconds());
    tokio::join!(
        faults::of_nodes(&mut nodes, dice(1), until, &log),
        faults::of_links(&links, dice(2), until, &log),
        faults::of_redis(&mut redis, dice(3), until, &log),
    );
    log.note("no more faults");
    stop.store(true, Ordering::Relaxed);
    let producers = finished("the producers' last posts", producers).await;
    log.note("all posts are acknowledged");

    for site in sites.iter() {
        eventually!(site.get("/ready?strict=1").await.status, |status| *status == 200, RECOVERY);
    }
    log.note("all nodes are well");

    let mut logs = Vec::new();
    for number in 0..RUNS {
        let run = run_of(number);
        let stored = sites[0].stored(&run).await;
        for site in &sites[1..] {
            assert_eq!(site.stored(&run).await, stored, "{run}: two nodes have two logs");
        }
        ends[number as usize].send_replace(Some(stored.len()));
        logs.push(stored);
    }
    let viewers = finished("the viewers' last events", viewers).await;
    log.note("all viewers are at the end");

    report(&log, &logs, &producers, &viewers);
    for (number, log) in logs.iter().enumerate() {
        let theirs: Vec<_> = producers.iter().skip(number).step_by(RUNS as usize).collect();
        check_producers(&run_of(number as u64), log, &theirs);
    }
    for (number, viewer) in viewers.iter().enumerate() {
        let number = number % RUNS as usize;
        check_viewer(&run_of(number as u64), &logs[number], viewer);
    }
    let posts: usize = producers.iter().map(|producer| producer.posts.len()).sum();
    assert!(posts as u64 > 3 * seconds(), "there was load: {posts} posts");
}

fn report(log: &FaultLog, logs: &[Vec<String>], producers: &[History], viewers: &[Watched]) {
    let of_producers = |count: fn(&History) -> u64| producers.iter().map(count).sum::<u64>();
    let of_viewers = |count: fn(&Watched) -> u64| viewers.iter().map(count).sum::<u64>();
    eprintln!("faults: {:?}", log.counts());
    eprintln!(
        "{PRODUCERS} producers: {} events in {} posts; {} requests refused, {} unanswered; {} reads of what was just \
         acknowledged",
        logs.iter().map(Vec::len).sum::<usize>(),
        of_producers(|one| one.posts.len() as u64),
        of_producers(|one| one.refused),
        of_producers(|one| one.unanswered),
        of_producers(|one| one.reads),
    );
    eprintln!(
        "{VIEWERS} viewers: {} events received, {} connections, {} told of a drain, {} of an epoch, {} of a loss",
        of_viewers(|one| one.seen.len() as u64),
        of_viewers(|one| one.connections),
        of_viewers(|one| one.drains),
        of_viewers(|one| one.epochs),
        of_viewers(|one| one.losses.len() as u64),
    );
}
