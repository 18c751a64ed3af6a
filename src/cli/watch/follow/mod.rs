//! What a viewer knows while it follows a run: its cursor, and whether the run is over. Pure.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use crate::cli::terminal::counted;
use crate::protocol::json_text::readable;
use crate::protocol::status::RunStatus;
use crate::protocol::{After, Cursor, Epoch, ProducerEvent, Seq, ServerEvent};

#[cfg(test)]
mod tests;

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
    /// The server says this, and closes: come back after this time at the earliest.
    ComeBack(String, Duration),
    /// The viewer's rights end: connect with another credential after a time, and leave this connection only then.
    Expiring {
        /// Until they end.
        left: Duration,
        /// Until the next connection is to be opened.
        delay: Duration,
    },
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
    /// Whether it begins behind the end, which the server is about to tell.
    awaits_reset: bool,
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
    #[serde(rename_all = "camelCase")]
    Expiring {
        in_secs: u64,
        reconnect_after_ms: u64,
    },
    #[serde(rename_all = "camelCase")]
    Error {
        code: String,
        error: String,
        reconnect_after_ms: Option<u64>,
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
            awaits_reset: false,
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

    /// Events up to this one are known to come.
    pub(super) fn reaches(&mut self, tip: Seq) {
        self.tip = self.tip.max(tip);
    }

    /// Whether the run is over and all its events have been seen.
    pub(super) fn is_over(&self) -> bool {
        (self.ended || self.is_sealed) && !self.awaits_reset && self.seq().is_some_and(|seq| seq >= self.tip)
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
        self.awaits_reset = false;
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
                self.awaits_reset = !self.has_shown && self.seq().is_some_and(|seq| seq > tip);
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
                self.awaits_reset = false;
                let claimed = self.seq().unwrap_or_default();
                let is_of_this_epoch = self.epoch().is_none_or(|epoch| Some(epoch) == self.connected_epoch);
                let is_beyond = is_of_this_epoch && !self.has_shown && from == self.tip + 1;
                self.after = After::Cursor(Cursor { epoch: None, seq: from.saturating_sub(1) });
                self.adopt(&cursor);
                // Whether it has ended the server is asked.
                self.tip = self.tip.min(from.saturating_sub(1));
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
            Ok(ServerSays::Expiring { in_secs, reconnect_after_ms }) => FollowedMessage::Expiring {
                left: Duration::from_secs(in_secs),
                delay: Duration::from_millis(reconnect_after_ms),
            },
            Ok(ServerSays::Error { code, error, reconnect_after_ms }) => {
                let text = format!("the server says: {code}: {error}");
                match reconnect_after_ms {
                    Some(ms) => FollowedMessage::ComeBack(text, Duration::from_millis(ms)),
                    None => FollowedMessage::Notice(text),
                }
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

    /// The last event that was seen, or behind which it begins.
    pub(super) fn seq(&self) -> Option<Seq> {
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
