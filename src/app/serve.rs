//! `runcast serve`: from a configuration to a process that runs a node.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::listeners::Listeners;
use super::reload::ConfigReload;
use super::signals::ProcessSignals;
use super::storage::close;
use super::{LiveSettings, NodeOutcome, Shares, Storage};
use crate::cli::ServerToken;
use crate::descriptors::Descriptors;
use crate::tasks;
use crate::telemetry;

/// Exit code when a permanent actor failed for good (`EX_SOFTWARE`).
const ESCALATED: u8 = 70;
/// Exit code when the stop left something behind (`EX_TEMPFAIL`).
pub const EXIT_OVERDUE: u8 = 75;

/// Runs a node until SIGTERM or SIGINT, and returns the process's exit code. What other signals do stands in
/// `signals.rs`.
pub fn serve(reload: ConfigReload, demo: bool) -> Result<ExitCode, anyhow::Error> {
    let mut config = reload.config.clone();
    config.server.name_node();
    let limits = Descriptors::raise().context("the descriptor limit could not be raised")?;
    let Shares { connections, uploads, downloads } = Shares::of(&config, limits);
    info!(descriptors = limits.soft, connections, uploads, downloads, "limits");
    let listeners = Listeners::bind(&config)?;
    let ops = listeners.ops_address()?;
    // Connections count from the moment they are made.
    telemetry::metrics::install()?;
    let system = actix_rt::System::new();
    let ended = system.block_on(async move {
        let (stop, stopping) = watch::channel(false);
        let (tell_clock, clock) = oneshot::channel();
        let (tell_live, live) = oneshot::channel();
        match ProcessSignals::take() {
            Ok(signals) => {
                let last = stop.clone();
                drop(tasks::spawn_local("signals", async move {
                    // Nobody would hear SIGTERM any more.
                    if tasks::caught("signals", signals.obey(stop, clock, reload, live)).await.is_err() {
                        last.send_replace(true);
                    }
                }));
            }
            Err(error) => warn!(%error, "no signal is heeded: they end the process without a drain"),
        }
        let mut stops = stopping.clone();
        let storage = tokio::select! {
            storage = Storage::open(&config) => storage?,
            Ok(_) = stops.wait_for(|stop| *stop) => return Ok(ExitCode::SUCCESS),
        };
        // Nobody listens where signals can't be heard.
        let _ = tell_clock.send(storage.journal.clock().clone());
        let token = demo.then(|| storage.first_key.as_ref()?.reveal().parse::<ServerToken>().ok()).flatten();
        let mut stopped = stopping.clone();
        let started = move |address: SocketAddr, settings: LiveSettings| {
            let _ = tell_live.send(settings);
            greet(address, ops);
            if demo {
                let mut stopping = stopping;
                let stop = async move {
                    let _ = stopping.wait_for(|stop| *stop).await;
                };
                let replay = crate::demo::replay(format!("http://{address}"), token, stop);
                drop(tasks::spawn_local("demo", async move {
                    if let Err(error) = replay.await {
                        warn!(%error, "the demo ended");
                    }
                }));
            }
        };
        let stop = async move {
            if stopped.wait_for(|stop| *stop).await.is_err() {
                std::future::pending().await
            }
        };
        let outcome = super::run(config, storage.clone(), listeners, Vec::new(), started, stop).await;
        let closed = storage.close(close::WITHIN).await;
        Ok(match outcome.context("the node could not start")? {
            NodeOutcome::Drained if closed => ExitCode::SUCCESS,
            NodeOutcome::Escalated => ExitCode::from(ESCALATED),
            NodeOutcome::Drained | NodeOutcome::Overdue => ExitCode::from(EXIT_OVERDUE),
        })
    });
    // Dropped, it would wait for threads that still ask for the address of a host, however long that takes.
    std::mem::forget(system);
    ended
}

/// Tells a newcomer where to look. Standard output is for this alone; the log goes to standard error.
fn greet(address: SocketAddr, ops: Option<SocketAddr>) {
    let mut out = std::io::stdout().lock();
    // Nobody reads it: nothing is lost.
    let _ = writeln!(out, "runcast listens on http://{address}\n  watch:  http://{address}/");
    let _ = writeln!(out, "  post:   runcast publish my-run events.ndjson --url http://{address}");
    if let Some(ops) = ops {
        let _ = writeln!(out, "  operators: http://{ops}/ready");
    }
    let _ = out.flush();
}
