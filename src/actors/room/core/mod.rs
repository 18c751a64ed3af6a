//! The rules of a room, as a state machine without I/O: [`RoomInput`] in, [`RoomEffect`]s out.
//!
//! The core has no clock (the time comes with each input), no socket, no timer and no randomness of its own. [`Room`]
//! feeds it messages and performs its effects with actix, the journal and the bridge; `tests/sim` feeds it and performs
//! them with a scheduler of its own. So what the simulator proves is the code that the server runs. Answers to requests
//! leave through the reply handles that the requests brought; the core only passes these on.
//!
//! Effects go into a buffer that whoever drives the core keeps, and are performed in order. An effect that may fail (a
//! bounded send) is assumed to succeed; when it does not, its failure is the core's next input, before anything else
//! is.
//!
//! [`Room`]: super::Room

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::actors::messages::room::{Publish, PublishError, Read, ReadError, Reclaim, WaitForControl, WaitForEvents};
use crate::control::ControlLimits;
use crate::protocol::close::CloseReason;
use crate::protocol::{ProducerId, RunId};
use crate::storage::journal::{Head, JournalError, RunPhase};

mod append;
mod append_queue;
mod backlog;
mod broadcasters;
mod catalog_updates;
mod control_fold;
mod control_waits;
mod deciding;
mod effect;
mod folding;
mod following;
mod frame_outcome;
mod input;
mod log;
mod pending_steer;
mod reading;
mod reorder_buffer;
mod resolve;
mod retiring;
mod screens;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_deciding;
#[cfg(test)]
mod tests_of_storing;

use append::InFlight;
use append_queue::AppendQueue;
use broadcasters::Broadcasters;
use catalog_updates::CatalogUpdates;
pub use control_fold::JournalTime;
use deciding::Deciding;
pub use effect::{HeadFor, PageFor, RoomEffect, RoomEffects, RoomTimer, UpdateSource};
use folding::Folding;
use following::Following;
pub use frame_outcome::{FrameKept, FrameOutcome, FrameShown};
pub use input::{RoomInput, StateText};
pub use log::RoomLog;
use reading::PendingReads;
use retiring::Retirement;
use screens::KeptScreens;
pub use screens::ScreenLimits;

/// Long polls that may wait in one room.
const MAX_WAITS: usize = 10_000;
/// Pause before the journal, or the bridge, is asked again after a failure.
const RETRY: Duration = Duration::from_millis(250);

/// A room's bounds.
#[derive(Clone, Debug)]
pub struct RoomLimits {
    /// Bytes of recent segments; pages of the past may hold eight times as many.
    pub ring_bytes: usize,
    /// Bytes of one page read from the journal.
    pub page_bytes: usize,
    /// Bytes of posts that may wait.
    pub queue_bytes: usize,
    /// How long an append may take, its repetitions included.
    pub append_timeout: Duration,
    /// How long an unused room stays.
    pub idle: Duration,
    /// Requests to steer the run that may wait to be decided.
    pub max_waiting: usize,
    /// Bounds and times of the run's screens.
    pub screens: ScreenLimits,
    /// Bounds and times of the run's control.
    pub control: Arc<ControlLimits>,
}

/// The state machine of a room.
pub struct RoomCore {
    run: RunId,
    limits: RoomLimits,
    /// How long what is missing before a notice may still come by itself; `None` where no other node stores.
    reorder: Option<Duration>,
    /// When the input that is being handled came.
    now: Instant,
    /// When the room was last used.
    used_at: Instant,
    log: RoomLog,
    append_queue: AppendQueue,
    in_flight: Option<InFlight>,
    reading: PendingReads,
    /// The head is being read again.
    looking: bool,
    /// The journal did not tell the head when it was last asked.
    head_missing: bool,
    /// Long polls; at most [`MAX_WAITS`].
    waits: Vec<WaitForEvents>,
    /// Long polls for control events; at most [`MAX_WAITS`].
    control_waits: Vec<WaitForControl>,
    broadcasters: Broadcasters,
    screens: KeptScreens,
    folding: Folding,
    deciding: Deciding,
    following: Following,
    catalog_updates: CatalogUpdates,
    retirement: Retirement,
    /// Why viewers are closed when the room ends.
    ending: CloseReason,
}

impl RoomCore {
    /// The core of one generation of a run's room, to be given [`RoomInput::Started`] first. `own` numbers the posts
    /// that no producer numbered. `reorder`: how long what is missing before another node's notice may still come by
    /// itself; `None` where no other node stores.
    pub fn new(run: RunId, limits: RoomLimits, own: ProducerId, reorder: Option<Duration>, now: Instant) -> Self {
        Self {
            log: RoomLog::new(limits.ring_bytes),
            append_queue: AppendQueue::new(limits.queue_bytes, own),
            folding: Folding::new(run.clone()),
            deciding: Deciding::new(&limits),
            screens: KeptScreens::new(limits.screens.clone()),
            run,
            limits,
            reorder,
            now,
            used_at: now,
            in_flight: None,
            reading: PendingReads::default(),
            looking: false,
            head_missing: false,
            waits: Vec::new(),
            control_waits: Vec::new(),
            broadcasters: Broadcasters::default(),
            following: Following::default(),
            catalog_updates: CatalogUpdates::default(),
            retirement: Retirement::default(),
            ending: CloseReason::TryAgain,
        }
    }

