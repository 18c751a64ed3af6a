//! A session's signs of life, in whole seconds since the node's start. Pure.

use crate::actors::hub::SessionLimits;

/// How long a closed session waits for its peer's half of the close, in seconds.
const CLOSE_WAIT_SECS: u32 = 2;

/// When what last happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liveness {
    now: u32,
    /// Last byte in, or last byte out of a socket that had been blocked: the peer took something.
    moved: u32,
    /// When the oldest unanswered ping left.
    pinged: Option<u32>,
    /// When the outbox last made progress or became non-empty.
    progressed: u32,
    closing_since: Option<u32>,
}

/// What a pulse asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PulseAction {
    Nothing,
    /// Nothing has left for too long.
    Reset,
    /// The ping was not answered in time.
    Dead,
    /// A ping.
    Ping,
}

impl Liveness {
    pub(super) fn new(now: u32) -> Self {
        Self { now, moved: now, pinged: None, progressed: now, closing_since: None }
    }

    /// A second has passed. `waiting`: something is queued, so a ping would not leave. `ping`: it is this viewer's
    /// turn.
    ///
    /// The pong's deadline runs only once the ping has left, and counts from the last sign of life after it.
    pub(super) fn pulse(&mut self, now: u32, waiting: bool, ping: bool, limits: &SessionLimits) -> PulseAction {
        self.now = now;
        if waiting {
            let stalled = now.saturating_sub(self.progressed) >= limits.stall_secs;
            return if stalled { PulseAction::Reset } else { PulseAction::Nothing };
        }
        let silent = self.pinged.map(|pinged| now.saturating_sub(pinged.max(self.moved)));
        if silent.is_some_and(|secs| secs >= limits.pong_deadline_secs) {
            return PulseAction::Dead;
        }
        if ping { PulseAction::Ping } else { PulseAction::Nothing }
    }

    /// The clock alone.
    pub(super) fn tick(&mut self, now: u32) {
        self.now = now;
    }

    pub(super) fn ping_sent(&mut self) {
        self.progressed = self.now;
        self.pinged = self.pinged.or(Some(self.now));
    }

    pub(super) fn inbound(&mut self) {
        self.moved = self.now;
        self.pinged = None;
    }

    /// The outbox has become non-empty.
    pub(super) fn queued(&mut self) {
        self.progressed = self.now;
    }

    /// Bytes have left; `unblocked`: for want of room they could not before, so the peer took something.
    pub(super) fn wrote(&mut self, unblocked: bool) {
        self.progressed = self.now;
        if unblocked {
            self.moved = self.now;
        }
    }

    pub(super) fn closing(&mut self) {
        self.closing_since = Some(self.now);
    }

    /// Whether the peer has had its time to answer the close.
    pub(super) fn close_overdue(&self) -> bool {
        self.closing_since.is_some_and(|since| self.now.saturating_sub(since) > CLOSE_WAIT_SECS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::protocol::frame::FrameLimits;

    fn limits() -> SessionLimits {
        SessionLimits {
            outbox_bytes: 1,
            page_bytes: 1,
            outboxes: Budget::new(1),
            stall_secs: 60,
            pong_deadline_secs: 50,
            ping_secs: 20,
            incoming: FrameLimits { max_frame_bytes: 1, max_message_bytes: 1 },
            send_buffer_bytes: 1,
        }
    }

    #[test]
    fn a_peer_that_answers_nothing_is_dead_once_its_first_ping_is_too_old() {
        let mut liveness = Liveness::new(0);
        assert_eq!(liveness.pulse(20, false, true, &limits()), PulseAction::Ping);
        liveness.ping_sent();
        liveness.wrote(false);
        assert_eq!(liveness.pulse(40, false, true, &limits()), PulseAction::Ping);
        liveness.ping_sent();
        liveness.wrote(false);
        assert_eq!(liveness.pulse(69, false, false, &limits()), PulseAction::Nothing);
        assert_eq!(
            liveness.pulse(70, false, false, &limits()),
            PulseAction::Dead,
            "bytes that the kernel took are no sign of life"
        );
    }

    #[test]
    fn any_byte_in_shows_that_the_peer_is_alive() {
        let mut liveness = Liveness::new(0);
        liveness.ping_sent();
        liveness.pulse(45, false, false, &limits());
        liveness.inbound();
        assert_eq!(liveness.pulse(94, false, false, &limits()), PulseAction::Nothing);
        liveness.ping_sent();
        assert_eq!(liveness.pulse(143, false, false, &limits()), PulseAction::Nothing);
        assert_eq!(liveness.pulse(144, false, false, &limits()), PulseAction::Dead);
    }

    #[test]
    fn a_slow_peer_that_takes_something_now_and_then_is_kept() {
        let mut liveness = Liveness::new(0);
        liveness.ping_sent();
        liveness.queued();
        assert_eq!(liveness.pulse(59, true, true, &limits()), PulseAction::Nothing, "no ping behind a full queue");
        liveness.wrote(true);
        assert_eq!(liveness.pulse(118, true, true, &limits()), PulseAction::Nothing);
        assert_eq!(liveness.pulse(119, true, true, &limits()), PulseAction::Reset);
        assert_eq!(
            liveness.pulse(108, false, false, &limits()),
            PulseAction::Nothing,
            "the ping's deadline counts from that progress"
        );
    }

    #[test]
    fn a_close_waits_a_bounded_time_for_its_answer() {
        let mut liveness = Liveness::new(7);
        liveness.closing();
        assert!(!liveness.close_overdue());
        liveness.tick(10);
        assert!(liveness.close_overdue());
    }
}
