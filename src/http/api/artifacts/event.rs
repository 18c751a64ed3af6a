//! The event that tells a run's viewers of an artifact.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tracing::info;

use super::super::super::Edge;
use super::json::{download_url, saved_percent, trace_url};
use crate::actors::messages::room::Publish;
use crate::protocol::ServerEvent;
use crate::storage::catalog::artifacts::ArtifactRow;

/// Appends it. The artifact is there also if that fails: a run that is sealed gets no events any more, and a journal that
/// is away is not waited for.
pub(super) async fn tell(edge: &Edge, row: &ArtifactRow) {
    let mut event = Map::new();
    let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
    set("type", ServerEvent::Artifact.as_str().into());
    set("timestamp", json!(edge.journal.now()));
    set("artifactId", json!(row.id));
    set("name", json!(row.name));
    set("kind", json!(row.kind));
    set("contentType", json!(row.content_type));
    set("size", json!(row.size));
    set("storedSize", json!(row.stored.map(|stored| stored.size)));
    set("savedPercent", json!(saved_percent(row)));
    set("downloadUrl", download_url(row).into());
    if let Some(test) = &row.test {
        set("test", json!(test));
    }
    if let Some(url) = trace_url(row).filter(|_| edge.shows_traces()) {
        set("traceUrl", url.into());
    }
    let line = Bytes::from(Value::Object(event).to_string());
    let held = Arc::new(edge.budget.hold());
    let publish = |reply| Publish::from_server(ServerEvent::Artifact, line.clone(), held.clone(), reply);
    if let Err(problem) = edge.rooms.publish(&row.run, publish).await {
        info!(run = %row.run, artifact = %row.id, %problem, "the run's viewers were not told of an artifact");
    }
}
