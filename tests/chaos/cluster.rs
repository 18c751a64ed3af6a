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
use crate::steering::{self, Steered, Worked, Workplace, check_steering, steer, work};
use crate::support::{Dice, FaultProxy, Postgres, RedisServer, Site, TestNode, eventually};
use crate::watcher::{Watched, watch};

const NODES: usize = 3;
const RUNS: u64 = 4;
const PRODUCERS: u64 = 20;
const VIEWERS: u64 = 200;
/// People who steer each run, and its workers.
const PEOPLE: [&str; 2] = ["Ann", "Ben"];
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];

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
        TestNode::start_to_stay(&[&stores[..], &SETTINGS, &steering::SETTINGS].concat())
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
    let (people, workers) = steered(&sites, &stop, &dice);

    let until = Instant::now() + Duration::from_secs(seconds());
    tokio::join!(
        faults::of_nodes(&mut nodes, dice(1), until, &log),
        faults::of_links(&links, dice(2), until, &log),
        faults::of_redis(&mut redis, dice(3), until, &log),
    );
    log.note("no more faults");
    stop.store(true, Ordering::Relaxed);
    let producers = finished("the producers' last posts", producers).await;
    let people = finished("the people's last commands", people).await;
    let workers = finished("the workers' last reports", workers).await;
    log.note("all posts and commands are acknowledged");

    for site in sites.iter() {
        eventually!(site.get("/ready?strict=1").await.status, |status| *status == 200, RECOVERY);
    }
    log.note("all nodes are well");

    let controls = settled(&sites).await;
    log.note("what ends by time has ended");

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
    let [done, answered, leases, resets] = checked(&sites[0], &controls, &people, &workers).await;
    let least = seconds() / 10;
    assert!(done.min(answered).min(leases) > least, "it was steered: {done} {answered} {leases}");
    let restarts: u64 =
        ["Redis restarted", "Redis killed"].iter().filter_map(|kind| log.counts().get(kind).copied()).sum();
    assert!(resets <= RUNS * restarts, "{resets} resets by {restarts} new epochs");
    let posts: usize = producers.iter().map(|producer| producer.posts.len()).sum();
    assert!(posts as u64 > 3 * seconds(), "there was load: {posts} posts");
}

type Tasks<T> = Vec<tokio::task::JoinHandle<T>>;

/// People and workers on every run. In every other run nobody says that they have joined, so that all may do all acts.
fn steered(sites: &Arc<[Site]>, stop: &Arc<AtomicBool>, dice: &dyn Fn(u64) -> Dice) -> (Tasks<Steered>, Tasks<Worked>) {
    let (mut people, mut workers) = (Vec::new(), Vec::new());
    for number in 0..RUNS {
        let (run, joins) = (run_of(number), number % 2 == 0);
        let targets: Vec<_> = WORKERS.iter().filter(|_| joins).map(|id| (*id).to_owned()).collect();
        for (index, name) in PEOPLE.into_iter().enumerate() {
            let dice = dice(20_000 + number * 10 + index as u64);
            let steering = steer(sites.clone(), run.clone(), name.to_owned(), targets.clone(), stop.clone(), dice);
            people.push(tokio::spawn(steering));
        }
        for (index, id) in WORKERS.into_iter().enumerate() {
            let place = Workplace { sites: sites.clone(), run: run.clone(), id: id.to_owned(), joins };
            workers.push(tokio::spawn(work(place, stop.clone(), dice(30_000 + number * 10 + index as u64))));
        }
    }
    (people, workers)
}

/// The control of each run, once nothing is open that ends by time; all nodes show the same.
async fn settled(sites: &[Site]) -> Vec<serde_json::Value> {
    let mut controls = Vec::new();
    for number in 0..RUNS {
        let run = run_of(number);
        let first = eventually!(steering::nothing_is_open(&sites[0], &run).await, Result::is_ok, RECOVERY).unwrap();
        for site in &sites[1..] {
            assert_eq!(steering::control(site, &run).await, first, "{run}: two nodes fold it differently");
        }
        controls.push(first);
    }
    controls
}

/// Checks every run; the counts of all, see [`check_steering`].
async fn checked(site: &Site, controls: &[serde_json::Value], people: &[Steered], workers: &[Worked]) -> [u64; 4] {
    let mut all = [0; 4];
    for (number, control) in controls.iter().enumerate() {
        let run = run_of(number as u64);
        let log = steering::whole_log(site, &run).await;
        let of = |count: usize| number * count..(number + 1) * count;
        let (people, workers) = (&people[of(PEOPLE.len())], &workers[of(WORKERS.len())]);
        let (people, workers) = (people.iter().collect::<Vec<_>>(), workers.iter().collect::<Vec<_>>());
        let counts = check_steering(&run, &log, control, &people, &workers);
        all.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let tries = people.iter().map(|one| one.tries).chain(workers.iter().map(|one| one.tries));
    let tries = tries.fold((0, 0), |sum, tries| (sum.0 + tries.refused, sum.1 + tries.unanswered));
    let taken: usize = people.iter().map(|one| one.taken.len()).sum();
    let refused: usize = people.iter().map(|one| one.refused.len()).sum();
    let lost: u64 = workers.iter().map(|one| one.refused).sum();
    let [done, answered, leases, resets] = all;
    eprintln!(
        "steering: {taken} commands taken, {refused} refused; {done} acts done, {lost} claims refused; {answered} \
         questions answered; {leases} leases; {resets} resets; {} requests refused, {} unanswered",
        tries.0, tries.1
    );
    all
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
