//! What a room tells the catalog writer: its run's row in the list, whenever it has changed.
//!
//! In a cluster the nodes that store to a run record it. The others record only what decides where it is listed: twice
//! rather than never.

use std::time::Duration;

use actix::prelude::*;

use super::Room;
use super::log::RoomLog;
use crate::actors::messages::catalog_writer::RunChanged;
use crate::actors::supervision::Refused;
use crate::run_state::RunStatus;
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
}

impl CatalogUpdates {
    /// The run as it is when the room begins is told already.
    pub(super) fn begin(&mut self, log: &RoomLog) {
        self.told = (log.tip() > 0).then(|| log.status());
    }

    pub(super) fn is_done(&self) -> bool {
        !self.due
    }
}

impl Room {
    /// The log has grown.
    pub(super) fn record_growth(&mut self, ctx: &mut Context<Self>) {
        let status = self.log.status();
        let decided = self.catalog_updates.told.replace(status) != Some(status);
        if decided || self.catalog_updates.stores {
            self.record(decided, ctx);
        }
    }

    /// Tells the catalog writer, at once when something was decided, else at a bounded pace.
    fn record(&mut self, now: bool, ctx: &mut Context<Self>) {
        if now {
            self.catalog_updates.due = self.send_row().is_err();
        } else if !self.catalog_updates.due {
            self.catalog_updates.due = true;
            ctx.run_later(PACE, |room, ctx| {
                if room.catalog_updates.due && room.send_row().is_err() {
                    room.catalog_updates.due = false;
                    room.record(false, ctx);
                } else {
                    room.catalog_updates.due = false;
                }
            });
        }
    }

    fn send_row(&self) -> Result<(), Refused> {
        let Some(head) = self.log.head() else { return Ok(()) };
        let row = RunRow {
            run: self.run.clone(),
            status: head.status,
            tip: head.tip,
            created_at: head.created_at,
            last_at: head.last_at,
        };
        self.ports.catalog_writer.try_send(RunChanged(row))
    }
}
