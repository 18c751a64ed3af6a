//! Runs a node: starts its supervisor and its HTTP server, waits for a reason to stop, and drains it.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_server::{Server, ServerHandle};
use tokio::time::timeout;
use tracing::{error, info};

use super::parts::NodeParts;
use super::{Listeners, LiveSettings, Storage, clock, drain, ops_server, revocations, worker};
use crate::actors::supervision::{Child, Done, Escalated, Escalation, spawn};
use crate::actors::supervisor::Supervisor;
use crate::config::Config;
use crate::http::limits::RequestLimits;
use crate::node::NodePhase;
use crate::tasks::{self, Task};
use crate::telemetry::metrics::{self, MetricsHandle};

/// Time between two rounds of [`keep_metrics`].
const UPKEEP: Duration = Duration::from_secs(5);
/// How long the start waits until the catalog has the client packages. Without it, that goes on beside the node's work.
const KEPT: Duration = Duration::from_secs(2);

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeOutcome {
    /// Drained; every actor is gone.
    Drained,
    /// Something that the node cannot be without failed for good; drained as well as could be.
    Escalated,
    /// The drain's deadline passed with actors left.
    Overdue,
}

impl NodeOutcome {
    /// The outcome when the drain that followed has ended in time, or not. A failure stays one: whoever supervises the
    /// process restarts it for that, and not for a stop that took too long.
    fn after_drain(self, in_time: bool) -> Self {
        match self {
            Self::Drained if !in_time => Self::Overdue,
            outcome => outcome,
        }
    }
}

/// Runs a node on its listeners until `stop` resolves or something that it cannot be without fails for good, then drains
/// it. `started` is told the address, and has the settings that may change, once requests are served.
pub async fn run(
    mut config: Config,
    storage: Storage,
    listeners: impl Into<Listeners>,
    warnings: Vec<String>,
    started: impl FnOnce(SocketAddr, LiveSettings),
    stop: impl Future<Output = ()>,
) -> io::Result<NodeOutcome> {
    let Listeners { main: listener, ops } = listeners.into();
    let address = listener.local_addr()?;
    config.server.name_node();
    let (escalation, escalated) = Escalation::new();
    let parts = NodeParts::new(config, storage, metrics::install().map_err(io::Error::other)?, warnings, escalation);
    let mut supervising = supervise(&parts)?;
    let gate = drain::ListenerGate::new(&listener)?;
    let server = worker::start(&parts, listener)?;
    let handle = server.handle();
    let mut serving = tasks::spawn_local("http_server", server);
    let mut operators = OpsServer::start(&parts, ops)?;
    let (metrics, limits) = (parts.metrics.clone(), parts.limits.clone());
    let keep = move || keep_metrics(metrics.clone(), limits.clone());
    let upkeep = tasks::spawn_local("metrics_upkeep", tasks::restarted("metrics_upkeep", keep));
    let watched = parts.storage.clone();
    let watch = tasks::spawn_local("clock_watch", async move {
        tasks::restarted("clock_watch", || clock::watch(&watched)).await;
    });
    let revocations = parts.storage.authenticator.clone().map(|authenticator| {
        let every = Duration::from_secs(parts.config.auth.revocation_secs);
        tasks::spawn("revocations", async move {
            tasks::restarted("revocations", || revocations::read_revocations(&authenticator, every)).await;
        })
    });
    let packages = parts.storage.packages.clone();
    let mut keeping = tasks::spawn("package_keeper", async move {
        tasks::restarted("package_keeper", || packages.keep()).await;
    });
    // Whoever learns a package's name here may be sent to another node for it, which has it of the catalog.
    let _ = timeout(KEPT, &mut keeping).await;
    parts.node.enter(NodePhase::Ready);
    started(address, parts.live.clone());
    info!(%address, node = %parts.node.id(), "serving");

    let outcome = tokio::select! {
        () = stop => NodeOutcome::Drained,
        reason = failed(escalated, &mut supervising, [&mut serving, &mut operators.serving]) => {
            error!(reason, "the node cannot go on: it drains");
            NodeOutcome::Escalated
        }
    };
    let drained = drain::run(&parts, gate, handle).await;
    // Until now it says that the node drains.
    operators.stop().await;
    serving.abort();
    upkeep.abort();
    watch.abort();
    keeping.abort();
    if let Some(revocations) = revocations {
        revocations.abort();
    }
    Ok(outcome.after_drain(drained))
}

/// The server for operators, while the node runs and drains.
struct OpsServer {
    handle: Option<ServerHandle>,
    serving: Task<io::Result<()>>,
}

impl OpsServer {
    /// Serves on the listener; without one, nothing.
    fn start(parts: &NodeParts, listener: Option<TcpListener>) -> io::Result<Self> {
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let server = listener.map(|listener| ops_server::start(parts, listener)).transpose()?;
        if let Some(address) = address {
            info!(%address, "serving operators");
        }
        let handle = server.as_ref().map(Server::handle);
        let serving = tasks::spawn_local("ops_server", async move {
            match server {
                Some(server) => server.await,
                None => std::future::pending().await,
            }
        });
        Ok(Self { handle, serving })
    }

    async fn stop(self) {
        if let Some(handle) = self.handle {
            // What is still being answered is about a node that is no more.
            let _ = timeout(drain::SERVER_STOP, handle.stop(false)).await;
        }
        self.serving.abort();
    }
}

/// Starts the supervisor, and with it the permanent children. It ends with what this returns.
fn supervise(parts: &NodeParts) -> io::Result<Done> {
    let supervisor = &parts.services.supervisor;
    let (children, live) = (parts.children(), parts.live_actors.enter("supervisor"));
    let escalation = parts.escalation.clone();
    let child =
        spawn(supervisor.name(), supervisor.mailbox(), move |_, _| Ok(Supervisor::new(children, escalation, live)));
    let Child { addr, done } = child.map_err(|exit| io::Error::other(exit.to_string()))?;
    supervisor.bind(addr);
    Ok(done)
}

/// Resolves when nothing can bring the node back but a new process, to why.
async fn failed(
    mut escalated: Escalated,
    supervisor: &mut Done,
    [server, ops_server]: [&mut Task<io::Result<()>>; 2],
) -> String {
    let ended = async {
        tokio::select! {
            ended = server => ("the HTTP server", ended),
            ended = ops_server => ("the HTTP server for operators", ended),
        }
    };
    tokio::select! {
        reason = escalated.reason() => reason,
        exit = supervisor => format!("the supervisor {exit}"),
        (server, ended) = ended => match ended {
            Ok(Ok(())) => format!("{server} stopped"),
            Ok(Err(error)) => format!("{server} failed: {error}"),
            Err(error) => format!("{server} {error}"),
        },
    }
}

/// Sorts the metrics' samples into buckets, so that they don't pile up when nobody looks, and logs how many refusals had
/// no line of their own.
async fn keep_metrics(metrics: MetricsHandle, limits: RequestLimits) {
    let mut due = actix_rt::time::interval(UPKEEP);
    loop {
        due.tick().await;
        metrics.upkeep();
        limits.tell_refusals();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_failed_has_failed_also_when_its_drain_takes_too_long() {
        assert_eq!(NodeOutcome::Escalated.after_drain(false), NodeOutcome::Escalated);
        assert_eq!(NodeOutcome::Drained.after_drain(false), NodeOutcome::Overdue);
        assert_eq!(NodeOutcome::Drained.after_drain(true), NodeOutcome::Drained);
    }
}
