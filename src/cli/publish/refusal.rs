//! What a refusal of several events is about, and how many events the next request has. Pure.

use reqwest::StatusCode;

use super::batch::BatchLimits;
use crate::cli::request::AskError;

/// Events of a request after many refusals.
const FEWEST: usize = 8;

/// What a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// One event of the request, by its place: the others may be posted without it.
    Event(usize, String),
    /// The request has too many events.
    TooMany,
    /// The request has too many bytes.
    TooLarge,
    /// The run, the user or the server: no other event would be taken either.
    Everything,
}

impl Blame {
    /// Why a request was refused that had so many events.
    pub(super) fn of(error: &AskError, events: usize) -> Self {
        let AskError::Refused { status, code, index, detail } = error else { return Self::Everything };
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
            // Also what stands before the server may say this, in its own words.
            (StatusCode::PAYLOAD_TOO_LARGE, _) if events == 1 => Self::Event(0, detail.clone()),
            (StatusCode::PAYLOAD_TOO_LARGE, Some("too_many_events")) => Self::TooMany,
            (StatusCode::PAYLOAD_TOO_LARGE, _) => Self::TooLarge,
            _ => Self::Everything,
        }
    }
}

/// A reason that names a byte of the request's body, with the place in the line that begins `before` bytes into it.
pub(super) fn in_line(reason: &str, before: usize) -> String {
    let split = || {
        let (reason, at) = reason.strip_suffix(" of the body")?.rsplit_once(" at byte ")?;
        Some((reason, at.parse::<usize>().ok()?.checked_sub(before)?))
    };
    split().map_or_else(|| reason.to_owned(), |(reason, at)| format!("{reason} at byte {at} of the line"))
}

/// How many events a request may have. Each refused line halves it for a while: a request is sent again without that line,
/// and where there is one there may be more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    limits: BatchLimits,
    events: usize,
}

impl Window {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self { limits, events: limits.lines }
    }

    /// How many lines of these lengths fit into the next request; one always does.
    pub(super) fn fit(&self, lengths: impl Iterator<Item = usize>) -> usize {
        let mut bytes = 0;
        let fits = |length: &usize| {
            bytes += length + 1;
            bytes <= self.limits.bytes
        };
        lengths.take(self.events).take_while(fits).count().max(1)
    }

    /// A request was stored.
    pub(super) fn widen(&mut self) {
        self.events = self.events.saturating_mul(2).min(self.limits.lines);
    }

    /// A request was refused for a line.
    pub(super) fn narrow(&mut self) {
        self.events = (self.events / 2).max(FEWEST).min(self.limits.lines);
    }

    /// A request of so many events was refused for that.
    pub(super) fn limit_events(&mut self, events: usize) {
        self.limits.lines = (events / 2).max(1);
        self.events = self.limits.lines;
    }

    /// A request of so many bytes was refused for that.
    pub(super) fn limit_bytes(&mut self, bytes: usize) {
        self.limits.bytes = bytes / 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, index: Option<usize>, detail: &str) -> AskError {
        let status = StatusCode::from_u16(status).unwrap();
        AskError::Refused { status, code: Some(code.into()), index, detail: detail.into() }
    }

    #[test]
    fn a_refusal_is_about_an_event_a_request_or_everything() {
        let event = |index, reason: &str| Blame::Event(index, reason.to_owned());
        for (error, events, want) in [
            (
                refused(400, "missing_type", Some(3), "missing_type: event 3: has no `type`"),
                9,
                event(3, "missing_type: has no `type`"),
            ),
            (refused(413, "event_too_large", Some(0), "event 0: has 9 bytes"), 9, event(0, "has 9 bytes")),
            (refused(400, "missing_type", Some(9), "no such event"), 9, Blame::Everything),
            (refused(400, "invalid_producer", None, "x"), 9, Blame::Everything),
            (refused(413, "too_many_events", None, "x"), 9, Blame::TooMany),
            (refused(413, "batch_too_large", None, "x"), 9, Blame::TooLarge),
            (refused(413, "batch_too_large", None, "x"), 1, event(0, "x")),
            (refused(413, "of a proxy", None, "x"), 1, event(0, "x")),
            (refused(413, "run_full", None, "x"), 1, Blame::Everything),
            (refused(410, "run_gone", None, "x"), 1, Blame::Everything),
            (refused(409, "producer_gap", Some(0), "x"), 1, Blame::Everything),
            (AskError::Failed("x".into()), 1, Blame::Everything),
        ] {
            assert_eq!(Blame::of(&error, events), want, "{error:?}");
        }
    }

    #[test]
    fn a_place_in_the_body_becomes_one_in_the_line() {
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
