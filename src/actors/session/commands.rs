//! A viewer's commands: decided one after the other, while the session goes on.

use std::collections::VecDeque;
use std::rc::Rc;

use actix::fut::wrap_future;
use actix::prelude::*;

use super::core::Input;
use super::transport::Wire;
use super::write_half::WriteHalf;
use super::{Session, SessionPort};
use crate::audit::{AuditAction, AuditEntry};
use crate::budget::Held;
use crate::protocol::message::ServerMessage;
use crate::protocol::{Principal, RunId, Via};
use crate::steering::{SteeringError, command_message};
use crate::storage::signs::HolderSocket;

/// What a session keeps for its peer's commands. Most viewers give none.
pub(super) struct SocketCommands {
    by: Principal,
    /// Commands that wait for those before them, each with its share of the node's memory for viewers. The session's
    /// core bounds their number.
    waiting: VecDeque<(Box<str>, Held)>,
    /// One is being decided.
    is_busy: bool,
    /// Whether the audit log says that it may give none.
    is_refused: bool,
    /// Since the first command that was stored: the open socket is a sign of its owner's life, for a time.
    sign: Option<HolderSocket>,
}

impl SocketCommands {
    /// Those of this sender.
    pub(super) fn of(by: Principal) -> Self {
        Self { by, waiting: VecDeque::new(), is_busy: false, is_refused: false, sign: None }
    }

    /// A command of somebody who may give none; the audit log has the first one.
    pub(super) fn refuse(&mut self, run: &RunId) {
        if !std::mem::replace(&mut self.is_refused, true) {
            AuditEntry::of(AuditAction::Refused).by(Some(&self.by)).run(Some(run)).item("command").write();
        }
    }

    /// Takes a command; refused when the node holds as much for its viewers as it may.
    pub(super) fn take<W: Wire>(
        commands: &mut Option<Box<Self>>,
        command: Box<str>,
        write_half: &WriteHalf<W>,
    ) -> Result<(), Box<ServerMessage>> {
        let session = write_half.connection.session;
        let commands = commands.get_or_insert_with(|| Box::new(Self::of(Principal::anonymous(session, Via::Ws))));
        let mut held = write_half.limits().outboxes.hold();
        if !held.grow(command.len()) {
            return Err(Box::new(command_message(Err(SteeringError::saturated_for(&command)))));
        }
        commands.waiting.push_back((command, held));
        Ok(())
    }

    /// Has the first command that waits decided, unless one is.
    pub(super) fn proceed<W: Wire>(
        commands: &mut Option<Box<Self>>,
        write_half: &Rc<WriteHalf<W>>,
        port: &SessionPort,
        ctx: &mut Context<Session<W>>,
    ) {
        let Some(commands) = commands.as_deref_mut().filter(|commands| !commands.is_busy) else { return };
        let Some((command, held)) = commands.waiting.pop_front() else { return };
        commands.is_busy = true;
        let (steering, by) = (port.steering.clone(), commands.by.clone());
        let run = write_half.connection.run.clone();
        let decided = async move {
            let decided = steering.command(&run, &by, command.as_bytes()).await;
            drop(held);
            decided
        };
        ctx.spawn(wrap_future::<_, Session<W>>(decided).map(|decided, session, ctx| {
            session.decided(decided.is_ok());
            session.on(Input::Steered(Box::new(command_message(decided))), ctx);
            let Session { commands, write_half, port, .. } = session;
            Self::proceed(commands, write_half, port, ctx);
        }));
    }

    /// The command in hand is answered. After one that was stored the open socket is a sign of life.
    pub(super) fn answered<W: Wire>(&mut self, stored: bool, write_half: &WriteHalf<W>, port: &SessionPort) {
        self.is_busy = false;
        if stored && self.sign.is_none() {
            self.sign = Some(port.steering.signs().open_socket(&write_half.connection.run, &self.by.subject));
        }
    }
}

impl<W: Wire> Session<W> {
    fn decided(&mut self, stored: bool) {
        if let Some(commands) = &mut self.commands {
            commands.answered(stored, &self.write_half, &self.port);
        }
    }
}
