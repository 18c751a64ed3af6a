//! The callers that wait for replies on one connection, in order, and their deadlines. It does no I/O and reads no
//! clock: the time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use metrics::Counter;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::request::{Call, Share};
use super::{RedisCommand, RedisError, Reply, judged};

/// Silence after which a `PING` checks that Redis still answers.
pub(super) const PING_AFTER: Duration = Duration::from_secs(5);

/// Missed deadlines in a row after which the connection is given up.
const MISSES: u32 = 2;

/// A command in flight. It keeps its position until its reply comes, even if its caller has stopped waiting.
#[derive(Debug)]
struct InFlight {
    deadline: Instant,
    /// Offset of the command among all bytes of the connection.
    begins: u64,
    waiter: Waiter,
    _share: Option<Share>,
}

#[derive(Debug)]
enum Waiter {
    Caller(oneshot::Sender<Result<Reply, RedisError>>),
    /// The pipeline's own `PING`.
    Ping,
    /// A command whose deadline has passed; its reply will be discarded.
    Late,
}

/// The commands of one connection that wait or are in flight.
#[derive(Debug)]
pub(super) struct Pipeline {
    command_timeout: Duration,
    /// Commands that were not given to the connection yet.
    waiting: VecDeque<Call>,
    /// Commands in flight, in the order of their replies.
    in_flight: VecDeque<InFlight>,
    /// Deadlines missed since bytes last came.
    missed: u32,
    heard: Instant,
    pinging: bool,
    /// No deadline is earlier than this. It may be the deadline of a command that was answered meanwhile.
    due: Instant,
    missed_deadlines: Counter,
}

impl Pipeline {
    pub(super) fn new(command_timeout: Duration, now: Instant, missed_deadlines: Counter) -> Self {
        Self {
            command_timeout,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            missed: 0,
            heard: now,
            pinging: false,
            due: now + PING_AFTER,
            missed_deadlines,
        }
    }

    /// Queues a command.
    pub(super) fn push(&mut self, call: Call) {
        self.due = self.due.min(call.deadline);
        self.waiting.push_back(call);
    }

    /// The next command to send; from now on its outcome is open. Commands whose caller has stopped waiting are
    /// skipped.
    pub(super) fn send_next(&mut self, begins: u64) -> Option<RedisCommand> {
        while let Some(call) = self.waiting.pop_front() {
            if call.reply.is_closed() {
                continue;
            }
            let (waiter, share) = (Waiter::Caller(call.reply), Some(call.share));
            self.in_flight.push_back(InFlight { deadline: call.deadline, begins, waiter, _share: share });
            return Some(call.command);
        }
        None
    }

    /// Gives the next reply to its caller.
    ///
    /// # Errors
    /// The reply answers no command, or says that the server has become a replica and another one has taken its place.
    pub(super) fn answer(&mut self, reply: Reply) -> Result<(), String> {
        let demoted = matches!(&reply, Reply::Error(text) if text.starts_with("READONLY"));
        let Some(asked) = self.in_flight.pop_front() else {
            return Err(match reply {
                Reply::Error(text) => text,
                _ => "Redis said what nobody asked for".to_owned(),
            });
        };
        match asked.waiter {
            // Sending fails only when the caller has stopped waiting.
            Waiter::Caller(caller) => drop(caller.send(judged(reply))),
            Waiter::Ping => self.pinging = false,
            Waiter::Late => {}
        }
        if demoted { Err("the server has become a replica".to_owned()) } else { Ok(()) }
    }

    /// Records that bytes came, which shows that Redis is alive.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.missed = 0;
    }

    /// The time at which [`Pipeline::expire`] must be called.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Answers the calls whose deadline has passed; `true` asks the caller to send a `PING`.
    ///
    /// # Errors
    /// The reason why the connection counts as dead.
    pub(super) fn expire(&mut self, now: Instant, begins: u64) -> Result<bool, String> {
        let mut due = now + PING_AFTER;
        for asked in &mut self.in_flight {
            if matches!(asked.waiter, Waiter::Late) {
                continue;
            }
            if asked.deadline > now {
                due = due.min(asked.deadline);
                continue;
            }
            self.missed += 1;
            self.missed_deadlines.increment(1);
            match std::mem::replace(&mut asked.waiter, Waiter::Late) {
                Waiter::Caller(caller) => {
                    let _ =
                        caller.send(Err(RedisError::OutcomeUnknown("not within the command's deadline".to_owned())));
                }
                Waiter::Ping => return Err(format!("no answer to PING within {:?}", self.command_timeout)),
                Waiter::Late => {}
            }
        }
        // A connection that takes nothing counts like one that does not reply.
        let (late, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|call| call.deadline <= now);
        self.waiting = waiting;
        let late: VecDeque<Call> = late;
        for call in late {
            self.missed += 1;
            self.missed_deadlines.increment(1);
            call.refuse("the connection took nothing within the command's deadline");
        }
        due = self.waiting.iter().map(|call| call.deadline).fold(due, Instant::min);
        if self.missed >= MISSES {
            return Err(format!("{} commands in a row without a reply in time", self.missed));
        }
        let ping = !self.pinging && now >= self.heard + PING_AFTER;
        if ping {
            self.pinging = true;
            let deadline = now + self.command_timeout;
            self.in_flight.push_back(InFlight { deadline, begins, waiter: Waiter::Ping, _share: None });
            due = due.min(deadline);
        } else if !self.pinging {
            due = due.min(self.heard + PING_AFTER);
        }
        self.due = due;
        Ok(ping)
    }

    /// Whether commands still wait to be sent.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether no caller waits for a reply.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && !self.in_flight.iter().any(|asked| matches!(asked.waiter, Waiter::Caller(_)))
    }

    /// Answers all callers after the connection is lost. `written` is how many bytes of what it was given reached the
    /// socket.
    pub(super) fn lose(self, reason: &str, written: u64) {
        for asked in self.in_flight {
            let Waiter::Caller(caller) = asked.waiter else { continue };
            let error = match asked.begins < written {
                true => RedisError::OutcomeUnknown(reason.to_owned()),
                false => RedisError::Unavailable(reason.to_owned()),
            };
            let _ = caller.send(Err(error));
        }
        for call in self.waiting {
            call.refuse(reason);
        }
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests;
