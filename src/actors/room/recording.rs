//! What a room tells the recorder: its run's row in the list, whenever it has changed.

use std::time::Duration;

use actix::prelude::*;

use super::Room;
use crate::actors::messages::recorder::RunChanged;
use crate::actors::supervision::Refused;
use crate::storage::catalog::RunRow;

/// A changed row goes at most this often, unless something was decided.
const PACE: Duration = Duration::from_millis(500);

impl Room {
    /// Tells the recorder, at once when something was decided, else at a bounded pace.
    pub(super) fn record(&mut self, now: bool, ctx: &mut Context<Self>) {
        if now {
            self.unrecorded = self.send_row().is_err();
        } else if !self.unrecorded {
            self.unrecorded = true;
            ctx.run_later(PACE, |room, ctx| {
                if room.unrecorded && room.send_row().is_err() {
                    room.unrecorded = false;
                    room.record(false, ctx);
                } else {
                    room.unrecorded = false;
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
        self.ports.recorder.try_send(RunChanged(row))
    }
}
