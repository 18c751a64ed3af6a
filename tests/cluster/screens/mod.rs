//! Screens and hints over several nodes: what is looked at on one is known, shown and asked for on another.

mod hints;
mod kept;
mod outages;
mod paces;

use std::time::Duration;

use crate::support::{Cluster, SOON, Site, Viewer, eventually, numbered};
use serde_json::Value;

/// Posts a frame of a stream; returns the answer.
async fn show(node: &Site, stream: &str, byte: u8, bytes: usize) -> Value {
    let headers = [("content-type", "image/png"), ("runcast-stream", stream), ("runcast-producer", "p1")];
    let reply = node.post("/api/runs/r/frame", &headers, vec![byte; bytes]).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

/// Whether a viewer has been shown this frame.
fn has(viewer: &Viewer, stream: &str, byte: u8) -> bool {
    viewer.screens.iter().any(|(head, image)| head["stream"] == stream && image[0] == byte)
}

/// The hints of the run on this node, once they fit.
async fn hints(node: &Site, fits: impl Fn(&Value) -> bool) -> Value {
    let poll = async || node.get_json("/api/runs/r/commands").await["hints"].clone();
    eventually!(poll().await, |hints| fits(hints), SOON)
}

/// A cluster with a run.
async fn cluster(nodes: usize, settings: &[(&str, &str)]) -> Cluster {
    let cluster = Cluster::start_with(nodes, &[("appendonly", "yes")], settings).await;
    cluster.nodes[0].store("r", &numbered(1, 1, 0)).await;
    cluster
}

/// Reads what comes for a viewer until that takes a while.
async fn drain(viewer: &mut Viewer) {
    while tokio::time::timeout(Duration::from_millis(300), viewer.read()).await.is_ok() {}
}
