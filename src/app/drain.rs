//! The drain: how a node goes without anybody losing anything.
//!
//! Not ready, still accepting for a notice; then the listener closes, viewers hear `draining` and stream on until their
//! time to reconnect has come; those that are left are closed in paced slices; then HTTP, the actors and storage end.

use std::convert::Infallible;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};

use actix_server::ServerHandle;
use futures_util::future::join_all;
use socket2::SockRef;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::parts::NodeParts;
use crate::actors::messages::supervisor::Stop;
use crate::actors::messages::thread_agent::{AnnounceDrain, CloseAll, ThreadAgentPort};
use crate::node::NodePhase;
use crate::protocol::close::CloseReason;

/// What HTTP requests in flight get to finish.
pub(super) const SERVER_STOP: Duration = Duration::from_secs(2);
/// The server acknowledges a pause before its acceptor has taken it up, and an acceptor whose listener is shut
/// meanwhile reports errors that are none.
const PAUSE_TAKEN: Duration = Duration::from_millis(50);
/// What the actors get to end.
const CHILDREN_STOP: Duration = Duration::from_secs(2);
/// What the last report to the other nodes gets.
const SIGNS_TOLD: Duration = Duration::from_millis(500);
/// Viewers asked to reconnect per second, over the node.
const RECONNECTS_PER_SEC: u64 = 1_000;
/// Pause before a thread agent is asked again that was away, busy, or ended meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// Viewers closed at once per thread, every 10 ms.
const PER_SLICE: usize = 50;

/// The listening socket, to be closed while the server that owns it still serves its connections.
pub(super) struct ListenerGate(TcpListener);

impl ListenerGate {
    pub(super) fn new(listener: &TcpListener) -> io::Result<Self> {
        listener.try_clone().map(Self)
    }

    /// Further connections are refused at once, instead of waiting in the kernel for a server that goes.
    fn close(&self) {
        if let Err(error) = SockRef::from(&self.0).shutdown(Shutdown::Both) {
            warn!(%error, "the listener was not closed");
        }
    }
}

/// Drains the node within `server.drain_secs`, its notice included; false when something was left at the end.
pub(super) async fn run(parts: &NodeParts, gate: ListenerGate, server: ServerHandle) -> bool {
    let config = &parts.config.server;
    let deadline = Instant::now() + Duration::from_secs(config.drain_secs);
    parts.node.enter(NodePhase::Leaving);
    info!(viewers = parts.thread_metrics.viewers(), "leaving");
    actix_rt::time::sleep(Duration::from_secs(config.drain_notice_secs)).await;

    server.pause().await;
    actix_rt::time::sleep(PAUSE_TAKEN).await;
    gate.close();
    // Not before: whoever was let in is served, and only who finds the door closed is better off elsewhere.
    parts.node.enter(NodePhase::Draining);
    let reserve = SERVER_STOP + CHILDREN_STOP + Duration::from_secs(1);
    let viewers_until = deadline.checked_sub(reserve).unwrap_or_else(Instant::now);
    send_viewers_away(parts, viewers_until).await;
    if timeout(SERVER_STOP + Duration::from_secs(1), server.stop(true)).await.is_err() {
        warn!("requests in flight did not finish in time");
    }
    stop_children(parts).await;
    // What was heard last, for the other nodes.
    if timeout(SIGNS_TOLD, parts.signs.close()).await.is_err() {
        warn!("what was heard last was not told to the other nodes");
    }
    parts.services.supervisor.unbind();
    let rest = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    match parts.live_actors.emptied(rest).await {
        Ok(()) => {
            info!("drained: no actor is left");
            true
        }
        Err(left) => {
            error!(?left, "actors are left after the drain");
            false
        }
    }
}

/// Stops the permanent children, last first.
async fn stop_children(parts: &NodeParts) {
    match parts.services.supervisor.ask(Stop { within: CHILDREN_STOP }).await {
        Ok(Ok(())) => {}
        Ok(Err(survivors)) => error!(?survivors, "children did not stop in time"),
        Err(refused) => error!(%refused, "the supervisor did not answer"),
    }
}

/// Announces, waits for those who reconnect by themselves, and closes the rest.
async fn send_viewers_away(parts: &NodeParts, until: Instant) {
    let viewers = parts.thread_metrics.viewers();
    let time = until.saturating_duration_since(Instant::now());
    if viewers > 0 {
        let wanted = Duration::from_millis(viewers.saturating_mul(1000) / RECONNECTS_PER_SEC);
        let spread = wanted.clamp(Duration::from_millis(500), Duration::from_secs(60)).min(time / 2);
        // A second more than the last one's turn, to open the next connection before this one closes.
        let patience = (spread + Duration::from_secs(1)).min(time * 3 / 4);
        tokio::select! {
            _ = timeout(patience, viewers_gone(parts)) => {}
            never = announce(parts, spread) => match never {},
        }
    }
    let rest = until.saturating_duration_since(Instant::now());
    if timeout(rest, close_viewers(parts)).await.is_err() {
        warn!(viewers = parts.thread_metrics.viewers(), "viewers did not close in time");
    }
}

async fn viewers_gone(parts: &NodeParts) {
    while parts.thread_metrics.viewers() > 0 {
        actix_rt::time::sleep(ASK_AGAIN).await;
    }
}

/// Announces the drain on every thread, once each, however busy its thread agent is.
async fn announce(parts: &NodeParts, spread: Duration) -> Infallible {
    let announcement = AnnounceDrain { spread_ms: spread.as_millis() as u64 };
    let tell = async |thread_agent: ThreadAgentPort| {
        while thread_agent.announce.try_send(announcement).is_err() {
            actix_rt::time::sleep(ASK_AGAIN).await;
        }
    };
    join_all(parts.thread_agents.all().into_iter().map(tell)).await;
    std::future::pending().await
}

/// Closes the viewers of all threads. A thread agent that ends meanwhile is asked again once it has been restarted;
/// what it has done already does no harm twice.
async fn close_viewers(parts: &NodeParts) {
    let close = async |thread_agent: ThreadAgentPort| {
        let (done, closed) = oneshot::channel();
        let order = CloseAll { reason: CloseReason::Restart, per_slice: PER_SLICE, done };
        thread_agent.close_all.try_send(order).is_ok() && closed.await.is_ok()
    };
    while !join_all(parts.thread_agents.all().into_iter().map(close)).await.into_iter().all(|closed| closed) {
        actix_rt::time::sleep(ASK_AGAIN).await;
    }
}
