//! Why a server can't be reached, in words that say what to do about it. Pure.

use std::error::Error;
use std::iter::successors;

use super::super::terminal::plain;

/// Most characters of a reason.
const REASON_CHARS: usize = 300;

/// What keeps a request from its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Obstacle {
    /// The reason, safe for a terminal.
    pub(in crate::cli) reason: String,
    /// Whether another attempt may succeed.
    pub(in crate::cli) may_pass: bool,
}

impl Obstacle {
    /// What an error of a connection says, by its innermost cause: those around it repeat one another.
    pub(in crate::cli) fn of<'e>(error: &'e (dyn Error + 'static)) -> Self {
        let chain = successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source());
        let causes: Vec<String> = chain.map(ToString::to_string).collect();
        let says = |part: &str| causes.iter().any(|cause| cause.contains(part));
        let last = worded(causes.last().map_or("", String::as_str));
        // Errors of TLS and of HTTP have no types that reach us through all layers.
        let (reason, may_pass) = if says("InvalidContentType") || says("corrupt message") {
            ("it answers without TLS: type http:// instead of https://".to_owned(), false)
        } else if says("certificate") {
            (format!("its certificate is refused: {last}"), false)
        } else if says("invalid HTTP version") || says("HTTP version") {
            ("it does not answer in HTTP: if it expects TLS, type https:// instead of http://".to_owned(), false)
        } else if says("lookup address") || says("dns error") {
            let why = last.rsplit(": ").next().unwrap_or_default();
            (format!("its name can't be resolved ({})", worded(why)), true)
        } else {
            (last, true)
        };
        Self { reason: plain(&reason, REASON_CHARS), may_pass }
    }
}

/// `Connection refused (os error 111)` as a part of a sentence.
fn worded(cause: &str) -> String {
    let cause = cause.strip_prefix("IO error: ").unwrap_or(cause);
    let cause = cause.split_once(" (os error ").map_or(cause, |(words, _)| words);
    let mut chars = cause.chars();
    match (chars.next(), chars.as_str()) {
        // An abbreviation stays as it is.
        (Some(first), rest) if !rest.starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn obstacle(text: &str) -> (String, bool) {
        let Obstacle { reason, may_pass } = Obstacle::of(&io::Error::other(text.to_owned()));
        (reason, may_pass)
    }

    #[test]
    fn what_a_connection_failed_for_is_said_in_words() {
        assert_eq!(obstacle("Connection refused (os error 111)"), ("connection refused".into(), true));
        assert_eq!(obstacle("IO error: Connection refused (os error 111)"), ("connection refused".into(), true));
        assert_eq!(obstacle("TLS handshake eof"), ("TLS handshake eof".into(), true));
        let unknown = obstacle("failed to lookup address information: Name or service not known");
        assert_eq!(unknown, ("its name can't be resolved (name or service not known)".into(), true));
        assert_eq!(obstacle("odd\x1b[2J").0, "odd\\u{1b}[2J");
    }

    #[test]
    fn a_scheme_that_is_wrong_passes_by_no_other_attempt_and_says_what_to_type() {
        let (reason, may_pass) = obstacle("received corrupt message of type InvalidContentType");
        assert!(reason.ends_with("type http:// instead of https://") && !may_pass, "{reason}");
        let (reason, may_pass) = obstacle("invalid HTTP version parsed");
        assert!(reason.ends_with("type https:// instead of http://") && !may_pass, "{reason}");
        let (reason, may_pass) = obstacle("invalid peer certificate: UnknownIssuer");
        assert!(reason.starts_with("its certificate is refused") && !may_pass, "{reason}");
    }
}
