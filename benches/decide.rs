//! Decisions on the control of a run that gets 1,000 events per second: how long one takes, how many there are per
//! second, and how many needed more than one append. `scripts/bench decide` runs it.
//!
//! Real rooms on a real journal, without HTTP: SQLite with one room; with `RUNCAST_BENCH_REDIS` (a `redis://` URL) two
//! rooms on two nodes, which hear no notices and so ask Redis before each decision, as rooms without viewers do.
//! `RUNCAST_BENCH_SECS` (5) is how long each load lasts.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::env;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use runcast::actors::bridge::Bridge;
use runcast::actors::catalog_writer::CatalogWriter;
use runcast::actors::messages::room::{Publish, RoomPort, Steered};
use runcast::actors::registry::Registry;
use runcast::actors::room::{RemoteFeed, Room, RoomLimits, RoomPorts, ScreenLimits, States};
use runcast::actors::supervision::{Child, LiveActors, Service, spawn};
use runcast::budget::{Budget, Held};
use runcast::control::{CommandRequest, ControlLimits, ControlRequest, Observed};
use runcast::protocol::event::EventBatch;
use runcast::protocol::principal::{Principal, PrincipalKind, Via};
use runcast::protocol::{Lines, RunId};
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions};
use runcast::storage::journal::{Journal, JournalLimits};
use runcast::storage::redis::RedisSettings;
use runcast::telemetry::metrics;
use tokio::task::JoinHandle;

const LIMITS: JournalLimits = JournalLimits { max_run_bytes: 32 << 30, tombstone: Duration::ZERO };
/// Events of one post, and the time between two posts: together 1,000 events per second.
const BATCH: usize = 5;
const PACE: Duration = Duration::from_millis(5);

/// What is asked of the rooms.
struct Load {
    name: &'static str,
    /// Viewers, each on the next node.
    viewers: usize,
    /// Time between a viewer's commands; none: the next as soon as the last is answered.
    pace: Option<Duration>,
}

const LOADS: [Load; 3] = [
    Load { name: "one viewer, 10 commands/s", viewers: 1, pace: Some(Duration::from_millis(100)) },
    Load { name: "one viewer, as fast as it can", viewers: 1, pace: None },
    Load { name: "two viewers, as fast as they can", viewers: 2, pace: None },
];

/// A room, which lives as long as what is given back first.
fn room(journal: Arc<dyn Journal>, run: &RunId, is_alone: bool) -> (Child<Room>, Arc<RoomPort>) {
    // None of these actors is started: nothing needs them here.
    let bridge = Service::<Bridge>::new("bridge", 1);
    let feed = || RemoteFeed { follow: bridge.recipient(), mirror: bridge.recipient(), reorder: PACE };
    let ports = RoomPorts {
        journal,
        catalog_writer: Service::<CatalogWriter>::new("catalog_writer", 1).recipient(),
        retire: Service::<Registry>::new("registry", 1).recipient(),
        remote_feed: (!is_alone).then(feed),
        states: States::new(Budget::new(1 << 20)),
        started: Instant::now(),
    };
    let control = ControlLimits { max_events: u64::MAX, max_bytes: u64::MAX, ..ControlLimits::default() };
    let limits = RoomLimits {
        ring_bytes: 1 << 20,
        page_bytes: 256 << 10,
        queue_bytes: 8 << 20,
        append_timeout: Duration::from_secs(5),
        idle: Duration::from_secs(3_600),
        max_waiting: 1_000,
        screens: ScreenLimits::default(),
        control: Arc::new(control),
    };
    let (name, live) = (run.clone(), LiveActors::default().enter("room"));
    let child = spawn("room", 4_096, move |_, _| Ok(Room::new(name, 1, limits, ports, Arc::default(), live))).unwrap();
    let port = Room::port(&child.addr, run.clone(), 1, Arc::default());
    (child, port)
}

/// A run's events, until the task is aborted. The first are stored when this returns: commands create no run.
async fn produce(room: Arc<RoomPort>, held: Arc<Held>) -> JoinHandle<()> {
    let event = format!(r#"{{"type":"test_step","timestamp":"2026-11-23T17:15:47.966Z","x":"{}"}}"#, "x".repeat(60));
    let lines = Lines::from_stored(vec![event; BATCH].join("\n").into());
    let post = move || {
        let batch = EventBatch { lines: lines.clone(), status: None, stamps: Arc::default() };
        let (room, held) = (room.clone(), held.clone());
        async move { room.post(|reply| Publish::from_producer(batch, None, Instant::now(), held, reply)).await }
    };
    post().await.unwrap();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PACE);
        loop {
            ticks.tick().await;
            post().await.unwrap();
        }
    })
}

