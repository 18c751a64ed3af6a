//! Viewers of a run that another process posts to: whether each receives everything. Several such processes, one per
//! node, make a crowd larger than one process has descriptors for.

use std::io::Write as _;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::Report;
use crate::{
    Site,
    crowd::{Crowd, Plan},
    stats::round,
};

/// The size of the crowd, and what it waits for.
#[derive(Args)]
pub struct Options {
    /// The run.
    #[arg(long)]
    run: String,
    /// Viewers.
    #[arg(long, default_value_t = 1000)]
    viewers: usize,
    /// Events that each is to get.
    #[arg(long, default_value_t = 100)]
    events: u64,
}

/// Connects the viewers, prints `ready` on stdout, and waits for the events.
pub fn run(site: &Site, options: &Options) -> Result<Report> {
    let Options { run, viewers, events } = options;
    let path = format!("/ws/runs/{run}?after=0");
    let crowd = Crowd::subscribed(site, &Plan { path, viewers: *viewers, sample_every: 16, reading: true }, run)?;
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    let start = Instant::now();
    crowd.wait_events(*events);
    let elapsed = start.elapsed().as_secs_f64();
    let receipts = crowd.leave()?;
    let (missing, extra) = receipts.differences(*events);
    let json = json!({
        "scenario": "listen", "viewers": viewers, "events": events, "elapsedSecs": round(elapsed),
        "missing": missing, "extra": extra, "disordered": receipts.disordered,
    });
    let summary = format!("{viewers} viewers waited for {events} events: {missing} missing, {extra} extra");
    Ok(Report { json, summary })
}
