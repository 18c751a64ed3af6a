//! Determines what a refused request was refused for, and how many events the next one has. Pure.

use reqwest::StatusCode;

use super::batch::BatchLimits;
use crate::cli::request::AskError;

/// Least events of a request after refusals, if the limit of a batch allows it.
const FEWEST: usize = 8;

/// The part of a request for which it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RefusalScope {
    /// One event, by its index in the request; the others may be posted without it.
    Event(usize, String),
    /// The request has too many events.
    TooMany,
    /// The request has too many bytes.
    TooLarge,
    /// The run, the user or the server: any other event would be refused too.
    Everything,
}

impl RefusalScope {
    /// The part of a request of `events` events for which it was refused.
    pub(super) fn of(error: &AskError, events: usize) -> Self {
        let AskError::Refused { status, code, index, detail, .. } = error else { return Self::Everything };
        let code = code.as_deref();
        let is_content = matches!(*status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE);
        match index {
            Some(index) if is_content && *index < events => {
                return Self::Event(*index, detail.replacen(&format!("event {index}: "), "", 1));
            }
            _ => {}
        }
        match (*status, code) {
            (StatusCode::PAYLOAD_TOO_LARGE, Some("run_full")) => Self::Everything,
            // A proxy in front of the server may also refuse the size, with its own message.
            (StatusCode::PAYLOAD_TOO_LARGE, _) if events == 1 => Self::Event(0, detail.clone()),
            (StatusCode::PAYLOAD_TOO_LARGE, Some("too_many_events")) => Self::TooMany,
            (StatusCode::PAYLOAD_TOO_LARGE, _) => Self::TooLarge,
            _ => Self::Everything,
        }
    }
}

/// Converts a position in the request's body into one in its line; the line begins at byte `before` of the body.
pub(super) fn in_line(reason: &str, before: usize) -> String {
    let split = || {
        let (reason, at) = reason.strip_suffix(" of the body")?.rsplit_once(" at byte ")?;
        Some((reason, at.parse::<usize>().ok()?.checked_sub(before)?))
    };
    split().map_or_else(|| reason.to_owned(), |(reason, at)| format!("{reason} at byte {at} of the line"))
}

/// The number of events that a request may have. Each refused line halves it for a while: the request is repeated
/// without that line, and where one is bad there may be more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    limits: BatchLimits,
    events: usize,
}

impl Window {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self { limits, events: limits.lines }
    }

    /// The number of lines of these lengths that fit into the next request; at least one.
    pub(super) fn fit(&self, lengths: impl Iterator<Item = usize>) -> usize {
        let mut bytes = 0;
        let fits = |length: &usize| {
            bytes += length + 1;
            bytes <= self.limits.bytes
        };
        lengths.take(self.events).take_while(fits).count().max(1)
    }

    /// Doubles the window, after a request was stored.
    pub(super) fn widen(&mut self) {
        self.events = self.events.saturating_mul(2).min(self.limits.lines);
    }

    /// Halves the window, after a request was refused for one of its lines.
    pub(super) fn narrow(&mut self) {
        self.events = (self.events / 2).max(FEWEST).min(self.limits.lines);
    }

    /// Limits requests to fewer events, after one of `events` events was refused for their number.
    pub(super) fn limit_events(&mut self, events: usize) {
        self.limits.lines = (events / 2).max(1);
        self.events = self.limits.lines;
    }

    /// Limits requests to fewer bytes, after one of `bytes` bytes was refused for its size.
    pub(super) fn limit_bytes(&mut self, bytes: usize) {
        self.limits.bytes = bytes / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, index: Option<usize>, detail: &str) -> AskError {
        let status = StatusCode::from_u16(status).unwrap();
        AskError::Refused { status, code: Some(code.into()), index, detail: detail.into(), body: Default::default() }
    }

    #[test]
    fn a_refusal_is_about_an_event_a_request_or_everything() {
        let event = |index, reason: &str| RefusalScope::Event(index, reason.to_owned());
        for (error, events, want) in [
            (
                refused(400, "missing_type", Some(3), "missing_type: event 3: has no `type`"),
                9,
                event(3, "missing_type: has no `type`"),
            ),
            (refused(413, "event_too_large", Some(0), "event 0: has 9 bytes"), 9, event(0, "has 9 bytes")),
            (refused(400, "missing_type", Some(9), "no such event"), 9, RefusalScope::Everything),
            (refused(400, "invalid_producer", None, "x"), 9, RefusalScope::Everything),
            (refused(413, "too_many_events", None, "x"), 9, RefusalScope::TooMany),
            (refused(413, "batch_too_large", None, "x"), 9, RefusalScope::TooLarge),
            (refused(413, "batch_too_large", None, "x"), 1, event(0, "x")),
            (refused(413, "of a proxy", None, "x"), 1, event(0, "x")),
            (refused(413, "run_full", None, "x"), 1, RefusalScope::Everything),
            (refused(410, "run_gone", None, "x"), 1, RefusalScope::Everything),
            (refused(409, "producer_gap", Some(0), "x"), 1, RefusalScope::Everything),
            (AskError::Failed("x".into()), 1, RefusalScope::Everything),
        ] {
            assert_eq!(RefusalScope::of(&error, events), want, "{error:?}");
        }
    }

    #[test]
    fn a_position_in_the_body_becomes_one_in_the_line() {
        assert_eq!(
            in_line("x: not JSON: expected a key at byte 39 of the body", 30),
            "x: not JSON: expected a key at byte 9 of the line"
        );
        for other in ["has no `type`", "x at byte 3 of the body", "x at byte y of the body", "byte 40 of the body"] {
            assert_eq!(in_line(other, 30), other);
        }
    }

    #[test]
    fn a_request_shrinks_with_refusals_and_grows_again_but_not_beyond_what_a_server_takes() {
        let mut window = Window::new(BatchLimits { bytes: 500, lines: 64 });
        let mut fit = |change: &dyn Fn(&mut Window)| {
            change(&mut window);
            window.fit(std::iter::repeat_n(9, 100))
        };
        assert_eq!(fit(&|_| ()), 50, "bytes");
        assert_eq!(fit(&Window::narrow), 32);
        assert_eq!([fit(&Window::narrow), fit(&Window::narrow), fit(&Window::narrow)], [16, 8, 8]);
        assert_eq!([fit(&Window::widen), fit(&Window::widen), fit(&Window::widen)], [16, 32, 50]);
        assert_eq!([fit(&|window| window.limit_events(50)), fit(&Window::widen)], [25, 25]);
        assert_eq!([fit(&|window| window.limit_bytes(250)), fit(&|window| window.limit_bytes(9))], [12, 1]);
        assert_eq!([fit(&|window| window.limit_events(1)), fit(&Window::narrow)], [1, 1]);
    }
}
