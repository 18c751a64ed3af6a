//! The commands of a run: those that are open or stand, the last that ended, and of all others what became of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use super::json::JsonText;
use super::target::CommandTarget;
use crate::control::kind::{CommandKind, CommandState, Sort};
use crate::protocol::{Cursor, Principal, Timestamp};

/// Commands that have ended and are kept whole.
pub(in crate::control) const MAX_FINISHED: usize = 50;

/// The order in which commands came.
pub(super) type CommandPlace = u64;

/// A command that is kept whole.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::control) struct KeptCommand {
    pub(in crate::control) id: Arc<str>,
    pub(in crate::control) kind: CommandKind,
    pub(in crate::control) cursor: Cursor,
    pub(in crate::control) at: Timestamp,
    pub(in crate::control) by: Principal,
    pub(in crate::control) target: CommandTarget,
    /// Until when an act may be claimed, a secret fetched, a pause last.
    pub(in crate::control) expires_at: Option<Timestamp>,
    pub(in crate::control) state: CommandState,
    /// A state that holds until another takes its place, for producers that join later as well.
    pub(in crate::control) stands: bool,
    pub(in crate::control) claim: Option<ActClaim>,
    /// What producers have reported of a state.
    pub(in crate::control) reports: BTreeMap<Arc<str>, CommandState>,
    pub(in crate::control) detail: Option<Arc<str>>,
    pub(in crate::control) result: Option<JsonText>,
    /// The event with `seq`.
    pub(in crate::control) event: JsonText,
    /// A secret belongs to it.
    pub(in crate::control) has_secret: bool,
    /// The test that a `cancel` is for.
    pub(in crate::control) test_id: Option<Arc<str>>,
    /// The question that it answers or extends.
    pub(in crate::control) ask_id: Option<Arc<str>>,
    /// Instructions that replace the earlier ones; a `hold` that holds.
    pub(in crate::control) is_set: bool,
}

/// Who has claimed an act.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::control) struct ActClaim {
    pub(in crate::control) producer: Arc<str>,
    /// The cursor of the `accepted`.
    pub(in crate::control) cursor: Cursor,
    pub(in crate::control) key_hash: Option<Arc<str>>,
    pub(in crate::control) at: Timestamp,
    /// Until when it is worked on, if the claim says so.
    pub(in crate::control) expires_at: Option<Timestamp>,
}

/// What is known of every command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::control) struct KnownCommand {
    pub(in crate::control) digest: u128,
    pub(in crate::control) cursor: Cursor,
    pub(in crate::control) state: CommandState,
    place: CommandPlace,
}

/// All commands of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::control) struct CommandLedger {
    known: HashMap<u128, KnownCommand>,
    /// Those that are open, or stand. They are shared, so that a copy of the state, on which deadlines are found, is cheap.
    kept: BTreeMap<CommandPlace, Arc<KeptCommand>>,
    /// The last that ended, the oldest first.
    finished: VecDeque<(CommandPlace, Arc<KeptCommand>)>,
    /// Those of them that each control event may change: pauses and holds that stand, and states that are reported of.
    /// The others may be thousands.
    watched: BTreeSet<CommandPlace>,
    next: CommandPlace,
    bytes: usize,
}

/// The key of an id: that of a UUID however it is written.
fn key(id: &str) -> u128 {
    match uuid::Uuid::try_parse(id) {
        Ok(id) => id.as_u128(),
        Err(_) => digest_of(id.as_bytes()),
    }
}

/// 128 bits of the SHA-256 of `bytes`.
pub(in crate::control) fn digest_of(bytes: &[u8]) -> u128 {
    let hashed = digest(&SHA256, bytes);
    hashed.as_ref().iter().take(16).fold(0, |value, byte| value << 8 | u128::from(*byte))
}

impl CommandLedger {
    /// Takes a command; false, and nothing happens, if its id is known.
    pub(super) fn add(&mut self, digest: u128, command: KeptCommand) -> bool {
        let key = key(&command.id);
        if self.known.contains_key(&key) {
            return false;
        }
        let place = self.next;
        self.next += 1;
        self.bytes += command.event.len();
        self.known.insert(key, KnownCommand { digest, cursor: command.cursor, state: command.state, place });
        self.kept.insert(place, command.into());
        self.tidy(place);
        true
    }

    /// What is known of a command.
    pub(in crate::control) fn known(&self, id: &str) -> Option<&KnownCommand> {
        self.known.get(&key(id))
    }

    /// A command that is kept whole.
    pub(in crate::control) fn get(&self, id: &str) -> Option<&KeptCommand> {
        let place = self.known(id)?.place;
        let finished = || self.finished.iter().find(|(found, _)| *found == place).map(|(_, command)| command);
        self.kept.get(&place).or_else(finished).map(Arc::as_ref)
    }

    /// Those that are open or stand, in their order.
    pub(in crate::control) fn kept(&self) -> impl DoubleEndedIterator<Item = &KeptCommand> {
        self.kept.values().map(Arc::as_ref)
    }

