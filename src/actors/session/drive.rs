//! Performs what a session's core wants done: on the write half here, and in the [`Environment`] that the actor or the
//! simulator gives.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use super::core::{Effect, Effects, Greeting, Input, SessionCore};
use super::transport::Wire;
use super::write_half::WriteHalf;
use crate::actors::messages::room::ReadFrom;
use crate::actors::messages::viewer::Viewer;
use crate::protocol::cursor::Place;
use crate::protocol::message::ServerMessage;
use crate::protocol::segment::Encoding;
use crate::protocol::{ScreenChoice, Timestamp};

/// Reads per poll of the socket, so that one busy peer does not hold the thread.
const READS_PER_POLL: usize = 4;

/// What is around a session. Answers that do not come at once come later as inputs.
pub trait Environment {
    /// Asks the registry for the run's room.
    fn find_room(&mut self);
    /// Takes a slot among the subscribers of the room that was found; false when they are closed.
    fn subscribe(&mut self) -> bool;
    /// Gives the slot back.
    fn leave(&mut self);
    /// Has the viewer look at something else, and shows it what is kept of that.
    fn choose_screens(&mut self, choice: ScreenChoice);
    /// Shows the viewer what is kept of the screens that it looks at.
    fn show_kept(&mut self);
    /// Whether the hub hands over what follows `place` from now on.
    fn admit(&mut self, place: Place) -> bool;
    /// Asks the room for a page. The input tells why it could not be asked.
    fn read_page(&mut self, from: ReadFrom, max_bytes: usize) -> Result<(), Input<'static>>;
    /// Sets a timer.
    fn pause(&mut self, pause: Duration);
    /// Has a command decided, behind those before it; or answers it at once.
    fn steer(&mut self, command: Box<str>) -> Result<(), Box<ServerMessage>>;
    /// The node's time.
    fn now(&self) -> Timestamp;
    /// The node's name, as viewers are told it.
    fn node_id(&self) -> Arc<str>;
}

/// A session's parts, for as long as an input is dealt with.
pub struct Driver<'a, W, E> {
    /// Decides.
    pub core: &'a mut SessionCore,
    /// Writes.
    pub write_half: &'a WriteHalf<W>,
    /// Empty between inputs.
    pub effects: &'a mut Effects,
    /// Does the rest.
    pub environment: &'a mut E,
}

/// What the socket's owner is left to do.
#[derive(Clone, Copy, Default)]
struct Left {
    shut_down: bool,
    end: bool,
}

impl<W: Wire, E: Environment> Driver<'_, W, E> {
    /// Deals with an input that did not come from the socket.
    pub fn on(&mut self, input: Input<'_>) {
        self.perform(input);
    }

    /// Writes, reads and pulls as far as the socket lets it. Ready: the session is over.
    pub fn poll(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<()> {
        for _ in 0..READS_PER_POLL {
            let flushed = self.write_half.poll_flush(cx).map_or(Input::Disconnected, Input::Flushed);
            let left = self.perform(flushed);
            let failed = left.shut_down && matches!(self.write_half.poll_shutdown(cx), Poll::Ready(Err(_)));
            if failed || left.end {
                return Poll::Ready(());
            }
            match self.write_half.poll_read(cx, scratch) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(n)) if n > 0 => self.perform(Input::Received(&scratch[..n])),
                Poll::Ready(_) => return Poll::Ready(()),
            };
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Has the core decide about an input and about the answers to what it wants done.
    fn perform(&mut self, input: Input<'_>) -> Left {
        let limits = &self.write_half.limits().incoming;
        let mut left = Left::default();
        self.core.on(input, limits, self.effects);
        while let Some(effect) = self.effects.pop() {
            if let Some(answer) = self.effect(effect, &mut left) {
                self.core.on(answer, limits, self.effects);
            }
        }
        left
    }

    fn effect(&mut self, effect: Effect, left: &mut Left) -> Option<Input<'static>> {
        match effect {
            Effect::FindRoom => self.environment.find_room(),
            Effect::Subscribe if self.environment.subscribe() => {
                // One that was greeted before comes from a room that has retired.
                self.environment.show_kept();
                return Some(Input::Subscribed);
            }
            Effect::Subscribe => return Some(Input::RoomGone),
            Effect::Leave => self.environment.leave(),
            Effect::ReadPage { after } => {
                let from = after.map_or_else(|| ReadFrom::Place(self.write_half.place()), ReadFrom::After);
                return self.environment.read_page(from, self.write_half.page_bytes()).err();
            }
            Effect::Admit => return self.environment.admit(self.write_half.place()).then_some(Input::Admitted),
            Effect::GoLive => self.write_half.go_live(),
            Effect::Pause(pause) => self.environment.pause(pause),
            Effect::Greet(greeting) => {
                self.greet(&greeting);
                self.environment.show_kept();
            }
            Effect::Tell(message) => self.write_half.tell(&message),
            Effect::ChooseScreens(choice) => self.environment.choose_screens(choice),
            Effect::AnswerPing => self.write_half.tell(&ServerMessage::Pong { timestamp: self.environment.now() }),
            Effect::Steer(command) => return self.environment.steer(command).err().map(Input::Steered),
            Effect::Push(bytes) => self.write_half.push(bytes),
            Effect::TakePage(page) => self.write_half.take_page(page),
            Effect::Account { half_received } => return self.account(half_received),
            Effect::Close { reason, text } => self.write_half.begin_close(reason, text),
            Effect::EchoClose(code) => self.write_half.echo_close(code),
            Effect::Wake => self.write_half.wake(),
            Effect::ShutDown => left.shut_down = true,
            Effect::End => left.end = true,
        }
        None
    }

    fn account(&self, half_received: usize) -> Option<Input<'static>> {
        let fits = self.write_half.hold_half_received(half_received);
        if self.write_half.overrun() {
            return Some(Input::Overrun);
        }
        (!fits).then_some(Input::NodeFull)
    }

    fn greet(&self, greeting: &Greeting) {
        let write_half = self.write_half;
        write_half.set_place(greeting.place);
        match write_half.encoding() {
            Encoding::WebSocket => write_half.tell(&ServerMessage::Connected {
                run_id: write_half.connection().run.clone(),
                session_id: write_half.connection().session.to_string().into(),
                node_id: self.environment.node_id(),
                timestamp: self.environment.now(),
                epoch: greeting.epoch,
                from: greeting.place.next,
                tip: greeting.tip,
                cursor: greeting.cursor,
                heartbeat_secs: u64::from(write_half.limits().ping_secs),
            }),
            Encoding::Sse => write_half.push(Bytes::from_static(b": connected\n\n")),
            Encoding::NdJson => {}
        }
    }
}
