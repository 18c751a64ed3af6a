//! The broadcasters that a room hands its segments to.

use std::sync::Arc;

use actix::dev::SendError;

use crate::actors::messages::broadcaster::{BroadcasterPort, Deliver, Evict, TipIs};
use crate::actors::messages::room::ShowScreen;
use crate::protocol::Segment;
use crate::protocol::close::CloseReason;

/// Every broadcaster of the run; at most one per worker thread and room incarnation.
#[derive(Default)]
pub(super) struct Broadcasters(Vec<Enrolled>);

struct Enrolled {
    port: BroadcasterPort,
    /// Its mailbox was full: it will be told the tip.
    behind: bool,
}

impl Broadcasters {
    /// Of one alone.
    pub(super) fn of(port: BroadcasterPort) -> Self {
        Self(vec![Enrolled { port, behind: false }])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn subscribe(&mut self, port: BroadcasterPort) {
        self.0.push(Enrolled { port, behind: false });
    }

    pub(super) fn unsubscribe(&mut self, id: u64) {
        self.0.retain(|subscribed| subscribed.port.id != id);
    }

    /// Hands out new segments; true when a broadcaster has just fallen behind, so that [`Broadcasters::nudge`] is due.
    pub(super) fn deliver(&mut self, segments: Vec<Arc<Segment>>) -> bool {
        let segments: Arc<[Arc<Segment>]> = segments.into();
        let mut nudge = false;
        self.0.retain_mut(|broadcaster| match broadcaster.port.deliver.try_send(Deliver(segments.clone())) {
            Ok(()) => true,
            Err(SendError::Full(_)) => {
                nudge |= !broadcaster.behind;
                broadcaster.behind = true;
                true
            }
            Err(SendError::Closed(_)) => false,
        });
        nudge
    }

    /// Tells the tip to those that fell behind; true while one has not taken it.
    pub(super) fn nudge(&mut self, tip: TipIs) -> bool {
        for broadcaster in self.0.iter_mut().filter(|broadcaster| broadcaster.behind) {
            broadcaster.behind = broadcaster.port.tip.try_send(tip).is_err();
        }
        self.0.iter().any(|broadcaster| broadcaster.behind && broadcaster.port.tip.connected())
    }

    /// Tells everyone the tip; true as for [`Broadcasters::nudge`].
    pub(super) fn tell(&mut self, tip: TipIs) -> bool {
        for broadcaster in &mut self.0 {
            broadcaster.behind = true;
        }
        self.nudge(tip)
    }

    /// Newest wins: a frame that finds a mailbox full is overtaken anyway.
    pub(super) fn show(&self, frame: &ShowScreen) {
        for broadcaster in &self.0 {
            let _ = broadcaster.port.show.try_send(frame.clone());
        }
    }

    /// Ends every broadcaster.
    #[expect(clippy::disallowed_methods, reason = "an end must be heard, however full the mailbox")]
    pub(super) fn evict(&mut self, reason: CloseReason) {
        for broadcaster in self.0.drain(..) {
            broadcaster.port.evict.do_send(Evict(reason));
        }
    }
}
