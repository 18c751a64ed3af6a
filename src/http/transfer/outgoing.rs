//! Bytes of one connection's responses that the client has not yet received.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};
use tracing::info;

use super::{Rate, TooSlow, Transfer, TransferKind, Transfers};
use crate::budget::Budget;

/// The unsent bytes of one connection. Shared on its thread by the connection's socket, the body of the current
/// response, and the session that streams through it.
pub struct Outgoing {
    budget: Budget,
    transfers: Transfers,
    rate: Rate,
    state: RefCell<OutgoingState>,
}

#[derive(Default)]
struct OutgoingState {
    /// Bytes that a body has handed over and the socket has not yet written; counted in the budget.
    unsent: usize,
    /// Bytes between a session and the body that streams for it; counted in the budget.
    piped: usize,
    /// Set while the socket accepts no more bytes.
    blocked: Option<Blocked>,
    /// The waker of a body that was refused; woken when bytes have been sent.
    body: Option<Waker>,
    /// Whether a session streams through the connection.
    streams: bool,
    /// Whether the connection has ended; nothing more may be written.
    ended: bool,
}

struct Blocked {
    transfer: Transfer,
    timer: Pin<Box<Sleep>>,
}

impl Outgoing {
    /// The state of a new connection. `budget` is `server.response_bytes`.
    pub fn new(budget: Budget, transfers: Transfers, rate: Rate) -> Self {
        Self { budget, transfers, rate, state: RefCell::default() }
    }

    /// Counts `bytes` that a body has handed over.
    pub fn add(&self, bytes: usize) {
        self.state.borrow_mut().unsent += bytes;
        self.budget.add(bytes);
    }

    /// Counts `bytes` that a session has written for a body to take.
    pub fn pipe(&self, bytes: usize) {
        self.state.borrow_mut().piped += bytes;
        self.budget.add(bytes);
    }

    /// Subtracts piped bytes that the body has taken; [`Self::add`] counts them when it hands them over.
    pub fn unpipe(&self, bytes: usize) {
        let mut state = self.state.borrow_mut();
        let taken = bytes.min(state.piped);
        state.piped -= taken;
        self.budget.sub(taken);
    }

    /// Ready when a body may hand over more. Once the budget is used up, only a body that has nothing unsent may, so
    /// every response makes some progress, and the slowest client is preempted. A refused body is woken when bytes have
    /// been sent.
    pub fn poll_add(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.budget.exceeded() {
            return Poll::Ready(());
        }
        self.transfers.end_slowest(TransferKind::Response, Instant::now());
        let mut state = self.state.borrow_mut();
        if state.unsent == 0 {
            return Poll::Ready(());
        }
        state.body = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Handles the end of the client's input. It ends an event stream, which would otherwise run until its next comment
    /// fails.
    pub(super) fn input_ended(&self) {
        if self.state.borrow().streams {
            self.end();
        }
    }

    /// Whether a session streams through the connection.
    pub(super) fn streams(&self) -> bool {
        self.state.borrow().streams
    }

    /// Sets whether a session streams through the connection.
    pub(super) fn set_streams(&self, streams: bool) {
        self.state.borrow_mut().streams = streams;
    }

    /// Ends the connection: nothing more is written.
    pub fn end(&self) {
        let mut state = self.state.borrow_mut();
        state.ended = true;
        if let Some(blocked) = &state.blocked {
            blocked.transfer.wake();
        }
        if let Some(body) = state.body.take() {
            body.wake();
        }
    }

    /// Whether the connection was ended.
    pub fn has_ended(&self) -> bool {
        self.state.borrow().ended
    }

    /// Subtracts `bytes` that the socket has written.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut state = self.state.borrow_mut();
        let counted = bytes.min(state.unsent);
        if counted > 0 {
            state.unsent -= counted;
            self.budget.sub(counted);
        }
        if let Some(body) = state.body.take() {
            body.wake();
        }
        if state.unsent == 0 {
            state.blocked = None;
        } else if let Some(blocked) = &mut state.blocked {
            blocked.transfer.moved(bytes, Instant::now());
        }
    }

    /// Handles a socket that accepts no more bytes. Returns an error once the client has been too slow or was
    /// preempted.
    pub(super) fn poll_blocked(&self, cx: &mut Context<'_>) -> io::Result<()> {
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        let holds = state.unsent > 0;
        let blocked = state.blocked.get_or_insert_with(|| {
            let transfer = self.transfers.begin(TransferKind::Response, self.rate, now);
            let timer = Box::pin(sleep_until(transfer.due().into()));
            Blocked { transfer, timer }
        });
        // A small response is not counted, so ending it would free nothing.
        blocked.transfer.set_holds(holds);
        let message = match blocked.transfer.is_too_slow(cx.waker(), now) {
            Some(TooSlow::Rate) => "a response was read too slowly: its connection is ended",
            Some(TooSlow::Preempted) => "the slowest reader of a response gave way: its connection is ended",
            None => {
                let due = blocked.transfer.due().into();
                if blocked.timer.deadline() != due {
                    blocked.timer.as_mut().reset(due);
                }
                if blocked.timer.as_mut().poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                return Ok(());
            }
        };
        info!(unsent = state.unsent, "{message}");
        state.ended = true;
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        self.budget.sub(state.unsent + state.piped);
    }
}
