//! How a run's head is stored beside its events.

use serde::{Deserialize, Serialize};

use super::keys::Index;
use crate::protocol::status::RunStatus;
use crate::protocol::{Epoch, Lineage, Seq, Timestamp};
use crate::storage::journal::append_rules;
use crate::storage::journal::{Head, RunPhase};

/// A head in the run's hash. The times are separate fields, because only the server knows them.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRun {
    lineage: Vec<(u64, Seq)>,
    tip: Seq,
    bytes: u64,
    phase: StoredPhase,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<RunStatus>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredPhase {
    Live,
    Sealed,
    Gone,
}

/// A head's state as text.
pub(super) fn state(head: &Head) -> String {
    let phase = match head.phase {
        RunPhase::Live => StoredPhase::Live,
        RunPhase::Sealed => StoredPhase::Sealed,
        RunPhase::Gone => StoredPhase::Gone,
    };
    let lineage = head.lineage.entries().iter().map(|(epoch, first)| (epoch.0, *first)).collect();
    let state = StoredRun { lineage, tip: head.tip, bytes: head.bytes, phase, status: head.status };
    // Numbers and names always serialise.
    serde_json::to_string(&state).unwrap_or_default()
}

/// Builds a head from its state and times, without the pending epoch; an empty state is a run without events.
pub(super) fn head(state: &str, at: Timestamp, created_at: Timestamp) -> Result<Head, serde_json::Error> {
    if state.is_empty() {
        return Ok(Head::unborn());
    }
    let StoredRun { lineage, tip, bytes, phase, status } = serde_json::from_str(state)?;
    let lineage = Lineage::new(lineage.into_iter().map(|(epoch, first)| (Epoch(epoch), first)).collect());
    let phase = match phase {
        StoredPhase::Live => RunPhase::Live,
        StoredPhase::Sealed => RunPhase::Sealed,
        StoredPhase::Gone => RunPhase::Gone,
    };
    let head = Head { lineage, tip, first: 1, phase, status, bytes, created_at, last_at: at, ..Head::default() };
    Ok(if head.phase == RunPhase::Gone { append_rules::gone(&head) } else { head })
}

/// The version of a run. It changes with every write and never repeats, so a decision made on one version holds for no
/// other.
pub(super) fn version(head: &Head) -> String {
    let phase = head.phase as u8;
    head.lineage.epoch().map_or_else(String::new, |epoch| format!("{epoch}:{}:{phase}", head.tip))
}

/// The index that lists a run with this head.
pub(super) fn index(head: &Head) -> Index {
    match head.phase {
        RunPhase::Gone => Index::Gone,
        RunPhase::Sealed => Index::Sealed,
        RunPhase::Live if append_rules::is_ended(head) => Index::Ended,
        RunPhase::Live => Index::Open,
    }
}
