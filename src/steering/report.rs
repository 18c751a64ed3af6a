//! What a producer reports of commands in a post of events.

use std::sync::Arc;

use serde::Deserialize;

use super::draft::normal_id;
use super::service::Steering;
use crate::control::{Answer, ControlRequest, ReportsRequest};
use crate::protocol::event::EventBatch;
use crate::protocol::event::stamp::StampKind;
use crate::protocol::json_text::readable;
use crate::protocol::{Cursor, RunId, Seq};

/// A `command_status` of a producer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandReport {
    command_id: Arc<str>,
    status: Box<str>,
}

impl CommandReport {
    /// Those of a post; mostly there are none.
    pub fn all(batch: &EventBatch) -> Vec<Self> {
        let reports = batch.stamps.iter().filter(|stamp| stamp.kind == StampKind::CommandStatus);
        let events = reports.filter_map(|stamp| batch.lines.get(stamp.index as usize));
        events.filter_map(|event| serde_json::from_slice(&readable(event)).ok()).collect()
    }

    /// Whether anything in a post can change nothing, which its producer is then told: reports, and questions.
    pub fn may_be_ignored(batch: &EventBatch) -> bool {
        let asks_or_reports = |kind: &StampKind| matches!(kind, StampKind::CommandStatus | StampKind::Ask { .. });
        batch.stamps.iter().any(|stamp| asks_or_reports(&stamp.kind))
    }
}

impl Steering {
    /// A producer's post is stored, with these reports of commands in it: `seqs` are the first and the last of what was
    /// stored newly. Secrets that nobody needs any more go. The answer are the ids of the commands whose report changed
    /// nothing, and of the questions that opened nothing.
    pub async fn reported(
        &self,
        run: &RunId,
        producer: Option<&str>,
        reports: &[CommandReport],
        seqs: (Seq, Seq),
        tip: Option<Cursor>,
    ) -> Vec<Arc<str>> {
        let request = ReportsRequest { producer: producer.map(Arc::from), seqs };
        let ignored = match self.ask(run, ControlRequest::Reports(request), tip).await {
            Ok((Answer::Ignored(ignored), _)) => ignored,
            // The reports are stored, and that is what the answer to the post has to say.
            Ok(_) | Err(_) => return Vec::new(),
        };
        for report in reports.iter().filter(|report| &*report.status != "accepted") {
            let id = normal_id(&report.command_id);
            if !ignored.contains(&id) {
                // One that can't be deleted now goes when its time is over.
                let _ = self.shared.secrets.delete(run, &id).await;
            }
        }
        ignored
    }
}
