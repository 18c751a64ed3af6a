//! A request on the run's control, on its way through the room.

use crate::actors::messages::room::Steer;
use crate::protocol::{Epoch, Seq};

/// A request that is to be decided.
pub(super) struct Pending {
    pub(super) steer: Steer,
    /// How new what is known must be: see [`Head::age`].
    pub(super) floor: (Option<Epoch>, Seq),
    /// Appends that were made for it.
    pub(super) tries: u32,
    /// Something was stored for it.
    pub(super) is_stored: bool,
}

impl Pending {
    /// The answer must know what the journal told.
    pub(super) fn known_from(mut self, age: (Option<Epoch>, Seq)) -> Self {
        self.floor = age;
        self
    }
}
