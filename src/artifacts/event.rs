//! The event that tells a run's viewers of an artifact.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tracing::info;

use super::links::{download_path, saved_percent};
use super::{ArtifactService, Completed};
use crate::protocol::ServerEvent;
use crate::storage::catalog::artifacts::ArtifactRow;

impl ArtifactService {
    /// Appends the event of an artifact that became ready just now. The artifact is there also if that fails: a run
    /// that is sealed gets no events any more, and a journal that is away is not waited for.
    pub(super) async fn tell(&self, completed: &Completed) {
        let row = &completed.kept.artifact;
        if !completed.is_new {
            return;
        }
        if let Err(problem) = self.ports().runs.append(&row.run, self.event(row)).await {
            info!(run = %row.run, artifact = %row.id, %problem, "the run's viewers were not told of an artifact");
        }
    }

    fn event(&self, row: &ArtifactRow) -> Bytes {
        let mut event = Map::new();
        let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
        set("type", ServerEvent::Artifact.as_str().into());
        set("timestamp", json!(self.now()));
        set("artifactId", json!(row.id));
        set("name", json!(row.name));
        set("kind", json!(row.kind));
        set("contentType", json!(row.content_type));
        set("size", json!(row.size));
        set("storedSize", json!(row.stored.map(|stored| stored.size)));
        set("savedPercent", json!(saved_percent(row)));
        set("downloadUrl", download_path(row).into());
        if let Some(test) = &row.test {
            set("test", json!(test));
        }
        if let Some(path) = self.trace_path(row) {
            set("traceUrl", path.into());
        }
        Value::Object(event).to_string().into()
    }
}
