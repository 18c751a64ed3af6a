//! The node's state: its name, its start, its phase, its connections.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::watch;

/// A phase of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodePhase {
    /// The node does not serve yet.
    Starting,
    /// The node serves.
    Ready,
    /// The node will drain soon: it is no longer ready, but still accepts.
    Leaving,
    /// The node drains: it still streams, and sends its viewers elsewhere.
    Draining,
}

/// The state of a node. Clones share it.
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
    /// A starting node that accepts at most `max_connections` connections of all kinds.
    pub fn new(id: &str, max_connections: usize) -> Self {
        Self(Arc::new(NodeState {
            id: id.into(),
            started: Instant::now(),
            phase: watch::Sender::new(NodePhase::Starting),
            connections: AtomicUsize::new(0),
            max_connections,
        }))
    }

    /// The node's name.
    pub fn id(&self) -> &Arc<str> {
        &self.0.id
    }

    /// When the node started.
    pub fn started(&self) -> Instant {
        self.0.started
    }

    /// The present phase.
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
            // The sender is kept as long as the node; if it is dropped, the node is gone as well.
            let _ = phase.wait_for(|phase| *phase == NodePhase::Draining).await;
        }
    }

    /// Number of open connections of all kinds.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Whether there are more connections than allowed; the newest must be refused.
    pub fn is_crowded(&self) -> bool {
        self.connections() > self.0.max_connections
    }

    /// Counts a connection as long as the slot is held.
    pub fn connect(&self) -> ConnectionSlot {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        ConnectionSlot { node: self.clone(), _beside: None }
    }
}

/// A counted connection, of `server.max_connections`.
#[derive(Debug)]
pub struct ConnectionSlot {
    node: Node,
    _beside: Option<Rc<dyn Any>>,
}

impl ConnectionSlot {
    /// The same, which also holds something else for as long as the connection is open.
    #[must_use]
    pub fn holding(mut self, beside: Rc<dyn Any>) -> Self {
        self._beside = Some(beside);
        self
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.node.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
