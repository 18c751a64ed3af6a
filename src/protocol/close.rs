//! Why a WebSocket is closed: one table for the sessions, the metrics, the log and the documentation.

use serde::{Serialize, Serializer};

macro_rules! close_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident: $label:literal, $code:expr, $text:literal, back: $back:literal;)+) => {
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

            /// Whether the client should come back with its cursor (after a back-off). If not, it would fail again.
            pub const fn come_back(self) -> bool {
                match self { $(Self::$name => $back,)+ }
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
    Normal: "normal", Some(1000), "done", back: false;
    /// The node stops without having drained.
    GoingAway: "going_away", Some(1001), "the server is going away", back: true;
    /// The client broke RFC 6455.
    Protocol: "protocol", Some(1002), "protocol error", back: false;
    /// A text frame or a close reason of the client was not UTF-8.
    InvalidText: "invalid_text", Some(1007), "text is not UTF-8", back: false;
    /// The client did what this server does not allow.
    Policy: "policy", Some(1008), "not allowed here", back: false;
    /// The client sent a larger frame or message than it may.
    TooLarge: "too_large", Some(1009), "message too large", back: false;
    /// The session failed.
    Internal: "internal", Some(1011), "internal error", back: true;
    /// The node drains: come back at once, and meet another node or the new process.
    Restart: "restart", Some(1012), "the server restarts", back: true;
    /// The run's room failed and is built anew, or waits in quarantine.
    TryAgain: "try_again", Some(1013), "try again later", back: true;
    /// The node has as many viewers, or holds as much for them, as it may.
    Saturated: "saturated", Some(1013), "the server is saturated", back: true;
    /// No valid token came with the request.
    Unauthorized: "unauthorized", Some(4401), "not authorized", back: false;
    /// The token does not allow this.
    Forbidden: "forbidden", Some(4403), "forbidden", back: false;
    /// The client answered no ping in time.
    NoPong: "no_pong", Some(4408), "no pong", back: true;
    /// The run expired or was deleted.
    Gone: "gone", Some(4410), "the run is gone", back: false;
    /// The client has as many connections as it may, or sends more than it may.
    TooMany: "too_many", Some(4429), "too many", back: true;
    /// The client took no byte for too long; its socket was reset.
    Stalled: "stalled", None, "", back: true;
    /// The client went without a close frame: its connection broke, or was dropped.
    Left: "left", None, "", back: true;
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
    fn every_code_is_one_that_may_be_sent() {
        for reason in CloseReason::ALL {
            let Some(code) = reason.code() else { continue };
            assert!(matches!(code, 1000..=1002 | 1007..=1009 | 1011..=1013 | 4400..=4499), "{reason:?} {code}");
        }
    }
}
