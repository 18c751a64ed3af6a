//! A pause is a loan of time: it has an end, and all pauses of a run together have one.

use crate::protocol::{Principal, Timestamp};

/// How long the run has been paused, and until when it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::control) struct PauseLoan {
    /// The pause that goes on.
    pub(in crate::control) open: Option<Paused>,
    /// Milliseconds of the pauses that are over.
    pub(in crate::control) total_ms: i64,
}

/// A pause.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::control) struct Paused {
    /// Since when.
    pub(in crate::control) since: Timestamp,
    /// Until when at most. A further `pause` does not move it.
    pub(in crate::control) until: Timestamp,
    /// Who paused first.
    pub(in crate::control) by: Principal,
}

impl PauseLoan {
    /// A pause stands, which begins the loan unless it goes on.
    pub(super) fn begin(&mut self, since: Timestamp, until: Timestamp, by: &Principal) {
        self.open.get_or_insert_with(|| Paused { since, until, by: by.clone() });
    }

    /// No pause stands any more. It took no longer than it was lent for: workers go on by themselves when its end is told
    /// late, and `at` may be of a clock that had jumped.
    pub(super) fn end(&mut self, at: Timestamp) {
        if let Some(paused) = self.open.take() {
            let end = at.min(paused.until);
            self.total_ms =
                self.total_ms.saturating_add(end.as_millis().saturating_sub(paused.since.as_millis()).max(0));
        }
    }
}
