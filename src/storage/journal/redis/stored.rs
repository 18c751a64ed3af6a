//! How a run's head is stored beside its events.

use serde::{Deserialize, Serialize};

use super::keys::Index;
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, Epoch, Lineage, Seq, Timestamp};
use crate::storage::journal::append_rules;
use crate::storage::journal::{Head, RunPhase};

/// A head in the run's hash. The times are separate fields, because only the server knows them. The members of a run's
/// control stand at the end, and only where they are not the default.
#[derive(Debug, Serialize, Deserialize)]
struct StoredRun {
    lineage: Vec<(u64, Seq)>,
    tip: Seq,
    bytes: u64,
    phase: StoredPhase,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<RunStatus>,
    /// Seq of the last control event. Its epoch is the lineage's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control: Option<Seq>,
    #[serde(default, skip_serializing_if = "is_default")]
    steered: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    control_bytes: u64,
    /// When the run was active last, in milliseconds, if it was only steered since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<i64>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
    state_with(head, only_steered(head))
}

/// A head's state as text after an append whose time only the server knows: `active` is when the run was active last,
/// unless that is with this append.
pub(super) fn state_with(head: &Head, active: Option<Timestamp>) -> String {
    let phase = match head.phase {
        RunPhase::Live => StoredPhase::Live,
        RunPhase::Sealed => StoredPhase::Sealed,
        RunPhase::Gone => StoredPhase::Gone,
    };
    let lineage = head.lineage.entries().iter().map(|(epoch, first)| (epoch.0, *first)).collect();
    let state = StoredRun {
        lineage,
        tip: head.tip,
        bytes: head.bytes,
        phase,
        status: head.status,
        control: head.control.map(|control| control.seq),
        steered: head.steered,
        control_bytes: head.control_bytes,
        active: active.map(Timestamp::as_millis),
    };
    // Numbers and names always serialise.
    serde_json::to_string(&state).unwrap_or_default()
}

/// Builds a head from its state and times, without the pending epoch; an empty state is a run without events.
pub(super) fn head(state: &str, at: Timestamp, created_at: Timestamp) -> Result<Head, serde_json::Error> {
    if state.is_empty() {
        return Ok(Head::unborn());
    }
    let StoredRun { lineage, tip, bytes, phase, status, control, steered, control_bytes, active } =
        serde_json::from_str(state)?;
    let active_at = active.map_or(at, Timestamp::from_millis);
    let lineage = Lineage::new(lineage.into_iter().map(|(epoch, first)| (Epoch(epoch), first)).collect());
    let phase = match phase {
        StoredPhase::Live => RunPhase::Live,
        StoredPhase::Sealed => RunPhase::Sealed,
        StoredPhase::Gone => RunPhase::Gone,
    };
    let control = control.map(|seq| Cursor { epoch: epoch_of(&lineage, seq), seq });
    let head = Head {
        lineage,
        tip,
        first: 1,
        phase,
        status,
        bytes,
        control_bytes,
        created_at,
        last_at: at,
        active_at,
        control,
        steered,
        incarnation: None,
    };
    Ok(if head.phase == RunPhase::Gone { append_rules::gone(&head) } else { head })
}

/// When the run was active last, if it was only steered since.
pub(super) fn only_steered(head: &Head) -> Option<Timestamp> {
    (head.active_at < head.last_at).then_some(head.active_at)
}

/// The epoch that stored an event.
fn epoch_of(lineage: &Lineage, seq: Seq) -> Option<Epoch> {
    lineage.entries().iter().rev().find(|(_, first)| *first <= seq).map(|(epoch, _)| *epoch)
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

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(9);

    fn plain() -> Head {
        Head {
            lineage: Lineage::new(vec![(Epoch(7), 1), (Epoch(8), 4)]),
            tip: 5,
            status: Some(RunStatus::Running),
            bytes: 60,
            created_at: Timestamp::from_millis(3),
            last_at: AT,
            active_at: AT,
            ..Head::unborn()
        }
    }

    /// What the builds of format version 1 write.
    const PLAIN: &str = r#"{"lineage":[[7,1],[8,4]],"tip":5,"bytes":60,"phase":"live","status":"running"}"#;

    #[test]
    fn a_run_without_control_has_the_text_that_it_always_had() {
        assert_eq!(state(&plain()), PLAIN);
        assert_eq!(head(PLAIN, AT, Timestamp::from_millis(3)).unwrap(), plain());
    }

    #[test]
    fn what_is_stored_of_a_runs_control_is_read_back() {
        for (seq, epoch) in [(1, 7), (3, 7), (4, 8), (5, 8)] {
            let control = Some(Cursor { epoch: Some(Epoch(epoch)), seq });
            let active_at = Timestamp::from_millis(epoch as i64);
            let steered = Head { control, steered: true, control_bytes: 20, active_at, ..plain() };
            let text = state(&steered);
            let more = format!(r#","control":{seq},"steered":true,"control_bytes":20,"active":{epoch}}}"#);
            assert_eq!(text, PLAIN.replace('}', &more));
            assert_eq!(head(&text, AT, steered.created_at).unwrap(), steered);
        }
    }
}
