//! What a viewer knows while it follows a run: its cursor, and whether the run is over. Pure.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use crate::protocol::json_text::readable;
use crate::protocol::status::RunStatus;
use crate::protocol::{After, Cursor, Epoch, ProducerEvent, Seq, ServerEvent};

/// The meaning of a server message for the viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FollowedMessage {
    /// An event that has not been shown yet.
    Event,
    /// A notice about the stream, for the user.
    Notice(String),
    /// The stream has begun; the server pings at this interval.
    Connected(Duration),
    /// The node drains: connect elsewhere after this time, and leave this node only then.
    Draining(Duration),
    /// Nothing to show: an event that was shown already, a reply, or a message of a newer server.
    Nothing,
}

/// A viewer's position in a run.
#[derive(Clone, Debug)]
pub(super) struct FollowedRun {
    /// The position at which the next connection starts.
    after: After,
    /// The run's last event when we connected, as the server reported it.
    tip: Seq,
    /// Whether the last status seen is final.
    ended: bool,
}

/// The members that decide whether a message is an event: those with a `seq` are.
#[derive(Deserialize)]
struct MessageHead<'a> {
    seq: Option<Seq>,
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
}

/// The server messages that matter here.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum ServerSays {
    Connected {
        cursor: String,
        tip: Seq,
        heartbeat_secs: u64,
    },
    Epoch {
        cursor: String,
    },
    Gap {
        from: Seq,
        to: Seq,
        reason: String,
    },
    Reset {
        from: Seq,
        cursor: String,
    },
    Draining {
        reconnect_after_ms: u64,
    },
    Error {
        code: String,
        error: String,
    },
    #[serde(other)]
    Other,
}

impl FollowedRun {
    pub(super) fn new(after: After) -> Self {
        Self { after, tip: 0, ended: false }
    }

    /// The position at which the next connection must start.
    pub(super) fn after(&self) -> After {
        self.after
    }

    /// Whether the run is over and all its events have been seen.
    pub(super) fn is_over(&self) -> bool {
        self.ended && self.seq().is_some_and(|seq| seq >= self.tip)
    }

    /// Processes a text message.
    pub(super) fn take(&mut self, text: &str) -> FollowedMessage {
        let text = &*readable(text.as_bytes());
        let Ok(head) = serde_json::from_slice::<MessageHead<'_>>(text) else {
            return FollowedMessage::Notice("the server sent something that is no message".into());
        };
        match head.seq {
            Some(seq) => self.take_event(seq, head.r#type.as_deref(), text),
            None => self.take_message(text),
        }
    }

    fn take_event(&mut self, seq: Seq, event_type: Option<&str>, event: &[u8]) -> FollowedMessage {
        // Two connections overlap while a node drains; an event that the other one brought is not shown again.
        if self.seq().is_some_and(|mine| seq <= mine) {
            return FollowedMessage::Nothing;
        }
        self.after = After::Cursor(Cursor { epoch: self.epoch(), seq });
        if event_type == Some(ProducerEvent::RunStatus.as_str()) {
            self.ended = final_status(event);
        } else if event_type == Some(ServerEvent::Sealed.as_str()) {
            self.ended = true;
        }
        FollowedMessage::Event
    }

