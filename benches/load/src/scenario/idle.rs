//! The memory of a viewer that only waits.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::{Report, fresh_run};
use crate::{
    Site,
    crowd::{Crowd, Plan},
    stats::round,
};

/// The size of the measurement.
#[derive(Args)]
pub struct Options {
    /// Viewers of the one run.
    #[arg(long, default_value_t = 10_000)]
    viewers: usize,
}

/// Measures the server's memory without and with viewers.
pub fn run(site: &Site, &Options { viewers }: &Options) -> Result<Report> {
    let run = fresh_run(&site.clock);
    let plan = |viewers| Plan { path: site.target.live_path(&run), viewers, sample_every: 0, reading: true };
    // The first viewer covers one-time costs of the server; it stays connected and is not counted.
    let first = Crowd::subscribed(site, &plan(1), &run)?;
    let before = site.server.settled_memory()?;
    let crowd = Crowd::subscribed(site, &plan(viewers), &run)?;
    let after = site.server.settled_memory()?;
    crowd.leave()?;
    first.leave()?;

    let each = |bytes: i64| round(bytes as f64 / viewers.max(1) as f64);
    let (pss, private) = (each(after.pss - before.pss), each(after.private - before.private));
    let json = json!({
        "scenario": "idle", "target": site.target.to_string(), "viewers": viewers, "pssBytesPerViewer": pss,
        "privateBytesPerViewer": private, "pssBytesWithout": before.pss, "pssBytesWith": after.pss,
    });
    let summary = format!(
        "{viewers} idle viewers: {pss:.0} B each (private {private:.0} B), {:.1} MB in all",
        after.pss as f64 / 1e6
    );
    Ok(Report { json, summary })
}