    /// What is known of the run's log.
    pub fn log(&self) -> &RoomLog {
        &self.log
    }

    /// Bytes of segments, of the state and of the control's.
    pub fn held_bytes(&self) -> usize {
        self.log.held_bytes() + self.folding.held_bytes() + self.deciding.fold.held_bytes()
    }

    /// Requests to steer the run that have not been answered.
    pub fn undecided(&self) -> usize {
        self.deciding.waiting()
    }

    /// When the room was last used.
    pub fn used_at(&self) -> Instant {
        self.used_at
    }

    /// Handles what has happened at `now`; what is to be done about it is added to `effects`.
    pub fn on(&mut self, input: RoomInput, now: Instant, effects: &mut RoomEffects) {
        self.now = now;
        let Some(input) = self.retirement.hold(input) else { return };
        self.handle(input, effects);
    }

    fn handle(&mut self, input: RoomInput, effects: &mut RoomEffects) {
        match input {
            RoomInput::Started => self.started(effects),
            RoomInput::Publish(request) => self.take_publish(request, effects),
            RoomInput::Read(read) => self.take_read(read, effects),
            RoomInput::Wait(wait) => self.take_wait(wait, effects),
            RoomInput::Fold(fold) => self.take_fold(fold, effects),
            RoomInput::Steer(steer) => self.take_steer(steer, effects),
            RoomInput::WaitForControl(wait) => self.take_wait_for_control(wait, effects),
            RoomInput::Show(show) => self.take_frame(show, effects),
            RoomInput::Subscribe(broadcaster) => self.subscribe(broadcaster, effects),
            RoomInput::Unsubscribe(broadcaster) => self.unsubscribe(broadcaster, effects),
            RoomInput::Reclaim(what) => self.reclaim(what, effects),
            RoomInput::RemoteUpdate(update) => self.take_remote_update(update, effects),
            RoomInput::Head(purpose, head) => self.take_head(purpose, head, effects),
            RoomInput::Appended(outcome) => self.appended(outcome, effects),
            RoomInput::Page(PageFor::Readers, page) => self.take_past(page, effects),
            RoomInput::Page(PageFor::Hole, page) => self.take_missing(page, effects),
            RoomInput::Page(PageFor::State, page) => self.take_page_to_fold(page, effects),
            RoomInput::Page(PageFor::Control, page) => self.take_control_page(page, effects),
            RoomInput::Time(time) => self.time_told(time, effects),
            RoomInput::PermitTaken => self.permit_taken(effects),
            RoomInput::StateWritten(text) => self.state_written(text, effects),
            RoomInput::RetireAnswered(agreed) => self.retire_answered(agreed, effects),
            RoomInput::BroadcasterFull(broadcaster) => self.broadcasters.fell_behind(broadcaster, effects),
            RoomInput::FramesMissed(broadcaster) => self.broadcasters.missed_frames(broadcaster, effects),
            RoomInput::BroadcasterEnded(broadcaster) => self.broadcasters.remove(broadcaster),
            RoomInput::BridgeRefused => self.bridge_refused(effects),
            RoomInput::CatalogRefused => self.catalog_updates.put_off(effects),
            RoomInput::TimerDue(timer) => self.timer_due(timer, effects),
        }
    }

    /// The room ends, however that came: its run is let go, its broadcasters are ended. Adds nothing but
    /// [`RoomEffect::Follow`] and [`RoomEffect::Evict`].
    pub fn end(&mut self, effects: &mut RoomEffects) {
        self.let_go(effects);
        self.broadcasters.evict_all(self.ending, effects);
    }

    fn started(&mut self, effects: &mut RoomEffects) {
        self.touch();
        effects.push_back(RoomEffect::AskHead(HeadFor::Start));
        self.await_idle_check(effects);
    }

    fn timer_due(&mut self, timer: RoomTimer, effects: &mut RoomEffects) {
        match timer {
            RoomTimer::LoadHead => effects.push_back(RoomEffect::AskHead(HeadFor::Start)),
            RoomTimer::LookAgain => effects.push_back(RoomEffect::AskHead(HeadFor::Repair)),
            RoomTimer::RepeatAppend => self.repeat_append(effects),
            RoomTimer::Nudge => self.nudge(effects),
            RoomTimer::FillHole => self.fill_hole(effects),
            RoomTimer::Follow => self.update_following(effects),
            RoomTimer::Record => self.record_due(effects),
            RoomTimer::Decide => self.decide_due(effects),
            RoomTimer::ExpireFrames => self.expire_frames(effects),
            RoomTimer::CheckIdle => self.check_idle(effects),
            RoomTimer::Farewell => effects.push_back(RoomEffect::Stop),
        }
    }

