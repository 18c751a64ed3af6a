//! What an append does to the run's control: where it ends, when it is due, and how its producers stand.

use bytes::Bytes;
use serde::Serialize;

use super::due::DueChange;
use super::{ControlPost, Post, RunPhase, RunRecord, Work};
use crate::protocol::event::stamp::{ANONYMOUS, Stamp, StampKind};
use crate::protocol::pack::Batch;
use crate::protocol::status::RunStatus;
use crate::protocol::verdict::{self, ProducerState};
use crate::protocol::{Cursor, Lines, ProducerId, ServerEvent, Timestamp};

impl Work<'_> {
    /// Writes that what is open in the run's control is void, if this append opens a new epoch of a run that was
    /// steered: what was decided last may have been lost.
    pub(super) fn reset_control(&mut self) {
        let RunRecord { head, epoch_is_stored, .. } = &*self.run;
        if *epoch_is_stored || !head.steered || head.control.is_none() || head.phase != RunPhase::Live {
            return;
        }
        let batch = Batch { lines: control_reset(self.at), control: vec![0] };
        // It says nothing about whether the run is active.
        self.store(vec![batch], Some(&ControlPost { steers: true, ..ControlPost::default() }));
        self.control_ends_at(0);
    }

    /// The last control event is the one before the last `behind` events.
    fn control_ends_at(&mut self, behind: u64) {
        let head = &mut self.run.head;
        head.control = Some(Cursor { epoch: head.lineage.epoch(), seq: head.tip - behind });
    }

    /// The server's own control events have been stored.
    pub(super) fn control_stored(&mut self, control: &ControlPost, status: Option<RunStatus>) {
        self.control_ends_at(0);
        self.run.head.steered |= control.steers;
        self.due = self.due.then(match (control.if_control, control.due) {
            (Some(_), due) => DueChange::Set(due),
            (None, Some(due)) => DueChange::Lower(due),
            (None, None) => DueChange::None,
        });
        if control.gives_up_shards {
            let gave_up =
                |state: &ProducerState| state.shard.is_some().then(|| ProducerState { shard: None, ..state.clone() });
            self.change_states(gave_up);
            // A run that has ended did not wait for them, and how it ended may be the server's word.
            if !self.run.head.status.is_some_and(RunStatus::is_final) {
                self.run.head.status = verdict::verdict(self.run.marks.states()).or(self.run.head.status);
            }
        }
        if let Some(status) = status {
            // The server's word is the run's, and its producers have ended.
            self.change_states(|state| state.joined.then(|| state.ended()));
            self.run.head.status = Some(status);
        }
    }

    /// A post's events have been stored, of which the stamped ones may say how their producer stands.
    pub(super) fn producer_stored(&mut self, post: &Post, stamps: &[Stamp], stored: u64, status: Option<RunStatus>) {
        let producer = if post.producer.is_own() { ProducerId::from_stored(ANONYMOUS) } else { post.producer.clone() };
        let mut judged = false;
        for Stamp { index, kind, due_ms } in stamps.iter().filter(|stamp| stamp.kind.is_control()) {
            self.control_ends_at((stored - 1).saturating_sub(u64::from(*index)));
            self.run.head.steered |= kind.steers();
            // A run that only reports its status waits for nobody.
            let due_ms = due_ms.filter(|_| self.run.head.steered);
            self.due = self.due.then(due_ms.map_or(DueChange::None, |ms| DueChange::Lower(self.at.plus_millis(ms))));
            if let StampKind::Joined(shard) = kind {
                let gives_way = |state: &ProducerState| state.gives_way_to(shard.as_ref());
                self.change_states(|state| gives_way(state).then(ProducerState::replaced));
            }
            let stands = self.run.marks.state(&producer).cloned();
            let state = match (kind, stands) {
                (StampKind::Joined(shard), _) => ProducerState::joined(shard.clone()),
                (StampKind::Left, Some(state)) if state.joined => state.ended(),
                (StampKind::RunStatus(status), Some(state)) if state.joined => {
                    ProducerState { status: Some(*status), ..state }
                }
                _ => continue,
            };
            self.run.marks.set_state(&producer, state);
            judged = true;
        }
        if judged {
            self.run.head.status = verdict::verdict(self.run.marks.states());
            self.raised.push((producer.clone(), self.run.marks.mark(&producer)));
        } else if self.run.marks.states().next().is_none() {
            self.run.head.status = status.or(self.run.head.status);
        }
    }

    fn change_states(&mut self, change: impl FnMut(&ProducerState) -> Option<ProducerState>) {
        for producer in self.run.marks.change_states(change) {
            let mark = self.run.marks.mark(&producer);
            self.raised.push((producer, mark));
        }
    }
}

/// The server's announcement that what was decided last may be lost with the store's last writes.
fn control_reset(at: Timestamp) -> Lines {
    let name = ServerEvent::ControlReset.as_str();
    Lines::from_stored(format!(r#"{{"type":"{name}","timestamp":"{at}","at":"{at}"}}"#).into())
}

/// The server's announcement that a producer's events `from..=to` never came.
pub(super) fn events_lost(at: Timestamp, producer: &ProducerId, from: u64, to: u64) -> Lines {
    #[derive(Serialize)]
    struct EventsLost<'a> {
        r#type: &'static str,
        timestamp: Timestamp,
        producer: &'a ProducerId,
        from: u64,
        to: u64,
    }
    let event = EventsLost { r#type: ServerEvent::EventsLost.as_str(), timestamp: at, producer, from, to };
    // Strings and numbers always serialise.
    Lines::from_stored(serde_json::to_vec(&event).map(Bytes::from).unwrap_or_default())
}