/// A viewer's commands; how long each took.
async fn steer(room: Arc<RoomPort>, viewer: usize, pace: Option<Duration>, until: Instant) -> Vec<Duration> {
    let name: Arc<str> = format!("viewer-{viewer}").into();
    let by = Principal { subject: name.clone(), name, kind: PrincipalKind::Human, via: Via::Http, verified: false };
    let mut took = Vec::new();
    let mut knows = None;
    while Instant::now() < until {
        let id = uuid::Uuid::now_v7();
        let command = format!(r#"{{"type":"hold","when":"failure","commandId":"{id}"}}"#);
        let request = CommandRequest { command: Bytes::from(command), by: by.clone(), observed: Observed::default() };
        let request = Arc::new(ControlRequest::Command(request));
        let began = Instant::now();
        loop {
            match room.steer(request.clone(), Vec::new(), knows).await {
                Ok(Steered::Answered(_, control)) => {
                    knows = control;
                    break;
                }
                Ok(Steered::NeedSigns(_)) => panic!("nobody holds the lease"),
                // Counted by the room.
                Err(runcast::actors::messages::room::SteerError::Contended) => {}
                Err(error) => panic!("{error}"),
            }
        }
        took.push(began.elapsed());
        if let Some(pace) = pace {
            tokio::time::sleep(pace.saturating_sub(began.elapsed())).await;
        }
    }
    took
}

/// A counter of this process.
fn count(label: &str) -> f64 {
    let text = metrics::install().unwrap().render();
    text.lines()
        .filter(|line| line.starts_with(label))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

async fn measure(store: &str, rooms: &[Arc<RoomPort>], load: &Load, secs: u64) {
    let held = Arc::new(Budget::new(usize::MAX).hold());
    let tries = || (1..=8).map(|tries| count(&format!("runcast_decisions_stored_total{{tries=\"{tries}\"}}")));
    let contended = || count("runcast_decisions_total{outcome=\"contended\"}");
    let (before, contended_before): (Vec<_>, _) = (tries().collect(), contended());
    let producer = produce(rooms[0].clone(), held).await;
    let until = Instant::now() + Duration::from_secs(secs);
    let viewers: Vec<_> = (0..load.viewers)
        .map(|viewer| tokio::spawn(steer(rooms[viewer % rooms.len()].clone(), viewer, load.pace, until)))
        .collect();
    let mut took = Vec::new();
    for viewer in viewers {
        took.extend(viewer.await.unwrap());
    }
    producer.abort();
    took.sort();
    let stored: Vec<f64> = tries().zip(before).map(|(now, before)| now - before).collect();
    let all: f64 = stored.iter().sum();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    println!(
        "| {store} | {} | {:.0} | {:.2} ms | {:.2} ms | {:.2} % | {:.2} % | {} |",
        load.name,
        took.len() as f64 / secs as f64,
        at(0.5),
        at(0.99),
        100.0 * stored[0] / all,
        100.0 * (stored[0] + stored[1]) / all,
        contended() - contended_before,
    );
}

async fn measure_all(store: &str, journals: Vec<Arc<dyn Journal>>, secs: u64) {
    for load in &LOADS {
        // A run each: a long log of commands costs its readers.
        let run = RunId::parse(&format!("decide-{}", uuid::Uuid::now_v7())).unwrap();
        let rooms = journals.iter().map(|journal| room(journal.clone(), &run, journals.len() == 1));
        let (_children, rooms): (Vec<_>, Vec<_>) = rooms.unzip();
        measure(store, &rooms, load, secs).await;
    }
    for journal in journals {
        journal.close().await;
    }
}

fn main() {
    // `cargo bench` and `cargo test` pass arguments of their own; a test run has nothing to do here.
    if env::args().any(|argument| argument == "--test") {
        return;
    }
    let secs = env::var("RUNCAST_BENCH_SECS").map_or(5, |secs| secs.parse().unwrap());
    metrics::install().unwrap();
    println!("| store | load | decisions/s | p50 | p99 | one try | two at most | contended |");
    println!("|---|---|---|---|---|---|---|---|");
    actix_web::rt::System::new().block_on(async move {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(dir.path().join("decide.db"), LIMITS);
        let journal = Arc::new(SqliteJournal::open(options).await.unwrap());
        measure_all("SQLite, one node", vec![journal], secs).await;
        let Ok(url) = env::var("RUNCAST_BENCH_REDIS") else { return };
        let node = |node: &str| -> Arc<dyn Journal> {
            let settings = RedisSettings {
                url: url.parse().unwrap(),
                ca_file: None,
                command_timeout: Duration::from_secs(2),
                client_name: node.to_owned(),
                purpose: "journal",
            };
            Arc::new(RedisJournal::open(RedisOptions {
                prefix: "bench".into(),
                node: node.into(),
                limits: LIMITS,
                settings,
                max_clock_step: Duration::from_secs(3_600),
            }))
        };
        measure_all("Redis, two nodes", vec![node("a"), node("b")], secs).await;
    });
}
