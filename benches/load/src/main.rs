//! The load generator behind runcast's published figures.
//!
//! Each subcommand measures one running server. It prints a JSON line on stdout for `scripts/bench`, and a readable
//! line on stderr. Every wait has a timeout, and missing, duplicate and disordered deliveries are part of the result.

mod clock;
mod crowd;
mod event;
mod frame;
mod http;
mod metrics;
mod process;
mod publisher;
mod scenario;
mod stats;
mod target;
mod viewer;

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

use crate::{clock::Clock, process::Server, target::Target};

#[derive(Parser)]
#[command(name = "runcast-load", version, about = "Measures a live-events server over loopback")]
struct Cli {
    #[command(flatten)]
    site: SiteArgs,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Args)]
struct SiteArgs {
    /// Which server is measured: decides paths and how an event is told from the server's own messages.
    #[arg(long, value_enum, default_value = "runcast")]
    target: Target,
    /// Where it listens.
    #[arg(long)]
    addr: SocketAddr,
    /// Where events are posted, if not there: another node of the same cluster.
    #[arg(long)]
    publish_addr: Option<SocketAddr>,
    /// Every process of the server, comma separated (nginx: master and workers).
    #[arg(long, value_delimiter = ',', required = true)]
    pids: Vec<u32>,
    /// Threads that read for the viewers.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

#[derive(Subcommand)]
enum Scenario {
    /// One publisher, many viewers: CPU per delivery and latency.
    Fanout(scenario::fanout::Options),
    /// Memory of an idle viewer.
    Idle(scenario::idle::Options),
    /// Viewers of a run that another process posts to.
    Listen(scenario::listen::Options),
    /// NDJSON batches over many connections: events per second.
    Ingest(scenario::ingest::Options),
    /// One viewer reads a long run from its start.
    Replay(scenario::catchup::ReplayOptions),
    /// Many viewers read a run from its start at once.
    Herd(scenario::catchup::HerdOptions),
    /// Viewers that never read, beside one that does.
    NeverRead(scenario::never_read::Options),
    /// Where an artifact is to be had, asked over many connections: signed URLs per second.
    SignedUrls(scenario::signed_urls::Options),
}

/// The server under test, and what all scenarios need to measure it.
struct Site {
    target: Target,
    addr: SocketAddr,
    publish_addr: SocketAddr,
    server: Server,
    threads: usize,
    clock: Clock,
}

fn main() -> anyhow::Result<()> {
    let Cli { site, scenario } = Cli::parse();
    let site = Site {
        target: site.target,
        addr: site.addr,
        publish_addr: site.publish_addr.unwrap_or(site.addr),
        server: Server::new(site.pids),
        threads: site.threads.max(1),
        clock: Clock::start(),
    };
    let report = match scenario {
        Scenario::Fanout(options) => scenario::fanout::run(&site, &options),
        Scenario::Idle(options) => scenario::idle::run(&site, &options),
        Scenario::Listen(options) => scenario::listen::run(&site, &options),
        Scenario::Ingest(options) => scenario::ingest::run(&site, &options),
        Scenario::Replay(options) => scenario::catchup::replay(&site, &options),
        Scenario::Herd(options) => scenario::catchup::herd(&site, &options),
        Scenario::NeverRead(options) => scenario::never_read::run(&site, &options),
        Scenario::SignedUrls(options) => scenario::signed_urls::run(&site, &options),
    }?;
    eprintln!("{}: {}", site.target, report.summary);
    println!("{}", report.json);
    Ok(())
}
