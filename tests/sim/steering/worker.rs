//! A worker that only posts and polls: it joins, obeys commands, claims acts, reports what became of them, asks, and
//! crashes, after which another takes its place.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use runcast::actors::messages::room::{Numbered, Publish, PublishError, Published};
use runcast::actors::room::core::RoomInput;
use runcast::budget::{Budget, Held};
use runcast::control::{Answer, ClaimAnswer, ClaimRequest, Commands, ControlRequest, PollRequest, Sign};
use runcast::protocol::event::EventBatch;
use runcast::protocol::event::stamp::{Stamp, StampKind};
use runcast::protocol::status::RunStatus;
use runcast::protocol::{Cursor, Lines, ProducerId};
use runcast::storage::journal::{OnGap, Refusal, RunPhase};
use serde_json::{Value, json};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::fold::limits;
use super::question::{Ended, Question};
use super::signs::Signs;
use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::Store;
use crate::surroundings::Sent;
use crate::trace::{say, seen};

/// What it obeys.
const CAN: &[&str] =
    &["pause", "resume", "cancel", "hold", "update_instructions", "step", "manual_action", "replay_step"];

/// Who has done which act, by the claims under which they did it.
pub(crate) type Done = BTreeMap<Arc<str>, Vec<Cursor>>;

/// An event to be posted.
#[derive(Clone)]
struct Report {
    event: Value,
    kind: StampKind,
    due_ms: Option<i64>,
}

type Answers = oneshot::Receiver<Result<Published, PublishError>>;

/// An act that is being claimed.
struct Claiming {
    request: Arc<ControlRequest>,
    command_id: Arc<str>,
    waiting: Option<Question>,
}

/// See the module.
pub(crate) struct Worker {
    index: usize,
    id: ProducerId,
    lives: usize,
    made: u64,
    next_n: u64,
    /// What it has yet to post, in order; the first is under way while `waiting`.
    reports: Vec<Report>,
    waiting: Option<Answers>,
    polling: Option<Question>,
    claiming: Option<Claiming>,
    /// Acts that it has heard of and not claimed.
    heard: Vec<Arc<str>>,
    /// Those that it knows of: it never does one twice.
    known: HashSet<Arc<str>>,
    acknowledged: Option<Cursor>,
    left: bool,
    /// It hears no more: the run takes no events.
    pub(crate) over: bool,
    held: Arc<Held>,
}

fn name(index: usize, lives: usize) -> ProducerId {
    let name = if lives == 0 { format!("w{index}") } else { format!("w{index}-{lives}") };
    ProducerId::parse(&name).expect("a good id")
}

impl Worker {
    pub(crate) fn new(index: usize) -> Self {
        Self::alive(index, 0)
    }

    fn alive(index: usize, lives: usize) -> Self {
        let mut worker = Self {
            index,
            id: name(index, lives),
            lives,
            made: 0,
            next_n: 1,
            reports: Vec::new(),
            waiting: None,
            polling: None,
            claiming: None,
            heard: Vec::new(),
            known: HashSet::new(),
            acknowledged: None,
            left: false,
            over: false,
            held: Arc::new(Budget::new(usize::MAX).hold()),
        };
        let joined = json!({ "type": "worker", "state": "joined", "slots": 1, "can": CAN });
        worker.report(joined, StampKind::Joined(None), Some(limits().silent_ms));
        worker
    }

    /// It dies with all that it knows; another takes its place.
    pub(crate) fn crash(&mut self) {
        seen("worker crashed");
        *self = Self { over: self.over, ..Self::alive(self.index, self.lives + 1) };
    }

