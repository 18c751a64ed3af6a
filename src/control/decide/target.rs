//! Which producers a command is for.

use std::sync::Arc;

use crate::control::command::GivenCommand;
use crate::control::fold::{CommandTarget, Worker};
use crate::control::kind::Sort;
use crate::control::{ControlError, ControlState, Observed};

impl ControlState {
    /// The target as it goes into the event. An act that no living producer of it obeys would only expire.
    pub(super) fn find_target(
        &self,
        given: &GivenCommand,
        observed: &Observed,
    ) -> Result<Option<CommandTarget>, ControlError> {
        let target = self.name_target(given, observed)?;
        let command = given.kind.as_str();
        let is_for = |id: &str| target.as_ref().is_none_or(|target| target.is_for(id));
        let mut living = self.workers.living().filter(|(id, _)| is_for(id)).peekable();
        let is_act = given.kind.sort() == Sort::Act && living.peek().is_some();
        if is_act && !living.any(|(_, worker)| worker.can(command)) {
            let producers = self.workers.living().map(|(id, _)| id.clone()).collect();
            return Err(ControlError::NobodyObeys { command, producers });
        }
        Ok(target)
    }

    /// The target with the producer of a test.
    fn name_target(&self, given: &GivenCommand, observed: &Observed) -> Result<Option<CommandTarget>, ControlError> {
        let living: Vec<&Arc<str>> = self.workers.living().map(|(id, _)| id).collect();
        let names = || living.iter().map(|id| (*id).clone()).collect();
        let Some(target) = &given.target else {
            let able = |(_, worker): &(&Arc<str>, &Worker)| worker.can(given.kind.as_str());
            let needs_one = given.kind.sort() == Sort::Act && self.workers.living().filter(able).count() > 1;
            return if needs_one { Err(ControlError::TargetNeeded { producers: names() }) } else { Ok(None) };
        };
        let mut target = target.clone();
        let unknown = || ControlError::TargetUnknown { producers: names() };
        if target.test_id.is_some() {
            target.producer = match (&observed.producer, living.as_slice()) {
                (Some(producer), _) if self.workers.may_obey(producer) => Some(producer.clone()),
                (None, [only]) => Some((*only).clone()),
                (None, []) if self.workers.is_empty() => None,
                _ => return Err(unknown()),
            };
            return Ok(Some(target));
        }
        if target.producer().is_some_and(|producer| !self.workers.may_obey(producer)) {
            return Err(unknown());
        }
        let slots = target.slot.as_ref().and_then(|slot| Some((slot.slot, self.workers.get(&slot.producer)?.slots?)));
        match slots {
            Some((slot, slots)) if slot >= slots => Err(unknown()),
            _ => Ok(Some(target)),
        }
    }
}