    /// The room is used.
    fn touch(&mut self) {
        self.used_at = self.now;
    }

    fn take_head(&mut self, purpose: HeadFor, head: Result<Head, JournalError>, effects: &mut RoomEffects) {
        match purpose {
            HeadFor::Start => self.head_loaded(head, effects),
            HeadFor::Repair => self.head_repaired(head, effects),
            HeadFor::Readers => self.consulted(head, effects),
        }
    }

    /// The journal has told where the log ends, behind whatever a former generation of this room had in flight.
    fn head_loaded(&mut self, head: Result<Head, JournalError>, effects: &mut RoomEffects) {
        match head {
            Ok(head) => {
                self.head_missing = false;
                self.log.learn(head);
                self.catalog_updates.begin(&self.log);
                if self.is_gone() {
                    // Nothing will ever come: viewers that have everything would wait for good.
                    self.broadcasters.evict_all(CloseReason::Gone, effects);
                    self.update_following(effects);
                }
                self.tell_tip(effects);
                self.end_waits(effects);
                self.end_control_waits(effects);
                self.launch_append(effects);
                self.serve_reads(effects);
                self.fold_on(effects);
                self.decide_on(effects);
            }
            Err(error) => {
                // Logged once: the journal may be away for long.
                if !std::mem::replace(&mut self.head_missing, true) {
                    warn!(run = %self.run, %error, "the journal did not tell the run's head");
                }
                self.refuse_queued(&error, effects);
                self.fail_reads(&error, effects);
                self.deciding.fail_all(&error, effects);
                effects.push_back(RoomEffect::Start(RoomTimer::LoadHead, RETRY));
            }
        }
    }

    fn take_publish(&mut self, request: Publish, effects: &mut RoomEffects) {
        if self.retirement.is_retired() {
            return effects.push_back(RoomEffect::AnswerPublish(request.reply, Err(PublishError::Retired)));
        }
        self.touch();
        if !self.append_queue.has_room_for(&request) {
            return append::refuse(request, &JournalError::Saturated, effects);
        }
        self.append_queue.push(request);
        self.launch_append(effects);
    }

    fn take_read(&mut self, read: Read, effects: &mut RoomEffects) {
        if self.retirement.is_retired() {
            return effects.push_back(RoomEffect::AnswerRead(read.reply, Err(ReadError::Retired)));
        }
        self.touch();
        self.reading.wait(read);
        self.serve_reads(effects);
    }

    fn take_wait(&mut self, wait: WaitForEvents, effects: &mut RoomEffects) {
        self.touch();
        self.forget_given_up_waits();
        if self.log.head().is_some() && !self.log.ends_at(wait.after) {
            effects.push_back(RoomEffect::EndWaits(vec![wait.reply]));
        } else if self.waits.len() < MAX_WAITS && !self.retirement.is_retired() {
            self.waits.push(wait);
            self.update_following(effects);
        }
    }

    fn forget_given_up_waits(&mut self) {
        self.waits.retain(|wait| !wait.is_given_up());
        self.control_waits.retain(|wait| !wait.is_given_up());
    }

    fn subscribe(&mut self, broadcaster: u64, effects: &mut RoomEffects) {
        self.touch();
        if self.retirement.is_retired() {
            return effects.push_back(RoomEffect::Evict(broadcaster, CloseReason::TryAgain));
        }
        self.broadcasters.add(broadcaster, &self.screens.all(), effects);
        self.update_following(effects);
        if self.log.head().is_some() {
            self.tell_tip(effects);
        }
    }

    fn unsubscribe(&mut self, broadcaster: u64, effects: &mut RoomEffects) {
        self.touch();
        self.broadcasters.remove(broadcaster);
        self.update_following(effects);
    }

    fn reclaim(&mut self, what: Reclaim, effects: &mut RoomEffects) {
        match what {
            Reclaim::Memory => {
                self.log.free();
                self.folding.free(&self.run);
                self.deciding.free();
            }
            Reclaim::Slot => self.retire_if_unused(effects),
            Reclaim::Expired => {
                self.screens.clear();
                self.learn_anew(effects);
            }
        }
    }

    /// Ends the long polls that stand elsewhere than where the log ends.
    fn end_waits(&mut self, effects: &mut RoomEffects) {
        let log = &self.log;
        let ended: Vec<_> = self.waits.extract_if(.., |wait| !log.ends_at(wait.after)).map(|wait| wait.reply).collect();
        if !ended.is_empty() {
            effects.push_back(RoomEffect::EndWaits(ended));
        }
    }

    fn tell_tip(&mut self, effects: &mut RoomEffects) {
        self.broadcasters.tell(self.log.tip_is(), effects);
    }

    fn nudge(&mut self, effects: &mut RoomEffects) {
        self.broadcasters.nudge(self.log.tip_is(), &self.screens.all(), effects);
    }

    /// Whether the run's events have expired.
    fn is_gone(&self) -> bool {
        self.log.head().is_some_and(|head| head.phase == RunPhase::Gone)
    }
}
