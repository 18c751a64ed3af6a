//! One publisher, many viewers: the server's CPU per delivery, and the latency.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::{Report, fresh_run};
use crate::{
    Site,
    crowd::{Crowd, Plan},
    event,
    http::Connection,
    metrics, process,
    publisher::Publisher,
    stats::{Latencies, round},
    target::Target,
};

/// The size of the measurement.
#[derive(Args)]
pub struct Options {
    /// Viewers of the one run.
    #[arg(long, default_value_t = 1000)]
    viewers: usize,
    /// Events per second.
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// Seconds measured.
    #[arg(long, default_value_t = 8.0)]
    secs: f64,
    /// Seconds at the same rate before that.
    #[arg(long, default_value_t = 1.5)]
    warmup_secs: f64,
    /// Bytes per event.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(event::MIN_SIZE as u64..))]
    size: u64,
    /// Measure latency and order on every Nth viewer.
    #[arg(long, default_value_t = 16)]
    sample_every: usize,
}

/// Measures fan-out.
pub fn run(site: &Site, options: &Options) -> Result<Report> {
    let &Options { viewers, rate, secs, warmup_secs, size, sample_every } = options;
    let run = fresh_run(&site.clock);
    let plan = Plan { path: site.target.live_path(&run), viewers, sample_every, reading: true };
    let crowd = Crowd::subscribed(site, &plan, &run)?;
    let mut publisher = Publisher::new(site, &run)?;

    let warmup = (rate * warmup_secs).ceil().max(1.0) as u64;
    publisher.publish_evenly(warmup, rate, size as usize)?;
    crowd.wait_events(warmup);

    let measured = (rate * secs).round().max(1.0) as u64;
    let (received_before, reads_before) = (crowd.events(), crowd.reads());
    let mut connection = Connection::open(site.addr)?;
    let writes_before = writes(site, &mut connection)?;
    let (cpu, client_cpu, machine_cpu) = (site.server.cpu()?, process::own_cpu()?, process::machine_cpu()?);
    let start = site.clock.now();
    crowd.measure(start);
    let late = publisher.publish_evenly(measured, rate, size as usize)?;
    crowd.wait_events(warmup + measured);
    let elapsed = (site.clock.now() - start) as f64 / 1e9;
    let (cpu, client_cpu) = (site.server.cpu()? - cpu, process::own_cpu()? - client_cpu);
    let other_cpu = (process::machine_cpu()? - machine_cpu - cpu - client_cpu).max(0.0);
    let received = crowd.events() - received_before;
    let events_per_read = received as f64 / (crowd.reads() - reads_before).max(1) as f64;
    // More events per read than per write means that viewers lagged and the kernel merged, which flatters any server.
    let events_per_write = match writes(site, &mut connection)? {
        Some(after) => received as f64 / (after - writes_before.unwrap_or(0)).max(1) as f64,
        None => 1.0,
    };

    let receipts = crowd.leave()?;
    let (missing, extra) = receipts.differences(warmup + measured);
    let latencies = Latencies::new(receipts.latencies);
    let per_delivery = |cpu: f64| round(cpu * 1e6 / received.max(1) as f64);
    let expected = measured * viewers as u64;
    let json = json!({
        "scenario": "fanout", "target": site.target.to_string(), "viewers": viewers, "rate": rate, "size": size,
        "achievedRate": round(measured as f64 / elapsed), "elapsedSecs": round(elapsed),
        "expected": expected, "received": received, "missing": missing, "extra": extra,
        "disordered": receipts.disordered, "cpuUsPerDelivery": per_delivery(cpu), "serverCores": round(cpu / elapsed),
        "clientCpuUsPerDelivery": per_delivery(client_cpu), "clientCores": round(client_cpu / elapsed),
        "otherCores": round(other_cpu / elapsed), "eventsPerRead": round(events_per_read),
        "eventsPerWrite": round(events_per_write),
        "p50Ms": round(latencies.at(0.5)), "p99Ms": round(latencies.at(0.99)), "maxMs": round(latencies.at(1.0)),
        "latencySamples": latencies.len(), "publisherLateMs": round(late.as_secs_f64() * 1e3),
    });
    let summary = format!(
        "{viewers} viewers x {rate}/s (achieved {:.1}): {:.2} us CPU per delivery ({:.2} cores; client {:.2}, \
         others {:.2}), {events_per_write:.2} events per write, {events_per_read:.2} per read, {received} of {expected} delivered, \
         {missing} missing, p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        measured as f64 / elapsed,
        per_delivery(cpu),
        cpu / elapsed,
        client_cpu / elapsed,
        other_cpu / elapsed,
        latencies.at(0.5),
        latencies.at(0.99),
        latencies.at(1.0)
    );
    Ok(Report { json, summary })
}

/// Writes to viewers' sockets so far, if the server counts them. nchan and the bare server send one event per write.
fn writes(site: &Site, connection: &mut Connection) -> Result<Option<u64>> {
    (site.target == Target::Runcast).then(|| metrics::counter(connection, "runcast_writes_total")).transpose()
}
