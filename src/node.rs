//! What the whole node knows of itself: its name, its age, its phase, its connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::watch;

/// Where a node stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodePhase {
    /// Not serving yet.
    Starting,
    /// Serving.
    Ready,
    /// Going soon: not ready any more, still accepting.
    Leaving,
    /// Going: still streaming, sending its viewers elsewhere.
    Draining,
}

/// See the module's page. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Node(Arc<NodeState>);

#[derive(Debug)]
struct NodeState {
    id: Arc<str>,
    started: Instant,
    phase: watch::Sender<NodePhase>,
    connections: AtomicUsize,
    max_connections: usize,
}

impl Node {
    /// A starting node that takes at most `max_connections` connections of all kinds.
    pub fn new(id: &str, max_connections: usize) -> Self {
        Self(Arc::new(NodeState {
            id: id.into(),
            started: Instant::now(),
            phase: watch::Sender::new(NodePhase::Starting),
            connections: AtomicUsize::new(0),
            max_connections,
        }))
    }

    /// Its name.
    pub fn id(&self) -> &Arc<str> {
        &self.0.id
    }

    /// When it was made.
    pub fn started(&self) -> Instant {
        self.0.started
    }

    /// Where it stands.
    pub fn phase(&self) -> NodePhase {
        *self.0.phase.borrow()
    }

    /// Enters a phase.
    pub fn enter(&self, phase: NodePhase) {
        self.0.phase.send_replace(phase);
    }

    /// Resolves once the node drains.
    pub fn drains(&self) -> impl Future<Output = ()> + use<> {
        let mut phase = self.0.phase.subscribe();
        async move {
            // The sender lives as long as the node; its end is a drain as well.
            let _ = phase.wait_for(|phase| *phase == NodePhase::Draining).await;
        }
    }

    /// Open connections of all kinds.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Whether there are more connections than allowed: the newest must go.
    pub fn is_crowded(&self) -> bool {
        self.connections() > self.0.max_connections
    }

    /// Counts a connection for as long as the slot lives.
    pub fn connect(&self) -> ConnectionSlot {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        ConnectionSlot(self.clone())
    }
}

/// One connection under `server.max_connections`.
#[derive(Debug)]
pub struct ConnectionSlot(Node);

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.0.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