    /// Those that wait for producers, in their order.
    pub(in crate::control) fn open(&self) -> impl Iterator<Item = &KeptCommand> {
        self.kept().filter(|command| !command.state.is_final())
    }

    /// The last that ended, in the order in which they were given.
    pub(in crate::control) fn ended(&self) -> Vec<&KeptCommand> {
        let standing = self.kept.iter().filter(|(_, command)| command.state.is_final());
        let mut ended: Vec<_> = standing.chain(self.finished.iter().map(|(place, command)| (place, command))).collect();
        ended.sort_unstable_by_key(|(place, _)| **place);
        let first = ended.len().saturating_sub(MAX_FINISHED);
        ended.split_off(first).into_iter().map(|(_, command)| &**command).collect()
    }

    /// All that are kept whole, in their order.
    pub(super) fn whole(&self) -> impl Iterator<Item = &KeptCommand> {
        let all: BTreeMap<_, _> =
            self.kept.iter().chain(self.finished.iter().map(|(place, command)| (place, command))).collect();
        all.into_values().map(Arc::as_ref)
    }

    /// The last that have ended and do not stand, in the order of their ends.
    pub(super) fn finished(&self) -> impl Iterator<Item = &KeptCommand> {
        self.finished.iter().map(|(_, command)| &**command)
    }

    /// The ids of those that are not kept whole; all ids are UUIDs.
    pub(super) fn used(&self) -> Vec<String> {
        let whole: BTreeSet<_> = self.kept.keys().chain(self.finished.iter().map(|(place, _)| place)).collect();
        let others = self.known.iter().filter(|(_, known)| !whole.contains(&known.place));
        let mut ids: Vec<_> = others.map(|(key, _)| uuid::Uuid::from_u128(*key).hyphenated().to_string()).collect();
        ids.sort_unstable();
        ids
    }

    /// Those that a control event may change which does not name them.
    pub(super) fn watched(&self) -> impl Iterator<Item = (CommandPlace, &KeptCommand)> {
        self.watched.iter().filter_map(|place| Some((*place, self.at(*place)?)))
    }

    pub(super) fn places(&self, wanted: impl Fn(&KeptCommand) -> bool) -> Vec<CommandPlace> {
        self.kept.iter().filter(|(_, command)| wanted(command)).map(|(place, _)| *place).collect()
    }

    pub(super) fn place(&self, id: &str) -> Option<CommandPlace> {
        self.known(id).map(|known| known.place).filter(|place| self.kept.contains_key(place))
    }

    pub(super) fn at(&self, place: CommandPlace) -> Option<&KeptCommand> {
        self.kept.get(&place).map(Arc::as_ref)
    }

    /// Changes a command that is kept whole.
    pub(super) fn change(&mut self, place: CommandPlace, change: impl FnOnce(&mut KeptCommand)) {
        let finished = self.finished.iter_mut().find(|(found, _)| *found == place).map(|(_, command)| command);
        if let Some(command) = self.kept.get_mut(&place).or(finished).map(Arc::make_mut) {
            change(command);
            let (key, state) = (key(&command.id), command.state);
            if let Some(known) = self.known.get_mut(&key) {
                known.state = state;
            }
            self.tidy(place);
        }
    }

    /// The command has ended like this, unless it has ended before.
    pub(super) fn end(&mut self, place: CommandPlace, state: CommandState) {
        self.change(place, |command| {
            if !command.state.is_final() {
                command.state = state;
            }
        });
    }

    /// The command does not stand any more.
    pub(super) fn lay_down(&mut self, place: CommandPlace, state: CommandState) {
        self.change(place, |command| {
            command.stands = false;
            if !command.state.is_final() {
                command.state = state;
            }
        });
    }

    /// One that is neither open nor stands is kept among the last that ended.
    fn tidy(&mut self, place: CommandPlace) {
        match self.at(place).is_some_and(KeptCommand::is_watched) {
            true => self.watched.insert(place),
            false => self.watched.remove(&place),
        };
        if self.kept.get(&place).is_none_or(|command| command.stands || !command.state.is_final()) {
            return;
        }
        let Some(command) = self.kept.remove(&place) else { return };
        self.finished.push_back((place, command));
        if self.finished.len() > MAX_FINISHED
            && let Some((_, dropped)) = self.finished.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(dropped.event.len());
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        let known = self.known.capacity() * (size_of::<KnownCommand>() + 24);
        let known = known + self.watched.len() * 16;
        known + (self.kept.len() + self.finished.len()) * (size_of::<KeptCommand>() + 256) + self.bytes
    }
}

impl KeptCommand {
    fn is_watched(&self) -> bool {
        let rests = self.stands && matches!(self.kind, CommandKind::Pause | CommandKind::Hold);
        rests || (self.kind.sort() == Sort::State && !self.state.is_final() && !self.reports.is_empty())
    }

    /// Whether it is an act, or a secret that is to be fetched like one.
    pub(in crate::control) fn is_claimable(&self) -> bool {
        self.kind.sort() == Sort::Act || (self.kind == CommandKind::Answer && self.has_secret)
    }
}
