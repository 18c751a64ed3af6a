//! The galleries that a room hands its segments to.

use std::sync::Arc;

use actix::dev::SendError;

use crate::actors::messages::gallery::{Deliver, Evict, GalleryPort, TipIs};
use crate::actors::messages::room::Show;
use crate::protocol::Segment;
use crate::protocol::close::CloseReason;

/// Every gallery of the run; at most one per worker thread and room life.
#[derive(Default)]
pub(super) struct Galleries(Vec<Enrolled>);

struct Enrolled {
    port: GalleryPort,
    /// Its mailbox was full: it will be told the tip.
    behind: bool,
}

impl Galleries {
    /// Of one alone.
    pub(super) fn of(port: GalleryPort) -> Self {
        Self(vec![Enrolled { port, behind: false }])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn enrol(&mut self, port: GalleryPort) {
        self.0.push(Enrolled { port, behind: false });
    }

    pub(super) fn dismiss(&mut self, id: u64) {
        self.0.retain(|enrolled| enrolled.port.id != id);
    }

    /// Hands out new segments; true when a gallery has just fallen behind, so that [`Galleries::nudge`] is due.
    pub(super) fn deliver(&mut self, segments: Vec<Arc<Segment>>) -> bool {
        let segments: Arc<[Arc<Segment>]> = segments.into();
        let mut nudge = false;
        self.0.retain_mut(|gallery| match gallery.port.deliver.try_send(Deliver(segments.clone())) {
            Ok(()) => true,
            Err(SendError::Full(_)) => {
                nudge |= !gallery.behind;
                gallery.behind = true;
                true
            }
            Err(SendError::Closed(_)) => false,
        });
        nudge
    }

    /// Tells the tip to those that fell behind; true while one has not taken it.
    pub(super) fn nudge(&mut self, tip: TipIs) -> bool {
        for gallery in self.0.iter_mut().filter(|gallery| gallery.behind) {
            gallery.behind = gallery.port.tip.try_send(tip).is_err();
        }
        self.0.iter().any(|gallery| gallery.behind && gallery.port.tip.connected())
    }

    /// Tells everyone the tip; true as for [`Galleries::nudge`].
    pub(super) fn tell(&mut self, tip: TipIs) -> bool {
        for gallery in &mut self.0 {
            gallery.behind = true;
        }
        self.nudge(tip)
    }

    /// Newest wins: a frame that finds a mailbox full is overtaken anyway.
    pub(super) fn show(&self, frame: &Show) {
        for gallery in &self.0 {
            let _ = gallery.port.show.try_send(frame.clone());
        }
    }

    /// Ends every gallery.
    #[expect(clippy::disallowed_methods, reason = "an end must be heard, however full the mailbox")]
    pub(super) fn evict(&mut self, reason: CloseReason) {
        for gallery in self.0.drain(..) {
            gallery.port.evict.do_send(Evict(reason));
        }
    }
}
