//! Reading a run from its start: by one viewer, and by many at once. Only runcast keeps enough history.

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use super::{Report, fresh_run};
use crate::{
    Site,
    crowd::{Crowd, Plan},
    event,
    http::Connection,
    metrics::counter,
    publisher::Publisher,
    stats::round,
    target::Target,
};

const BATCH: usize = 500;
const JOURNAL_READS: &str = "runcast_journal_reads_total";

/// The size of a replay.
#[derive(Args)]
pub struct ReplayOptions {
    /// Events in the run.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Bytes per event.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(event::MIN_SIZE as u64..))]
    size: u64,
}

/// The size of a herd.
#[derive(Args)]
pub struct HerdOptions {
    /// Viewers that join at once.
    #[arg(long, default_value_t = 1000)]
    viewers: usize,
    #[command(flatten)]
    run: ReplayOptions,
}

/// Measures how long one viewer takes to read the whole run.
pub fn replay(site: &Site, options: &ReplayOptions) -> Result<Report> {
    read_all(site, "replay", 1, options)
}

/// Measures how long many viewers take, and how often the journal is read for all of them.
pub fn herd(site: &Site, options: &HerdOptions) -> Result<Report> {
    read_all(site, "herd", options.viewers, &options.run)
}

fn read_all(site: &Site, scenario: &str, viewers: usize, options: &ReplayOptions) -> Result<Report> {
    ensure!(site.target == Target::Runcast, "only runcast can be read from the start");
    let &ReplayOptions { events, size } = options;
    let run = fresh_run(&site.clock);
    Publisher::new(site, &run)?.fill(events, BATCH, size as usize)?;

    let mut metrics = Connection::open(site.addr)?;
    let (reads, cpu) = (counter(&mut metrics, JOURNAL_READS)?, site.server.cpu()?);
    let start = Instant::now();
    // Order is checked for the viewer of a replay, and for a sample of a herd: parsing must not become the measurement.
    let sample_every = if viewers == 1 { 1 } else { 16 };
    let crowd =
        Crowd::start(site, &Plan { path: format!("/ws/runs/{run}?after=0"), viewers, sample_every, reading: true });
    crowd.wait_events(events as u64);
    let elapsed = start.elapsed().as_secs_f64();
    let (reads, cpu) = (counter(&mut metrics, JOURNAL_READS)? - reads, site.server.cpu()? - cpu);

    let receipts = crowd.leave()?;
    let (missing, extra) = receipts.differences(events as u64);
    let rate = (viewers * events) as f64 / elapsed;
    let json = json!({
        "scenario": scenario, "target": site.target.to_string(), "viewers": viewers, "events": events, "size": size,
        "elapsedSecs": round(elapsed), "deliveriesPerSec": rate.round(), "journalReads": reads, "missing": missing,
        "extra": extra, "disordered": receipts.disordered, "serverCpuSecs": round(cpu),
    });
    let summary = format!(
        "{viewers} viewers read {events} events from the start in {elapsed:.2} s ({rate:.0} deliveries/s), \
         {reads} journal reads, {missing} missing"
    );
    Ok(Report { json, summary })
}
