//! What a viewer knows while it follows a run: its cursor, and whether the run is over. Pure.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use super::super::terminal::counted;
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
    /// The stream has begun.
    Connected {
        /// How often the server pings.
        heartbeat: Duration,
        /// Whether events come before those that are told.
        is_part: bool,
        /// Whether the run has no event yet.
        is_empty: bool,
    },
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
    /// The last status seen.
    status: Option<RunStatus>,
    /// Whether the run seems to have ended: by its last status, or because whoever was waited for has gone.
    ended: bool,
    /// Whether the run takes no more events.
    is_sealed: bool,
    /// Whether any status was final: of one of several workers, perhaps.
    has_told_of_end: bool,
    /// Whether any event was shown.
    has_shown: bool,
    /// The epoch of the connection.
    connected_epoch: Option<Epoch>,
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
        epoch: Option<String>,
        from: Seq,
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
        Self {
            after,
            tip: 0,
            status: None,
            ended: false,
            is_sealed: false,
            has_told_of_end: false,
            has_shown: false,
            connected_epoch: None,
        }
    }

    /// The position at which the next connection must start.
    pub(super) fn after(&self) -> After {
        self.after
    }

    /// The run's last status, as far as it was seen.
    pub(super) fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// The server says what the run's status is: that of workers which have ended may not be the run's, and the event
    /// that ended the run may come before those that are watched.
    pub(super) fn learn(&mut self, status: Option<RunStatus>) {
        self.status = status.or(self.status);
        self.ended = self.status.is_some_and(RunStatus::is_final);
    }

    /// Whether the run is over and all its events have been seen.
    pub(super) fn is_over(&self) -> bool {
        (self.ended || self.is_sealed) && self.seq().is_some_and(|seq| seq >= self.tip)
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
        self.has_shown = true;
        if event_type == Some(ProducerEvent::RunStatus.as_str()) {
            self.status = status(event).or(self.status);
            self.ended = self.status.is_some_and(RunStatus::is_final);
            self.has_told_of_end |= self.ended;
        } else if event_type == Some(ServerEvent::Sealed.as_str()) {
            self.is_sealed = true;
        } else if event_type.is_some_and(may_end) {
            // Whoever was waited for may have been the last.
            self.ended |= self.has_told_of_end;
        }
        FollowedMessage::Event
    }

    fn take_message(&mut self, message: &[u8]) -> FollowedMessage {
        match serde_json::from_slice(message) {
            Ok(ServerSays::Connected { cursor, epoch, from, tip, heartbeat_secs }) => {
                self.adopt(&cursor);
                self.tip = tip;
                self.connected_epoch = epoch.as_deref().and_then(Epoch::parse);
                let heartbeat = Duration::from_secs(heartbeat_secs);
                FollowedMessage::Connected { heartbeat, is_part: from > 1, is_empty: epoch.is_none() && tip == 0 }
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
                let claimed = self.seq().unwrap_or_default();
                let is_of_this_epoch = self.epoch().is_none_or(|epoch| Some(epoch) == self.connected_epoch);
                let is_beyond = is_of_this_epoch && !self.has_shown && from == self.tip + 1;
                self.after = After::Cursor(Cursor { epoch: None, seq: from.saturating_sub(1) });
                self.adopt(&cursor);
                self.ended = false;
                if is_beyond {
                    let (tip, events) = (self.tip, counted(self.tip, "event", "events"));
                    return FollowedMessage::Notice(format!(
                        "the run has {events}, and nothing behind {claimed} yet: what comes behind {tip} is shown"
                    ));
                }
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

fn status(event: &[u8]) -> Option<RunStatus> {
    #[derive(Deserialize)]
    struct Status {
        status: RunStatus,
    }
    serde_json::from_slice::<Status>(event).ok().map(|event| event.status)
}

/// Whether an event may end a run whose other workers have ended.
fn may_end(event_type: &str) -> bool {
    let others = [ServerEvent::ProducerStatus, ServerEvent::ShardsGivenUp].map(ServerEvent::as_str);
    event_type == ProducerEvent::Worker.as_str() || others.contains(&event_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTED: &str = r#"{"type":"connected","runId":"r","sessionId":"s","nodeId":"n","timestamp":"t",
        "epoch":"7","from":1,"tip":3,"cursor":"7:0","heartbeatSecs":20}"#;

    fn connected(after: After) -> FollowedRun {
        let mut follow = FollowedRun::new(after);
        let heartbeat = Duration::from_secs(20);
        assert_eq!(follow.take(CONNECTED), FollowedMessage::Connected { heartbeat, is_part: false, is_empty: false });
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
    fn a_cursor_beyond_the_end_is_no_loss_and_one_of_another_epoch_is() {
        let told = |after: &str, reset: &str| {
            let mut follow = FollowedRun::new(After::parse(after).unwrap());
            follow.take(&CONNECTED.replace("7:0", after));
            match follow.take(reset) {
                FollowedMessage::Notice(text) => (text, cursor(&follow)),
                other => panic!("{other:?}"),
            }
        };
        let beyond = "the run has 3 events, and nothing behind 99 yet: what comes behind 3 is shown";
        let reset = r#"{"type":"reset","epoch":"7","from":4,"cursor":"7:3"}"#;
        assert_eq!(told("7:99", reset), (beyond.to_owned(), "7:3".to_owned()));
        assert_eq!(told("99", reset), (beyond.to_owned(), "7:3".to_owned()));
        assert!(told("6:99", reset).0.starts_with("reset: the store lost events"));
    }

    #[test]
    fn the_server_knows_how_a_run_stands_and_whoever_ends_late_may_end_it() {
        let mut follow = connected(After::Start);
        follow.take(r#"{"seq":3,"type":"run_status","status":"passed"}"#);
        assert!(follow.is_over());
        follow.learn(Some(RunStatus::Running));
        assert!(!follow.is_over(), "other workers of it have not ended");
        follow.take(r#"{"seq":4,"type":"worker","state":"left"}"#);
        assert!(follow.is_over(), "it may have been the last: the server is asked again");
        follow.learn(Some(RunStatus::Failed));
        assert!(follow.is_over() && follow.status() == Some(RunStatus::Failed));
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