    pub(crate) fn name(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn producer(&self) -> Arc<str> {
        self.id.as_str().into()
    }

    pub(crate) fn sign(&self) -> Sign {
        Sign::Producer(self.producer())
    }

    pub(crate) fn is_done(&self) -> bool {
        self.over
            || (self.reports.is_empty()
                && self.waiting.is_none()
                && self.polling.is_none()
                && self.claiming.is_none()
                && self.heard.is_empty())
    }

    fn report(&mut self, mut event: Value, kind: StampKind, due_ms: Option<i64>) {
        self.made += 1;
        event["mark"] = format!("{}-{}", self.id.as_str(), self.made).into();
        self.reports.push(Report { event, kind, due_ms });
    }

    /// Thinks of something to say; a question that it asks.
    pub(crate) fn think(&mut self, dice: &mut Dice) -> Option<String> {
        if self.left || self.over || self.reports.len() > 3 {
            return None;
        }
        let status = |status: RunStatus| json!({ "type": "run_status", "status": status });
        match dice.below(14) {
            0..2 => {
                let ask = format!("ask-{}-{}", self.id.as_str(), self.made);
                let (secs, action) = (dice.between(5, 8), *dice.pick(&["fail", "skip", "continue", "wait"]));
                let event = json!({
                    "type": "ai_stuck", "askId": ask, "reason": "stuck", "message": "which one?", "needs": "text",
                    "expiresInSecs": secs, "onTimeout": { "action": action },
                });
                let expires_ms = secs as i64 * 1_000;
                self.report(event, StampKind::Ask { expires_ms, sent_at: None }, Some(expires_ms));
                return Some(ask);
            }
            4 => self.report(status(RunStatus::Running), StampKind::RunStatus(RunStatus::Running), None),
            5 if dice.one_in(3) => {
                self.left = true;
                let due = Some(limits().shard_wait_ms);
                self.report(status(RunStatus::Passed), StampKind::RunStatus(RunStatus::Passed), due);
            }
            6 if dice.one_in(4) => {
                self.left = true;
                let due = Some(limits().shard_wait_ms);
                self.report(json!({ "type": "worker", "state": "left" }), StampKind::Left, due);
            }
            _ => {}
        }
        None
    }

    /// Posts what it has to say next, or again.
    pub(crate) fn post(&mut self, node_rooms: &mut NodeRooms) {
        let Some(Report { event, kind, due_ms }) =
            self.reports.first().filter(|_| self.waiting.is_none() && !self.over)
        else {
            return;
        };
        let line = serde_json::to_vec(event).expect("it is JSON");
        let status = match kind {
            StampKind::RunStatus(status) => Some(*status),
            _ => None,
        };
        let stamps = Arc::from([Stamp { index: 0, kind: kind.clone(), due_ms: *due_ms }]);
        let batch = EventBatch { lines: Lines::from_stored(line.into()), status, stamps };
        let numbered = Numbered { producer: self.id.clone(), n: self.next_n, on_gap: OnGap::Announce };
        let (reply, answer) = oneshot::channel();
        let request = Publish::from_producer(batch, Some(numbered), Instant::now(), self.held.clone(), reply);
        let generation = node_rooms.find_room().generation;
        if node_rooms.post(generation, RoomInput::Publish(request)) == Sent::Taken {
            self.waiting = Some(answer);
        }
    }

    fn take_posted(&mut self, store: &Store) -> bool {
        let Some(mut answer) = self.waiting.take() else { return false };
        match answer.try_recv() {
            Err(TryRecvError::Empty) => {
                self.waiting = Some(answer);
                return false;
            }
            Ok(Ok(published)) => {
                store.tell(published.control.cursor);
                self.next_n += 1;
                self.reports.remove(0);
            }
            Ok(Err(PublishError::Refused(Refusal::RunSealed | Refusal::RunGone { .. }))) => self.over = true,
            Ok(Err(_)) | Err(TryRecvError::Closed) => seen("report repeated"),
        }
        true
    }

    pub(crate) fn poll(&mut self, node_rooms: &mut NodeRooms, store: &Store, dice: &mut Dice) {
        if self.polling.is_some() || self.over {
            return;
        }
        let after = self.acknowledged.filter(|_| !dice.one_in(4));
        let max_bytes = dice.between(1, 4_000);
        let request = ControlRequest::Poll(PollRequest { producer: Some(self.producer()), after, max_bytes });
        let at_least = self.acknowledged.filter(|_| dice.one_in(2));
        self.polling = Question::ask(Arc::new(request), at_least, node_rooms, store);
    }

    /// Whether it has heard of an act that it has not claimed, or is not sure of.
    pub(crate) fn may_claim(&self) -> bool {
        self.claiming.is_some() || !self.heard.is_empty()
    }

    /// Claims the next act that it has heard of, or asks again for the one that it is not sure of.
    pub(crate) fn claim(&mut self, node_rooms: &mut NodeRooms, store: &Store, dice: &mut Dice) {
        if self.over {
            return;
        }
        if self.claiming.is_none() && !self.heard.is_empty() {
            let command_id = self.heard.remove(0);
            let key_hash = format!("{:016x}", dice.next()).into();
            let claim = ClaimRequest { command_id: command_id.clone(), producer: self.producer(), key_hash };
            self.claiming =
                Some(Claiming { request: Arc::new(ControlRequest::Claim(claim)), command_id, waiting: None });
        }
        let Some(claiming) = self.claiming.as_mut().filter(|claiming| claiming.waiting.is_none()) else { return };
        claiming.waiting = Question::ask(claiming.request.clone(), None, node_rooms, store);
    }

    pub(crate) fn lose_answer(&mut self) {
        self.waiting = None;
        self.polling = None;
        if let Some(claiming) = &mut self.claiming {
            claiming.waiting = None;
        }
    }

    /// Reads what has come.
    pub(crate) fn take(
        &mut self,
        node_rooms: &mut NodeRooms,
        store: &Store,
        signs: &Signs,
        done: &mut Done,
        dice: &mut Dice,
    ) -> bool {
        let mut moved = self.take_posted(store);
        if let Some(question) = self.polling.take() {
            match question.take(node_rooms, store, signs, dice) {
                Err(question) => self.polling = Some(question),
                Ok(ended) => {
                    moved = true;
                    if let Ended::Answered(Answer::Commands(commands), _) = ended {
                        self.hear(&commands, store);
                    }
                }
            }
        }
        let waiting = self.claiming.as_mut().and_then(|claiming| claiming.waiting.take());
        if let (Some(question), Some(claiming)) = (waiting, &mut self.claiming) {
            match question.take(node_rooms, store, signs, dice) {
                Err(question) => claiming.waiting = Some(question),
                Ok(Ended::Again) => moved = true,
                Ok(Ended::Refused(_)) => {
                    moved = true;
                    self.claiming = None;
                }
                Ok(Ended::Answered(answer, _)) => {
                    moved = true;
                    let command_id = claiming.command_id.clone();
                    self.claiming = None;
                    if let Answer::Claim(claim) = answer {
                        self.perform(command_id, &claim, store, done, dice);
                    }
                }
            }
        }
        moved
    }

    /// Does an act that is its own now, and says so.
    fn perform(&mut self, id: Arc<str>, claim: &ClaimAnswer, store: &Store, done: &mut Done, dice: &mut Dice) {
        say!("    {} does {id} under {}", self.id.as_str(), claim.claim);
        seen("act claimed");
        let before = done.entry(id.clone()).or_default();
        for earlier in before.iter() {
            assert!(!store.holds(*earlier), "{id} is done twice: under {earlier} and {}", claim.claim);
        }
        before.push(claim.claim);
        let status = *dice.pick(&["done", "done", "failed"]);
        let event =
            json!({ "type": "command_status", "commandId": &*id, "status": status, "claim": claim.claim.to_string() });
        self.report(event, StampKind::CommandStatus, None);
    }

    fn hear(&mut self, commands: &Commands, store: &Store) {
        seen(if commands.commands.is_empty() { "poll empty" } else { "commands heard" });
        if commands.reset {
            seen("poll reset");
        }
        self.check_complete(commands, store);
        for entry in &commands.commands {
            let event: Value = serde_json::from_str(entry.event.get()).expect("an event is JSON");
            let Some(id) = event["commandId"].as_str().map(Arc::<str>::from) else { continue };
            if !self.known.insert(id.clone()) {
                continue;
            }
            match event["type"].as_str().unwrap_or_default() {
                "step_requested" | "action_queued" | "replay_step_requested" => self.heard.push(id),
                "pause_requested" | "resume_requested" | "hold_requested" | "instructions_updated" => {
                    let event = json!({ "type": "command_status", "commandId": &*id, "status": "done" });
                    self.report(event, StampKind::CommandStatus, None);
                }
                _ => {}
            }
        }
        self.acknowledged = commands.cursor;
    }

    /// Whatever is queued for it alone and behind what it has acknowledged is there.
    fn check_complete(&self, commands: &Commands, store: &Store) {
        if store.head().phase != RunPhase::Live {
            return; // Nothing is queued any more in a run that is sealed.
        }
        let (Some(end), false) = (commands.cursor, commands.more) else { return };
        let told: Vec<_> = commands.commands.iter().map(|entry| entry.cursor).collect();
        let mut open = BTreeMap::new();
        for cursor in store.control_upto(end) {
            let Some(event) = end.epoch.and_then(|epoch| store.event(epoch, cursor.seq)) else { continue };
            let Ok(event) = serde_json::from_slice::<Value>(event) else { continue };
            let id = event["commandId"].as_str().unwrap_or_default().to_owned();
            match event["type"].as_str().unwrap_or_default() {
                "action_queued" | "step_requested" if event["target"]["producer"] == self.id.as_str() => {
                    open.insert(id, cursor);
                }
                "command_status" | "command_expired" => _ = open.remove(&id),
                "command_withdrawn" => _ = open.remove(event["withdraws"].as_str().unwrap_or_default()),
                "worker" | "producer_status" | "run_status" | "control_reset" => open.clear(),
                _ => {}
            }
        }
        for (id, cursor) in open {
            let is_new = self.acknowledged.is_none_or(|acknowledged| cursor.seq > acknowledged.seq);
            let event = end.epoch.and_then(|epoch| store.event(epoch, cursor.seq)).map(|event| event.to_vec());
            let event: Value = serde_json::from_slice(&event.unwrap_or_default()).unwrap_or_default();
            let is_over = event["expiresAt"].as_str().is_none_or(|at| at <= store.wall().to_string().as_str());
            assert!(
                !is_new || is_over || told.contains(&cursor),
                "{id} is queued for {} and not told",
                self.id.as_str()
            );
        }
    }
}