    fn take_message(&mut self, message: &[u8]) -> FollowedMessage {
        match serde_json::from_slice(message) {
            Ok(ServerSays::Connected { cursor, tip, heartbeat_secs }) => {
                self.adopt(&cursor);
                self.tip = tip;
                FollowedMessage::Connected(Duration::from_secs(heartbeat_secs))
            }
            Ok(ServerSays::Epoch { cursor }) => {
                self.adopt(&cursor);
                FollowedMessage::Nothing
            }
            Ok(ServerSays::Gap { from, to, reason }) => {
                if self.seq().is_none_or(|mine| mine < to) {
                    self.after = After::Cursor(Cursor { epoch: self.epoch(), seq: to });
                }
                FollowedMessage::Notice(format!("gap: events {from} to {to} are gone ({reason})"))
            }
            Ok(ServerSays::Reset { from, cursor }) => {
                self.after = After::Cursor(Cursor { epoch: None, seq: from.saturating_sub(1) });
                self.adopt(&cursor);
                self.ended = false;
                FollowedMessage::Notice(format!("reset: the store lost events; those shown from {from} on are void"))
            }
            Ok(ServerSays::Draining { reconnect_after_ms }) => {
                FollowedMessage::Draining(Duration::from_millis(reconnect_after_ms))
            }
            Ok(ServerSays::Error { code, error }) => {
                FollowedMessage::Notice(format!("the server says: {code}: {error}"))
            }
            Ok(ServerSays::Other) | Err(_) => FollowedMessage::Nothing,
        }
    }

    /// Takes over the server's cursor.
    fn adopt(&mut self, cursor: &str) {
        let Ok(After::Cursor(theirs)) = After::parse(cursor) else { return };
        // A second connection that was opened earlier may start earlier; the later cursor wins. Epochs only grow.
        let behind = self.seq().is_some_and(|mine| theirs.seq < mine) && theirs.epoch <= self.epoch();
        if !behind {
            self.after = After::Cursor(theirs);
        }
    }

    fn seq(&self) -> Option<Seq> {
        match self.after {
            After::Cursor(cursor) => Some(cursor.seq),
            _ => None,
        }
    }

    fn epoch(&self) -> Option<Epoch> {
        match self.after {
            After::Cursor(cursor) => cursor.epoch,
            _ => None,
        }
    }
}

