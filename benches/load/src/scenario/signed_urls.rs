//! The rate at which the server signs download URLs: each answer is a new URL.

use std::{thread, time::Instant};

use anyhow::{Result, anyhow, ensure};
use clap::Args;
use serde_json::json;

use super::Report;
use crate::{
    Site,
    http::Connection,
    stats::{Latencies, round},
};

/// The size of the measurement.
#[derive(Args)]
pub struct Options {
    /// The artifact's run.
    #[arg(long)]
    run: String,
    /// The artifact; it must be ready.
    #[arg(long)]
    artifact: String,
    /// Keep-alive connections, each with one request in flight.
    #[arg(long, default_value_t = 8)]
    conns: usize,
    /// Requests in all; rounded down to as many on every connection.
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
}

/// Measures signed URLs per second.
pub fn run(site: &Site, options: &Options) -> Result<Report> {
    let &Options { conns, requests, .. } = options;
    ensure!(conns > 0, "--conns must be at least 1");
    let each = (requests / conns as u64).max(1);
    let path = format!("/api/runs/{}/artifacts/{}/download", options.run, options.artifact);
    let mut connections = Vec::new();
    for _ in 0..conns {
        let mut connection = Connection::open(site.addr)?;
        ask(&mut connection, &path)?; // keeps connecting and one-time costs out of the measurement
        connections.push(connection);
    }

    let cpu = site.server.cpu()?;
    let start = Instant::now();
    let threads: Vec<_> = connections
        .into_iter()
        .map(|connection| {
            let path = path.clone();
            thread::spawn(move || ask_all(connection, &path, each))
        })
        .collect();
    let mut latencies = Vec::new();
    for thread in threads {
        latencies.extend(thread.join().map_err(|_| anyhow!("an asking thread panicked"))??);
    }
    let elapsed = start.elapsed().as_secs_f64();
    let cpu = site.server.cpu()? - cpu;

    let latencies = Latencies::new(latencies);
    let answered = latencies.len() as f64;
    let rate = answered / elapsed;
    let json = json!({
        "scenario": "signed-urls", "target": site.target.to_string(), "conns": conns, "requests": answered,
        "elapsedSecs": round(elapsed), "requestsPerSec": rate.round(), "cpuUsPerRequest": round(cpu * 1e6 / answered),
        "p50Ms": round(latencies.at(0.5)), "p99Ms": round(latencies.at(0.99)), "maxMs": round(latencies.at(1.0)),
    });
    let summary = format!(
        "{conns} connections: {rate:.0} signed URLs/s, p50 {:.2} ms, p99 {:.2} ms",
        latencies.at(0.5),
        latencies.at(0.99)
    );
    Ok(Report { json, summary })
}

fn ask_all(mut connection: Connection, path: &str, times: u64) -> Result<Vec<u64>> {
    (0..times)
        .map(|_| {
            let sent = Instant::now();
            ask(&mut connection, path)?;
            Ok(sent.elapsed().as_nanos() as u64)
        })
        .collect()
}

fn ask(connection: &mut Connection, path: &str) -> Result<()> {
    let answer = String::from_utf8_lossy(connection.get(path, "application/json")?);
    ensure!(answer.contains(r#""signedUrl":"http"#), "{path}: no signed URL in {answer}");
    Ok(())
}
