//! What a session makes of what its peer sends.

use super::{Effect, Effects, SessionCore};
use crate::protocol::close::CloseReason;
use crate::protocol::frame::{self, FrameLimits, Incoming, Violation};
use crate::protocol::message::{ClientMessage, ServerMessage};

/// Most bytes that a peer may send before it is greeted; nobody has that much to say before it knows where it stands.
pub(super) const MAX_EARLY: usize = 16 * 1024;

/// Most commands of a peer that wait for their answers.
pub(super) const MAX_COMMANDS: u8 = 4;

impl SessionCore {
    /// Takes what arrived, or keeps it until the viewer has been greeted.
    pub(super) fn received(&mut self, data: &[u8], limits: &FrameLimits, effects: &mut Effects) {
        let closing = self.closing;
        let Some(arrival) = self.arrival.as_mut().filter(|_| !closing) else {
            return self.receive(data, limits, effects);
        };
        arrival.early.extend_from_slice(data);
        let early = arrival.early.len();
        if early > MAX_EARLY {
            self.close(CloseReason::Policy, effects);
        } else {
            effects.push(Effect::Account { half_received: early });
        }
    }

    /// Takes what arrived, behind what has been kept of it.
    pub(super) fn receive(&mut self, data: &[u8], limits: &FrameLimits, effects: &mut Effects) {
        let kept = self.arrival.as_mut().map(|arrival| std::mem::take(&mut arrival.early)).unwrap_or_default();
        if kept.is_empty() {
            self.decode(data, limits, effects);
        } else {
            self.decode(&[&kept, data].concat(), limits, effects);
        }
    }

    fn decode(&mut self, mut data: &[u8], limits: &FrameLimits, effects: &mut Effects) {
        while !data.is_empty() && !self.peer_closed && !self.ignores_input {
            match self.decoder.feed(&mut data, limits) {
                Ok(Some(incoming)) => self.take(incoming, effects),
                Ok(None) => {}
                Err(Violation { close, what }) => {
                    self.close_with(close, what, effects);
                    self.ignores_input = true;
                }
            }
        }
        effects.push(Effect::Account { half_received: self.decoder.held_bytes() });
    }

    fn take(&mut self, incoming: Incoming, effects: &mut Effects) {
        effects.push(match incoming {
            Incoming::Ping(payload) => Effect::Push(frame::pong(&payload)),
            Incoming::Pong(_) => return,
            Incoming::Close { code, .. } => {
                self.peer_closed = true;
                self.closing = true;
                Effect::EchoClose(code)
            }
            Incoming::Text(text) => match ClientMessage::parse(&text) {
                Ok(ClientMessage::Ping) => Effect::AnswerPing,
                Ok(ClientMessage::Screen(choice)) => Effect::ChooseScreens(choice),
                Ok(ClientMessage::Command) if self.commands == MAX_COMMANDS => Effect::Tell(too_many(&text)),
                Ok(ClientMessage::Command) => {
                    self.commands += 1;
                    Effect::Steer(text.into())
                }
                Err(error) => Effect::Tell(error.into()),
            },
            Incoming::Binary(_) => Effect::Tell(ServerMessage::Error {
                code: "unknown_type",
                error: "binary messages are not understood".to_owned(),
                reconnect_after_ms: None,
            }),
        });
    }

    /// A command of the peer's is answered.
    pub(super) fn steered(&mut self, answer: ServerMessage, effects: &mut Effects) {
        self.commands = self.commands.saturating_sub(1);
        effects.push(Effect::Tell(answer));
        effects.push(Effect::Account { half_received: self.decoder.held_bytes() });
        effects.push(Effect::Wake);
    }
}

/// The refusal of a command that comes while as many wait as may.
fn too_many(text: &str) -> ServerMessage {
    ServerMessage::Command {
        command_id: ClientMessage::command_id(text),
        state: None,
        cursor: None,
        code: Some("too_many_commands"),
        error: Some(format!("{MAX_COMMANDS} commands of this connection wait for their answers").into()),
        details: None,
        retry_after_ms: None,
    }
}