fn final_status(event: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Status {
        status: RunStatus,
    }
    serde_json::from_slice::<Status>(event).is_ok_and(|event| event.status.is_final())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTED: &str = r#"{"type":"connected","runId":"r","sessionId":"s","nodeId":"n","timestamp":"t",
        "epoch":"7","from":1,"tip":3,"cursor":"7:0","heartbeatSecs":20}"#;

    fn connected(after: After) -> FollowedRun {
        let mut follow = FollowedRun::new(after);
        assert_eq!(follow.take(CONNECTED), FollowedMessage::Connected(Duration::from_secs(20)));
        follow
    }

    fn event(seq: Seq) -> String {
        format!(r#"{{"seq":{seq},"type":"log","epoch":{{}},"cursor":9}}"#)
    }

    fn cursor(follow: &FollowedRun) -> String {
        super::super::super::server_url::after_text(follow.after())
    }

    #[test]
    fn the_cursor_follows_each_event_and_repeats_are_not_shown() {
        let mut follow = connected(After::Last(100));
        assert_eq!(cursor(&follow), "7:0");
        assert_eq!(follow.take(&event(1)), FollowedMessage::Event);
        assert_eq!(follow.take(&event(2)), FollowedMessage::Event);
        assert_eq!(cursor(&follow), "7:2");
        assert_eq!(follow.take(&event(1)), FollowedMessage::Nothing);
        assert_eq!(follow.take(&event(2)), FollowedMessage::Nothing);
        assert_eq!(cursor(&follow), "7:2");
    }

    #[test]
    fn a_second_connection_that_starts_earlier_does_not_set_the_viewer_back() {
        let mut follow = connected(After::Start);
        for seq in 1..=3 {
            follow.take(&event(seq));
        }
        follow.take(&CONNECTED.replace("7:0", "7:1"));
        assert_eq!(cursor(&follow), "7:3");
        assert_eq!(follow.take(&event(2)), FollowedMessage::Nothing);
    }

    #[test]
    fn an_epoch_is_kept_for_the_next_connection_and_an_older_one_does_not_set_the_viewer_back() {
        let mut follow = FollowedRun::new(After::Start);
        follow.take(&CONNECTED.replace("7:0", "0"));
        assert_eq!(cursor(&follow), "0");
        assert_eq!(follow.take(r#"{"type":"epoch","epoch":"7","cursor":"7:0"}"#), FollowedMessage::Nothing);
        follow.take(&event(1));
        assert_eq!(cursor(&follow), "7:1");
        follow.take(r#"{"type":"epoch","epoch":"8","cursor":"8:1"}"#);
        follow.take(&event(2));
        follow.take(&CONNECTED.replace("7:0", "7:1"));
        assert_eq!(cursor(&follow), "8:2");
    }

    #[test]
    fn a_gap_and_a_reset_move_the_cursor_and_are_told() {
        let mut follow = connected(After::Start);
        let gap = follow.take(r#"{"type":"gap","from":1,"to":19,"reason":"expired"}"#);
        assert!(matches!(gap, FollowedMessage::Notice(text) if text.contains("1 to 19")));
        assert_eq!(cursor(&follow), "7:19");
        let reset = follow.take(r#"{"type":"reset","epoch":"8","from":11,"cursor":"8:10"}"#);
        assert!(matches!(reset, FollowedMessage::Notice(text) if text.contains("from 11 on")));
        assert_eq!(cursor(&follow), "8:10");
        assert_eq!(follow.take(&event(11)), FollowedMessage::Event, "the same seq, told anew");
        assert_eq!(cursor(&follow), "8:11");
    }

    #[test]
    fn a_run_is_over_with_a_final_status_once_everything_up_to_the_tip_was_seen() {
        let mut follow = connected(After::Start);
        let status = |seq, status| format!(r#"{{"seq":{seq},"type":"run_status","status":"{status}"}}"#);
        follow.take(&status(1, "failed"));
        assert!(!follow.is_over(), "two more events are known to follow");
        follow.take(&status(2, "running"));
        follow.take(&event(3));
        assert!(!follow.is_over(), "it goes on");
        follow.take(&status(4, "stalled"));
        assert!(!follow.is_over(), "it may go on");
        follow.take(&status(5, "passed"));
        assert!(follow.is_over());
    }

    #[test]
    fn an_event_with_half_of_a_surrogate_pair_is_an_event_and_a_status_is_one() {
        let mut follow = connected(After::Start);
        for seq in 1..=2 {
            let event = follow.take(&format!(r#"{{"seq":{seq},"\ud83d":"\udc00","type":"\ud83d","step":["\udc00"]}}"#));
            assert_eq!(event, FollowedMessage::Event);
        }
        assert_eq!(cursor(&follow), "7:2");
        follow.take(r#"{"seq":3,"type":"run_status","\ud83d":1,"status":"passed","data":{"note":"\ud83d"}}"#);
        assert!(follow.is_over());
    }

    #[test]
    fn an_event_is_no_message_of_the_servers_whatever_its_type_says() {
        let mut follow = connected(After::Start);
        for (seq, name) in (1..).zip(["epoch", "gap", "reset", "draining", "error"]) {
            let event = format!(r#"{{"seq":{seq},"type":"{name}","epoch":"9","from":1,"to":7,"cursor":"9:99"}}"#);
            assert_eq!(follow.take(&event), FollowedMessage::Event);
            assert_eq!(cursor(&follow), format!("7:{seq}"));
        }
    }

    #[test]
    fn draining_is_told_with_its_time_and_unknown_messages_are_let_pass() {
        let mut follow = connected(After::Start);
        let draining = follow.take(r#"{"type":"draining","reconnectAfterMs":1234}"#);
        assert_eq!(draining, FollowedMessage::Draining(Duration::from_millis(1234)));
        assert_eq!(follow.take(r#"{"type":"pong","timestamp":"t"}"#), FollowedMessage::Nothing);
        assert_eq!(follow.take(r#"{"type":"of a later version","x":{}}"#), FollowedMessage::Nothing);
        assert!(matches!(follow.take("no json"), FollowedMessage::Notice(_)));
    }
}
