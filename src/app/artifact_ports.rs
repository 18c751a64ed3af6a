//! What ties artifacts to the rest of the node: the runs' rooms, the compression, the viewer of traces.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::Storage;
use crate::actors::compression::Compression;
use crate::actors::messages::registry::FindRoom;
use crate::actors::messages::room::{Publish, PublishError};
use crate::actors::registry::Registry;
use crate::actors::supervision::{Service, ServiceRecipient};
use crate::artifacts::{ArtifactPorts, ArtifactService, RunLog};
use crate::budget::Budget;
use crate::http::trace_viewer::TraceViewer;
use crate::protocol::{RunId, ServerEvent};
use crate::storage::journal::{Journal, RunPhase};

/// How often a room that retires just then is found anew.
const TRIES: usize = 2;

/// The runs of this node, reached from any thread.
struct NodeRuns {
    journal: Arc<dyn Journal>,
    rooms: ServiceRecipient<FindRoom>,
    /// Bytes of posts in hand, over the node.
    bodies: Budget,
}

/// The artifacts of this node; `None`: none are kept.
pub(super) fn service(
    storage: &Storage,
    registry: &Service<Registry>,
    compression: &Service<Compression>,
    bodies: &Budget,
    trace_viewer: &Arc<TraceViewer>,
) -> Option<ArtifactService> {
    let (journal, rooms, bodies) = (storage.journal.clone(), registry.recipient(), bodies.clone());
    let trace_viewer = trace_viewer.clone();
    let ports = ArtifactPorts {
        runs: Arc::new(NodeRuns { journal, rooms, bodies }),
        compressor: Arc::new(compression.recipient()),
        shows_traces: Arc::new(move || trace_viewer.is_there()),
    };
    Some(ArtifactService::new(storage.artifacts.clone()?, ports))
}

#[async_trait]
impl RunLog for NodeRuns {
    async fn is_open(&self, run: &RunId) -> Result<bool, String> {
        let head = self.journal.head(run).await.map_err(|error| error.to_string())?;
        match head.phase {
            RunPhase::Gone => Ok(false),
            RunPhase::Live | RunPhase::Sealed => Ok(true),
        }
    }

    async fn is_known(&self, run: &RunId) -> Result<bool, String> {
        let head = self.journal.head(run).await.map_err(|error| error.to_string())?;
        Ok(head.tip > 0 || head.phase == RunPhase::Gone)
    }

    async fn append(&self, run: &RunId, event: Bytes) -> Result<(), String> {
        for _ in 0..TRIES {
            let found = self.rooms.ask(FindRoom { run: run.clone() }).await.map_err(|refused| refused.to_string())?;
            let room = found.map_err(|error| error.to_string())?;
            let held = Arc::new(self.bodies.hold());
            match room.post(|reply| Publish::from_server(ServerEvent::Artifact, event.clone(), held, reply)).await {
                Ok(_) => return Ok(()),
                Err(PublishError::Retired) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(PublishError::Retired.to_string())
    }
}
