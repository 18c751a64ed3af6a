//! Why a WebSocket is closed: one table for the sessions, the metrics, the log and the documentation.

use serde::{Serialize, Serializer};

/// When a client connects again after its connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconnect {
    /// The next attempt would fail too.
    Never,
    /// At once; if that fails, after a back-off with jitter.
    AtOnce,
    /// After a back-off with jitter; not before the `reconnectAfterMs` of an `error` message that came right before.
    BackOff,
}

macro_rules! close_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident: $label:literal, $code:expr, $text:literal, reconnect: $reconnect:ident;)+) => {
        /// Why a WebSocket is closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CloseReason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl CloseReason {
            /// Every reason, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The label of metrics and of the log.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// The code of the close frame; `None` when there is none: it would not arrive (a client sees 1006).
            pub const fn code(self) -> Option<u16> {
                match self { $(Self::$name => $code,)+ }
            }

            /// The text of the close frame.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// When the client should connect again, with its cursor.
            pub const fn reconnect(self) -> Reconnect {
                match self { $(Self::$name => Reconnect::$reconnect,)+ }
            }

            /// Whether the client should connect again at all.
            pub const fn may_reconnect(self) -> bool {
                !matches!(self.reconnect(), Reconnect::Never)
            }

            /// When it happens, in one sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

close_reasons! {
    /// The client closed, or there is nothing more to send.
    Normal: "normal", Some(1000), "done", reconnect: Never;
    /// The node stops without having drained.
    GoingAway: "going_away", Some(1001), "the server is going away", reconnect: BackOff;
    /// The client broke RFC 6455.
    Protocol: "protocol", Some(1002), "protocol error", reconnect: Never;
    /// A text frame or a close reason of the client was not UTF-8.
    InvalidText: "invalid_text", Some(1007), "text is not UTF-8", reconnect: Never;
    /// The client did what this server does not allow.
    Policy: "policy", Some(1008), "not allowed here", reconnect: Never;
    /// The client sent a larger frame or message than it may.
    TooLarge: "too_large", Some(1009), "message too large", reconnect: Never;
    /// The session failed.
    Internal: "internal", Some(1011), "internal error", reconnect: BackOff;
    /// The node drains: come back at once, and meet another node or the new process.
    Restart: "restart", Some(1012), "the server restarts", reconnect: AtOnce;
    /// The run's room failed and is built anew, or waits in quarantine.
    TryAgain: "try_again", Some(1013), "try again later", reconnect: BackOff;
    /// The node has as many viewers, or holds as much for them, as it may.
    Saturated: "saturated", Some(1013), "the server is saturated", reconnect: BackOff;
    /// The rights have ended: expired or revoked.
    Unauthorized: "unauthorized", Some(4401), "not authorized", reconnect: Never;
    /// Kept for later: no server sends it.
    Forbidden: "forbidden", Some(4403), "forbidden", reconnect: Never;
    /// The client answered no ping in time.
    NoPong: "no_pong", Some(4408), "no pong", reconnect: BackOff;
    /// The run expired or was deleted.
    Gone: "gone", Some(4410), "the run is gone", reconnect: Never;
    /// The client has as many connections as it may, or sends more than it may.
    TooMany: "too_many", Some(4429), "too many", reconnect: BackOff;
    /// The client took no byte for too long; its socket was reset.
    Stalled: "stalled", None, "", reconnect: BackOff;
    /// The client went without a close frame: its connection broke, or was dropped.
    Left: "left", None, "", reconnect: BackOff;
}

impl Serialize for CloseReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_in_order_and_names_every_reason_once() {
        assert!(CloseReason::ALL.is_sorted_by_key(|reason| reason.code().unwrap_or(u16::MAX)));
        let labels: HashSet<_> = CloseReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(labels.len(), CloseReason::ALL.len());
        for reason in CloseReason::ALL {
            assert!(reason.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{reason:?}");
            assert!(reason.doc().ends_with('.'), "{reason:?}");
            assert!(reason.text().len() <= 123, "a close frame holds 125 bytes, two of them the code");
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }

    #[test]
    fn reasons_with_the_same_code_ask_for_the_same() {
        // A client sees the code alone.
        for (one, other) in CloseReason::ALL.iter().zip(&CloseReason::ALL[1..]) {
            assert!(one.code() != other.code() || one.reconnect() == other.reconnect(), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn every_code_is_one_that_may_be_sent() {
        for reason in CloseReason::ALL {
            let Some(code) = reason.code() else { continue };
            assert!(matches!(code, 1000..=1002 | 1007..=1009 | 1011..=1013 | 4400..=4499), "{reason:?} {code}");
        }
    }
}
