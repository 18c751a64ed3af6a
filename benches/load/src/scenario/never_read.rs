//! Viewers that never read: their cost in server memory, and their effect on the one viewer that does read.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::json;

use super::{Report, fresh_run};
use crate::{
    Site,
    crowd::{Crowd, Plan},
    event,
    process::{self, Memory},
    publisher::Publisher,
    stats::{Latencies, round},
};

/// The size of the measurement.
#[derive(Args)]
pub struct Options {
    /// Viewers that join and never read.
    #[arg(long, default_value_t = 100)]
    viewers: usize,
    /// Megabytes published.
    #[arg(long, default_value_t = 20)]
    megabytes: u64,
    /// Bytes per event.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u64).range(event::MIN_SIZE as u64..))]
    size: u64,
    /// Events per second.
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
}

/// The largest values seen.
#[derive(Default)]
struct Peak {
    memory: Memory,
    kernel: i64,
}

impl Peak {
    fn look(&mut self, site: &Site) -> Result<()> {
        let now = site.server.memory()?;
        self.memory.pss = self.memory.pss.max(now.pss);
        self.memory.private = self.memory.private.max(now.private);
        self.kernel = self.kernel.max(process::tcp_buffers()?);
        Ok(())
    }
}

/// Measures the server's memory while events are published to viewers that do not read.
pub fn run(site: &Site, options: &Options) -> Result<Report> {
    let &Options { viewers, megabytes, size, rate } = options;
    let run = fresh_run(&site.clock);
    let plan = |viewers, reading| Plan { path: site.target.live_path(&run), viewers, sample_every: 1, reading };
    let reader = Crowd::subscribed(site, &plan(1, true), &run)?;
    let sleepers = Crowd::subscribed(site, &plan(viewers, false), &run)?;
    let (before, kernel_before) = (site.server.settled_memory()?, process::tcp_buffers()?);

    let events = (megabytes * 1_000_000).div_ceil(size);
    let mut publisher = Publisher::new(site, &run)?;
    let start = site.clock.now();
    reader.measure(start);
    let done = AtomicBool::new(false);
    let (late, peak) = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = Peak::default();
            while !done.load(Relaxed) {
                peak.look(site)?;
                thread::sleep(Duration::from_millis(200));
            }
            peak.look(site)?;
            anyhow::Ok(peak)
        });
        let late = publisher.publish_evenly(events, rate, size as usize);
        reader.wait_events(events);
        done.store(true, Relaxed);
        let peak = watch.join().map_err(|_| anyhow!("the watching thread panicked"))??;
        anyhow::Ok((late?, peak))
    })?;
    // A server that answers late slows its publisher down, which makes the latency look good. So the achieved rate is
    // reported with it.
    let achieved = events as f64 * 1e9 / (site.clock.now() - start) as f64;
    sleepers.leave()?;
    let receipts = reader.leave()?;

    let (missing, extra) = receipts.differences(events);
    let latencies = Latencies::new(receipts.latencies);
    let (pss, private) = (peak.memory.pss - before.pss, peak.memory.private - before.private);
    let kernel = peak.kernel - kernel_before;
    let json = json!({
        "scenario": "never-read", "target": site.target.to_string(), "viewers": viewers, "megabytes": megabytes,
        "size": size, "rate": rate, "achievedRate": round(achieved), "pssGrowthBytes": pss,
        "privateGrowthBytes": private, "pssGrowthBytesPerViewer": pss / viewers.max(1) as i64,
        "kernelTcpGrowthBytes": kernel, "expected": events, "missing": missing, "extra": extra,
        "disordered": receipts.disordered,
        "p50Ms": round(latencies.at(0.5)), "p99Ms": round(latencies.at(0.99)), "maxMs": round(latencies.at(1.0)),
        "publisherLateMs": round(late.as_secs_f64() * 1e3),
    });
    let summary = format!(
        "{viewers} viewers that never read {megabytes} MB: server grows by {:.1} MB (private {:.1} MB), TCP buffers by \
         {:.1} MB; the reading viewer misses {missing} of {events}, p99 {:.2} ms; {achieved:.0} of {rate} events/s \
         achieved",
        pss as f64 / 1e6,
        private as f64 / 1e6,
        kernel as f64 / 1e6,
        latencies.at(0.99)
    );
    Ok(Report { json, summary })
}
