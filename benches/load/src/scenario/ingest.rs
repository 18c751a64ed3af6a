//! The rate at which events are stored and acknowledged.

use std::{thread, time::Instant};

use anyhow::{Result, anyhow, ensure};
use clap::Args;
use serde_json::json;

use super::{Report, fresh_run};
use crate::{
    Site, event,
    publisher::Publisher,
    stats::{Latencies, round},
};

/// The size of the measurement.
#[derive(Args)]
pub struct Options {
    /// Keep-alive connections, each with one request in flight.
    #[arg(long, default_value_t = 16)]
    conns: usize,
    /// Runs that the connections are spread over; one per connection unless given.
    #[arg(long)]
    runs: Option<usize>,
    /// Events per NDJSON request.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch: u64,
    /// Events in all; rounded down to whole batches on every connection.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Bytes per event.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(event::MIN_SIZE as u64..))]
    size: u64,
}

/// Measures ingestion.
pub fn run(site: &Site, options: &Options) -> Result<Report> {
    let &Options { conns, batch, events, size, .. } = options;
    ensure!(conns > 0, "--conns must be at least 1");
    let runs = options.runs.unwrap_or(conns).clamp(1, conns);
    let requests = (events / batch / conns as u64).max(1);
    let run = fresh_run(&site.clock);
    let mut publishers = Vec::new();
    for index in 0..conns {
        let mut publisher = Publisher::new(site, &format!("{run}-{}", index % runs))?;
        publisher.publish_batch(1, size as usize)?; // creates the run outside the measurement
        publishers.push(publisher);
    }

    let cpu = site.server.cpu()?;
    let start = Instant::now();
    let threads: Vec<_> = publishers
        .into_iter()
        .map(|publisher| thread::spawn(move || post_all(publisher, requests, batch as usize, size as usize)))
        .collect();
    let mut latencies = Vec::new();
    for thread in threads {
        latencies.extend(thread.join().map_err(|_| anyhow!("a producer thread panicked"))??);
    }
    let elapsed = start.elapsed().as_secs_f64();
    let cpu = site.server.cpu()? - cpu;

    let stored = requests * batch * conns as u64;
    let latencies = Latencies::new(latencies);
    let rate = stored as f64 / elapsed;
    let json = json!({
        "scenario": "ingest", "target": site.target.to_string(), "conns": conns, "runs": runs, "batch": batch,
        "size": size, "events": stored, "elapsedSecs": round(elapsed), "eventsPerSec": rate.round(),
        "requestsPerSec": (rate / batch as f64).round(), "cpuUsPerEvent": round(cpu * 1e6 / stored as f64),
        "p50Ms": round(latencies.at(0.5)), "p99Ms": round(latencies.at(0.99)), "maxMs": round(latencies.at(1.0)),
    });
    let summary = format!(
        "{conns} connections, {runs} runs, batches of {batch}: {rate:.0} events/s, p50 {:.2} ms, p99 {:.2} ms",
        latencies.at(0.5),
        latencies.at(0.99)
    );
    Ok(Report { json, summary })
}

fn post_all(mut publisher: Publisher, requests: u64, batch: usize, size: usize) -> Result<Vec<u64>> {
    (0..requests)
        .map(|_| {
            let sent = Instant::now();
            publisher.publish_batch(batch, size)?;
            Ok(sent.elapsed().as_nanos() as u64)
        })
        .collect()
}
