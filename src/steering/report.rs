//! What a producer reports of commands in a post of events.

use std::sync::Arc;

use serde::Deserialize;

use super::service::Steering;
use crate::protocol::event::EventBatch;
use crate::protocol::event::stamp::StampKind;
use crate::protocol::json_text::readable;
use crate::protocol::{Cursor, RunId};

/// A `command_status` of a producer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    command_id: Arc<str>,
    status: Box<str>,
}

impl Report {
    /// Those of a post; mostly there are none.
    pub fn all(batch: &EventBatch) -> Vec<Self> {
        let reports = batch.stamps.iter().filter(|stamp| stamp.kind == StampKind::CommandStatus);
        let events = reports.filter_map(|stamp| batch.lines.get(stamp.index as usize));
        events.filter_map(|event| serde_json::from_slice(&readable(event)).ok()).collect()
    }
}

impl Steering {
    /// A producer has reported: secrets that nobody needs any more go. The ids of the commands whose report changed
    /// nothing.
    pub async fn reported(
        &self,
        run: &RunId,
        _producer: Option<&str>,
        reports: &[Report],
        _tip: Option<Cursor>,
    ) -> Vec<Arc<str>> {
        for report in reports.iter().filter(|report| &*report.status != "accepted") {
            // One that can't be deleted now goes when its time is over.
            let _ = self.shared.secrets.delete(run, &report.command_id).await;
        }
        Vec::new()
    }
}
