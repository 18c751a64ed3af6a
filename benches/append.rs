//! Appends per second: batches of 500 events of about 128 bytes, and single events.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use runcast::protocol::{Lines, ProducerId, RunId};
use runcast::storage::journal::memory::MemoryJournal;
use runcast::storage::journal::sqlite::{SqliteJournal, SqliteOptions, SyncMode};
use runcast::storage::journal::{Append, Journal, JournalLimits, OnGap, Post};
use tokio::runtime::Runtime;

const LIMITS: JournalLimits = JournalLimits { max_run_bytes: 32 << 30, tombstone: Duration::ZERO };

/// A load: this many producers, each with one append in flight.
struct Load {
    name: &'static str,
    producers: u64,
    runs: u64,
    batch: u64,
}

const LOADS: [Load; 4] = [
    Load { name: "500 events, 8 runs", producers: 8, runs: 8, batch: 500 },
    Load { name: "1 event, 50 runs", producers: 50, runs: 50, batch: 1 },
    Load { name: "1 event, one run", producers: 50, runs: 1, batch: 1 },
    Load { name: "1 event, 2000 runs", producers: 2000, runs: 2000, batch: 1 },
];

impl Load {
    /// Makes `appends` appends; `round` keeps their producers distinct from those of other rounds.
    async fn run(&self, journal: &Arc<dyn Journal>, round: u64, appends: u64) -> Duration {
        let event =
            format!(r#"{{"type":"test_step","timestamp":"2026-11-23T17:15:47.966Z","x":"{}"}}"#, "x".repeat(60));
        let lines = Lines::from_stored(vec![event; self.batch as usize].join("\n").into());
        let started = Instant::now();
        let producers = (0..self.producers).map(|producer| {
            let share = appends / self.producers + u64::from(producer < appends % self.producers);
            let (journal, lines) = (journal.clone(), lines.clone());
            let run = RunId::parse(&format!("{}-{}-{round}", self.batch, producer % self.runs)).unwrap();
            let id = ProducerId::parse(&format!("p{producer}")).unwrap();
            tokio::spawn(async move {
                for k in 0..share {
                    let post = Post {
                        producer: id.clone(),
                        n: 1 + k * lines.len() as u64,
                        on_gap: OnGap::Refuse,
                        lines: lines.clone(),
                        status: None,
                        privileged: false,
                        seals: false,
                        stamps: Default::default(),
                        control: None,
                    };
                    let deadline = Instant::now() + Duration::from_secs(60);
                    let append = Append { run: run.clone(), posts: vec![post], precondition: None, deadline };
                    let stored = journal.append(append).await.unwrap();
                    assert!(black_box(stored).outcomes[0].is_ok());
                }
            })
        });
        for producer in producers.collect::<Vec<_>>() {
            producer.await.unwrap();
        }
        started.elapsed()
    }
}

fn bench(criterion: &mut Criterion, name: &str, journal: impl Fn(&Runtime) -> Arc<dyn Journal>) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for load in &LOADS {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let journal = journal(&runtime);
        let mut round = 0;
        group.throughput(Throughput::Elements(load.batch));
        group.bench_function(load.name, |bencher| {
            bencher.iter_custom(|appends| {
                round += 1;
                runtime.block_on(load.run(&journal, round, appends))
            });
        });
        runtime.block_on(journal.close());
    }
}

fn append(criterion: &mut Criterion) {
    bench(criterion, "memory", |_| Arc::new(MemoryJournal::new(LIMITS)));
    for (name, sync) in [("sqlite normal", SyncMode::Normal), ("sqlite full", SyncMode::Full)] {
        let dir = tempfile::tempdir().unwrap();
        let files = std::cell::Cell::new(0);
        bench(criterion, name, |runtime| {
            files.set(files.get() + 1);
            let path = dir.path().join(format!("{}.db", files.get()));
            let options = SqliteOptions { sync, ..SqliteOptions::new(path, LIMITS) };
            Arc::new(runtime.block_on(SqliteJournal::open(options)).unwrap())
        });
    }
}

criterion_group!(benches, append);
criterion_main!(benches);
