//! What a producer is told: what it has to obey, the most urgent first.

use std::collections::HashSet;

use crate::control::fold::{ControlState, JsonText, KeptCommand};
use crate::control::kind::Sort;
use crate::control::{Answer, CommandEntry, CommandKind, CommandState, Commands, Decision, Facts, PollRequest};
use crate::protocol::event::stamp::ANONYMOUS;
use crate::protocol::{Cursor, Seq};

use super::command::millis_until;
use super::has_ended;

/// Bytes around an event in the answer.
const AROUND: usize = 96;

/// Something to be told, and how urgent it is.
struct Told<'a> {
    /// 0 is the most urgent.
    rank: u8,
    cursor: Cursor,
    left_ms: Option<i64>,
    event: &'a JsonText,
}

impl ControlState {
    pub(super) fn decide_poll(&self, request: &PollRequest, facts: &Facts<'_>) -> Decision {
        let producer = request.producer.as_deref().unwrap_or(ANONYMOUS);
        let known =
            |after: Cursor| self.cursor().is_some_and(|cursor| cursor.epoch == after.epoch && after.seq <= cursor.seq);
        let is_now = |after: Cursor| after.epoch.is_none() || after.epoch == facts.epoch;
        let is_of_today = |after: Cursor| known(after) || (is_now(after) && after.seq <= facts.tip);
        let lost = request
            .after
            .is_some_and(|after| after.seq > 0 && (!is_of_today(after) || self.notices.lacks_behind(after)));
        let after = request.after.filter(|_| !lost);
        let mut told = match has_ended(facts) {
            true => Vec::new(),
            false => self.told(producer, after, facts),
        };
        told.extend(self.notices(producer, after));
        told.sort_by_key(|told| (told.rank, told.cursor.seq));
        let mut bytes = 0;
        let fits = told.iter().take_while(|told| {
            let is_first = bytes == 0;
            bytes += told.event.len() + AROUND;
            is_first || bytes <= request.max_bytes
        });
        let fits = fits.count();
        let (given, left) = told.split_at(fits);
        let first_left = left.iter().map(|told| told.cursor.seq).min();
        let entries = given.iter().filter_map(|told| {
            Some(CommandEntry { cursor: told.cursor, left_ms: told.left_ms, event: told.event.raw()? })
        });
        // Whoever acknowledges this has not seen what is left.
        let end = self.cursor().map(|end| match first_left {
            Some(seq) => Cursor { epoch: end.epoch, seq: seq.saturating_sub(1) },
            None => end,
        });
        let worker = self.workers.get(producer).filter(|worker| worker.is_living());
        Decision::Answer(Answer::Commands(Commands {
            commands: entries.collect(),
            more: first_left.is_some(),
            cursor: end,
            reset: lost,
            variant: worker.and_then(|worker| worker.variant.as_ref()?.renamed().cloned()),
        }))
    }

    /// Commands that are open for a producer.
    fn told(&self, producer: &str, after: Option<Cursor>, facts: &Facts<'_>) -> Vec<Told<'_>> {
        let worker = self.workers.get(producer);
        if !self.workers.may_obey(producer) {
            return Vec::new();
        }
        let wanted = |command: &&KeptCommand| {
            after.is_none_or(|after| command.cursor.seq > after.seq)
                && command.is_for(producer, &self.asks)
                && worker.is_none_or(|worker| command.kind.sort() == Sort::Word || worker.can(command.kind.as_str()))
        };
        let replaced = self.replaced_for(producer);
        let open = self.commands.kept().filter(wanted).filter(|command| match command.kind.sort() {
            Sort::State => {
                let is_obeyed = command.reports.get(producer).is_some_and(|state| state.is_final());
                command.stands && !is_obeyed && !replaced.contains(&command.cursor.seq) && {
                    // What was resumed before it joined, it never paused for.
                    let joined = worker.map_or(0, |worker| worker.joined.seq);
                    command.kind != CommandKind::Resume || command.cursor.seq > joined
                }
            }
            // The notice of the answer tells it.
            Sort::Word => false,
            Sort::Act => {
                let is_late = command.expires_at.is_some_and(|at| millis_until(at, facts) <= 0);
                command.state == CommandState::Queued && (facts.holds_time || !is_late)
            }
        });
        let told = open.map(|command| Told {
            rank: match command.kind {
                CommandKind::Cancel => 0,
                CommandKind::Pause => 1,
                CommandKind::Resume => 2,
                _ => 5,
            },
            cursor: command.cursor,
            left_ms: command.expires_at.map(|at| millis_until(at, facts).max(0)),
            event: &command.event,
        });
        told.collect()
    }

    /// The states in whose place a newer one of their kind is for the producer. Instructions that are added take no
    /// other's place.
    fn replaced_for(&self, producer: &str) -> HashSet<Seq> {
        let (mut newer, mut replaced) = (HashSet::new(), HashSet::new());
        for command in self.commands.kept().rev().filter(|command| command.kind.sort() == Sort::State) {
            if newer.contains(&command.group()) {
                replaced.insert(command.cursor.seq);
            } else if command.stands && command.target.is_for(producer) && !command.adds() {
                newer.insert(command.group());
            }
        }
        replaced
    }

    /// What was taken back, and how questions ended.
    fn notices(&self, producer: &str, after: Option<Cursor>) -> impl Iterator<Item = Told<'_>> {
        let notices = self.notices.iter().filter(move |notice| {
            notice.to.is_for(producer) && after.map_or(!notice.is_seen, |after| notice.cursor.seq > after.seq)
        });
        notices.map(|notice| Told {
            rank: if notice.withdraws { 3 } else { 4 },
            cursor: notice.cursor,
            left_ms: None,
            event: &notice.event,
        })
    }
}
