//! Who may do what while somebody has control of the run.

use super::event::EventText;
use super::{Events, Halt};
use crate::control::command::GivenCommand;
use crate::control::fold::Lease;
use crate::control::{CommandKind, ControlError, ControlState, Facts, Seen, Sign};
use crate::protocol::{Principal, PrincipalKind, ServerEvent};

/// Whether a lease still lives.
enum LeaseLife {
    Lives,
    /// Its holder was not seen for too long.
    Over,
    /// It depends on when its holder was seen.
    Unknown,
}

impl ControlState {
    /// What has to be stored before the command: the end of a lease whose holder is gone.
    ///
    /// # Errors
    /// The command is not the sender's to give, or signs of life have to be looked up.
    pub(super) fn check_rights(&self, given: &GivenCommand, by: &Principal, facts: &Facts<'_>) -> Result<Events, Halt> {
        let is_own_withdrawal = given.kind == CommandKind::Withdraw
            && given
                .text("withdraws")
                .and_then(|id| self.commands.get(id))
                .is_some_and(|it| it.by.subject == by.subject);
        let stops = given.kind == CommandKind::Pause
            || (given.kind == CommandKind::Cancel && by.kind != PrincipalKind::Agent)
            || is_own_withdrawal;
        let takes = given.kind == CommandKind::Take;
        if !stops && !takes {
            self.check_token(given, by)?;
        }
        let others = self.lease.as_ref().filter(|lease| !lease.is_held_by(&by.subject));
        let is_agents = by.kind == PrincipalKind::Agent && !stops;
        if is_agents && !self.is_free_for_agents(given) {
            if let Some(lease) = others.filter(|lease| lease.holder.kind == PrincipalKind::Human) {
                return self.end_lease(lease, facts)?.ok_or_else(|| human(&lease.holder));
            }
            if let Some(pause) = self.commands.kept().find(|command| command.pauses() && command.is_humans()) {
                return Err(human(&pause.by));
            }
        }
        let Some(lease) = others.filter(|_| !stops) else { return Ok(Vec::new()) };
        if is_agents && self.is_free_for_agents(given) && lease.holder.kind == PrincipalKind::Human {
            return Ok(Vec::new());
        }
        if let Some(ended) = self.end_lease(lease, facts)? {
            return Ok(ended);
        }
        let outranks = by.kind == PrincipalKind::Human && lease.holder.kind == PrincipalKind::Agent;
        if takes && (outranks || given.is_true("steal")) {
            return Ok(vec![released(lease, "stolen", facts)]);
        }
        Err(ControlError::LeaseHeld { holder: lease.holder.clone(), lease: lease.cursor }.into())
    }

    /// What an agent may do while a person is in control, besides what stops: answer a question, but with no secret.
    fn is_free_for_agents(&self, given: &GivenCommand) -> bool {
        let ask = given.text("askId").and_then(|id| self.asks.get(id));
        given.kind == CommandKind::Answer && ask.is_none_or(|ask| !ask.is_for_credential())
    }

    /// A command that names a lease is only for as long as that one is the run's, and its sender holds it.
    fn check_token(&self, given: &GivenCommand, by: &Principal) -> Result<(), ControlError> {
        let Some(token) = given.lease else { return Ok(()) };
        match &self.lease {
            Some(lease) if lease.is(token) && lease.is_held_by(&by.subject) => Ok(()),
            lease => Err(ControlError::LeaseLost { holder: lease.as_ref().map(|lease| lease.holder.clone()) }),
        }
    }

    /// The end of a lease, if its time is over; `None` while it lives.
    fn end_lease(&self, lease: &Lease, facts: &Facts<'_>) -> Result<Option<Events>, Halt> {
        match life(lease, facts) {
            LeaseLife::Lives => Ok(None),
            LeaseLife::Over => Ok(Some(vec![released(lease, "expired", facts)])),
            LeaseLife::Unknown => Err(Halt::NeedSigns(vec![Sign::Subject(lease.holder.subject.clone())])),
        }
    }
}

fn human(holder: &Principal) -> Halt {
    ControlError::HumanInControl { holder: holder.clone() }.into()
}

fn life(lease: &Lease, facts: &Facts<'_>) -> LeaseLife {
    let is_over = |seen: crate::protocol::Timestamp| {
        facts.now.as_millis().saturating_sub(seen.max(lease.used_at).as_millis()) > facts.limits.lease_ms
    };
    if facts.holds_time || !is_over(lease.used_at) {
        return LeaseLife::Lives;
    }
    let holder = &lease.holder.subject;
    let found = facts.signs.iter().find(|(sign, _)| matches!(sign, Sign::Subject(subject) if subject == holder));
    match found {
        None => LeaseLife::Unknown,
        Some((_, Seen::At(seen))) if is_over(*seen) => LeaseLife::Over,
        Some(_) => LeaseLife::Lives,
    }
}

/// The lease ends without its holder's doing.
fn released(lease: &Lease, reason: &str, facts: &Facts<'_>) -> (ServerEvent, bytes::Bytes) {
    EventText::new(ServerEvent::ControlReleased, facts).with("lease", &lease.cursor).with("reason", reason).done()
}
