//! Signs of life, as all nodes share them.

use std::collections::HashMap;

use runcast::control::{Seen, Sign};
use runcast::protocol::Timestamp;

use crate::chance::Dice;

/// When everybody was last seen.
#[derive(Default)]
pub(crate) struct Signs(HashMap<Sign, Timestamp>);

impl Signs {
    pub(crate) fn note(&mut self, sign: Sign, at: Timestamp) {
        self.0.insert(sign, at);
    }

    /// It can't be known from time to time.
    pub(crate) fn look_up(&self, sign: &Sign, dice: &mut Dice) -> Seen {
        if dice.one_in(12) {
            return Seen::Unknown;
        }
        Seen::At(self.0.get(sign).copied().unwrap_or_default())
    }
}
