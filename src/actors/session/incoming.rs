//! What a session makes of what its peer sends.

use super::write_half::Mode;
use super::{MAX_EARLY, Session, Wire};
use crate::protocol::Timestamp;
use crate::protocol::close::CloseReason;
use crate::protocol::frame::{self, Incoming, Violation};
use crate::protocol::message::{ClientMessage, ServerMessage};

impl<W: Wire> Session<W> {
    /// Takes what arrived, or keeps it until the viewer has been greeted.
    pub(super) fn hear(&mut self, data: &[u8]) {
        let waits = self.write_half.mode() == Mode::Behind;
        let Some(arrival) = self.arrival.as_mut().filter(|_| waits) else { return self.receive(data) };
        self.write_half.note_inbound();
        arrival.early.extend_from_slice(data);
        let early = arrival.early.len();
        if early > MAX_EARLY {
            self.close(CloseReason::Policy);
        } else if !self.write_half.hold_half_received(early) {
            self.close(CloseReason::Saturated);
        }
    }

    /// Takes what arrived, behind what has been kept of it.
    pub(super) fn receive(&mut self, data: &[u8]) {
        let kept = self.arrival.as_mut().map(|arrival| std::mem::take(&mut arrival.early)).unwrap_or_default();
        if kept.is_empty() { self.decode(data) } else { self.decode(&[&kept, data].concat()) }
    }

    fn decode(&mut self, mut data: &[u8]) {
        self.write_half.note_inbound();
        while !data.is_empty() && !self.peer_closed && !self.ignores_input {
            match self.decoder.feed(&mut data, &self.write_half.limits().incoming) {
                Ok(Some(incoming)) => self.take(incoming),
                Ok(None) => {}
                Err(Violation { close, what }) => {
                    self.write_half.begin_close(close, what);
                    self.ignores_input = true;
                }
            }
        }
        if self.write_half.overrun() {
            self.close(CloseReason::Policy);
        }
        if !self.write_half.hold_half_received(self.decoder.held_bytes()) {
            self.close(CloseReason::Saturated);
        }
    }

    fn take(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Ping(payload) => self.write_half.push(frame::pong(&payload)),
            Incoming::Pong(_) => {}
            Incoming::Close { code, .. } => {
                self.peer_closed = true;
                self.write_half.echo_close(code);
            }
            Incoming::Text(text) => match ClientMessage::parse(&text) {
                Ok(ClientMessage::Ping) => self.write_half.tell(&ServerMessage::Pong { timestamp: Timestamp::now() }),
                Err(error) => self.write_half.tell(&error.into()),
            },
            Incoming::Binary(_) => self.write_half.tell(&ServerMessage::Error {
                code: "unknown_type",
                error: "binary messages are not understood".to_owned(),
                reconnect_after_ms: None,
            }),
        }
    }
}
