//! What a room tells the catalog writer: its run's row in the list, whenever it has changed.
//!
//! In a cluster the nodes that store to a run record it. The others record only what decides where it is listed: twice
//! rather than never.

use std::time::Duration;

use super::{RoomCore, RoomEffect, RoomEffects, RoomLog, RoomTimer};
use crate::protocol::status::RunStatus;
use crate::storage::catalog::RunRow;

/// A changed row goes at most this often, unless something was decided.
const PACE: Duration = Duration::from_millis(500);

/// What the catalog writer knows.
#[derive(Debug, Default)]
pub(super) struct CatalogUpdates {
    /// This room has stored events itself.
    pub(super) stores: bool,
    /// The status last told; `None` when the run was not told of.
    told: Option<Option<RunStatus>>,
    /// The catalog writer has yet to hear of the last change.
    due: bool,
    /// [`RoomTimer::Record`] is running.
    pacing: bool,
}

impl CatalogUpdates {
    /// The run as it is when the room begins is told already.
    pub(super) fn begin(&mut self, log: &RoomLog) {
        self.told = (log.tip() > 0).then(|| log.status());
    }

    pub(super) fn is_done(&self) -> bool {
        !self.due
    }

    /// The catalog writer is told later, as the run is then: it is full, or was told a moment ago.
    pub(super) fn put_off(&mut self, effects: &mut RoomEffects) {
        self.due = true;
        if !std::mem::replace(&mut self.pacing, true) {
            effects.push_back(RoomEffect::Start(RoomTimer::Record, PACE));
        }
    }
}

impl RoomCore {
    /// Whether this room has stored events itself.
    pub fn stores(&self) -> bool {
        self.catalog_updates.stores
    }

    /// The log has grown. The catalog writer is told at once when something was decided, else at a bounded pace.
    pub(super) fn record_growth(&mut self, effects: &mut RoomEffects) {
        let status = self.log.status();
        let decided = self.catalog_updates.told.replace(status) != Some(status);
        if decided {
            self.record(effects);
        } else if self.catalog_updates.stores {
            self.catalog_updates.put_off(effects);
        }
    }

    pub(super) fn record_due(&mut self, effects: &mut RoomEffects) {
        self.catalog_updates.pacing = false;
        if self.catalog_updates.due {
            self.record(effects);
        }
    }

    fn record(&mut self, effects: &mut RoomEffects) {
        self.catalog_updates.due = false;
        let Some(head) = self.log.head() else { return };
        effects.push_back(RoomEffect::Record(RunRow {
            run: self.run.clone(),
            status: head.status,
            tip: head.tip,
            created_at: head.created_at,
            last_at: head.last_at,
        }));
    }
}
