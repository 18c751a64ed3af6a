//! Viewers of a run that another process posts to: whether each receives everything. Several such processes, one per
//! node, make a crowd larger than one process has descriptors for.

use std::io::Write as _;
use std::time::{Duration, Instant};

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
    /// Every Nth viewer checks the order of what it gets.
    #[arg(long, default_value_t = 16)]
    check_every: usize,
    /// Seconds in which all viewers have to be subscribed, and seconds without a delivery after which the remaining
    /// events count as missing. The first post counts from when these viewers are ready: others may still be joining.
    #[arg(long, default_value_t = 60)]
    patience_secs: u64,
}

/// Connects the viewers, prints `ready` on stdout, and waits for the events.
pub fn run(site: &Site, options: &Options) -> Result<Report> {
    let Options { run, viewers, events, check_every, patience_secs } = options;
    let patience = Duration::from_secs(*patience_secs);
    let path = format!("/ws/runs/{run}?after=0");
    let plan = Plan { path, viewers: *viewers, sample_every: *check_every, reading: true };
    let crowd = Crowd::subscribed_within(patience, site, &plan, run)?;
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    let start = Instant::now();
    crowd.wait_events_within(patience, *events);
    let (elapsed, ended) = (start.elapsed().as_secs_f64(), site.clock.now());
    let receipts = crowd.leave()?;
    let (missing, extra) = receipts.differences(*events);
    let json = json!({
        "scenario": "listen", "viewers": viewers, "events": events, "elapsedSecs": round(elapsed),
        "endedAt": ended as f64 / 1e9, "missing": missing, "extra": extra, "disordered": receipts.disordered,
    });
    let summary = format!("{viewers} viewers waited for {events} events: {missing} missing, {extra} extra");
    Ok(Report { json, summary })
}
