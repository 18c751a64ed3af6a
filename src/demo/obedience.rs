//! What the demo's worker was told, and how it obeys. Pure: the commands come from outside, and what is to be posted or
//! claimed for them goes outside.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::question::{ASK_ID, DemoQuestion};
use crate::cli::producer::OpenCommand;
use crate::protocol::{After, Cursor, Timestamp};

/// The commands that it obeys.
const CAN: [&str; 5] = ["pause", "resume", "step", "cancel", "update_instructions"];

/// The variant of the recorded tests, and how many of them ran at a time.
pub(super) const VARIANT: &str = "linux";
pub(super) const SLOTS: usize = 2;

/// How long the question waits for an answer: while somebody watches, and while nobody does.
const ASK_SECS: u64 = 60;
const UNWATCHED_ASK_SECS: u64 = 15;

/// The stream of what it says itself.
const OWN_STREAM: &str = "worker";

/// Most ids of commands that it remembers, so as to do nothing twice.
const MAX_ACTED: usize = 1_000;

/// How much longer than the server it waits by its own clock, before it goes on without having been told.
const GRACE: Duration = Duration::from_secs(10);

/// What is to be done about a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reaction {
    /// Nothing: it is known, or changes nothing.
    Nothing,
    /// These events are to be posted.
    Post(Vec<Value>),
    /// It is to be claimed first.
    Claim(String),
}

/// A step that was claimed and is not done yet.
#[derive(Clone, Debug)]
struct ClaimedStep {
    command: String,
    claim: String,
}

/// What the worker was told so far.
#[derive(Debug, Default)]
pub(super) struct Obedience {
    /// When it goes on by its own clock; `None` unless it is paused.
    paused_until: Option<Instant>,
    /// The newest pause or resume that it obeys: an older one changes nothing.
    state_at: Option<Cursor>,
    step: Option<ClaimedStep>,
    /// When it stops waiting for an answer by its own clock; `None` unless it waits for one.
    asking_until: Option<Instant>,
    is_cancelled: bool,
    acted: VecDeque<String>,
}

impl Obedience {
    /// The event with which it joins the run.
    pub(super) fn join() -> Value {
        json!({"type": "worker", "state": "joined", "slots": SLOTS, "variant": VARIANT, "can": CAN})
    }

    /// The event with which it leaves the run.
    pub(super) fn leave() -> Value {
        json!({"type": "worker", "state": "left"})
    }

    /// What a worker had been told that did not come to the end of its run, by the run's state at the time `at`: it is
    /// `now` then.
    pub(super) fn restored(state: &Value, at: Timestamp, now: Instant) -> Self {
        let until = |end: &Value| {
            let left = Timestamp::parse(end.as_str()?)?.as_millis() - at.as_millis();
            Some(now + Duration::from_millis(left.try_into().unwrap_or(0)) + GRACE)
        };
        let asks = state["asks"].as_array().map(Vec::as_slice).unwrap_or_default();
        let asking_until = asks.iter().find(|ask| ask["askId"] == ASK_ID).and_then(|ask| until(&ask["expiresAt"]));
        Self { paused_until: until(&state["paused"]["until"]), asking_until, ..Self::default() }
    }

    /// Whether an event is the worker's own, and not of the recording.
    pub(super) fn is_own(event: &Value) -> bool {
        match event["type"].as_str() {
            Some("worker" | "command_status" | "ai_stuck") => true,
            Some("log") => event["stream"] == OWN_STREAM,
            Some("run_status") => event["data"].is_null(),
            _ => false,
        }
    }

    /// Its question, for which it waits from now on. `screenshot` is the id of the picture.
    pub(super) fn ask(
        &mut self,
        question: &DemoQuestion,
        screenshot: Option<&str>,
        watched: bool,
        now: Instant,
    ) -> Value {
        let secs = if watched { ASK_SECS } else { UNWATCHED_ASK_SECS };
        self.asking_until = Some(now + Duration::from_secs(secs) + GRACE);
        question.event(screenshot, secs)
    }

    /// Whether the run is to end now.
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// Until when it waits for what it is told next; `None`: it goes on.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        match (self.asking_until, self.paused_until) {
            (Some(asking), Some(paused)) => Some(asking.max(paused)),
            (Some(asking), None) => Some(asking),
            (None, paused) => paused.filter(|_| self.step.is_none()),
        }
    }

    /// It has waited in vain by its own clock, because the server was away: it goes on.
    pub(super) fn go_on_untold(&mut self) {
        self.asking_until = None;
        self.paused_until = None;
    }

    /// Hears a command.
    pub(super) fn hear(&mut self, command: &OpenCommand, now: Instant) -> Reaction {
        let event = &command.event;
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let id = text("commandId");
        match text("type") {
            "ask_answered" if text("askId") == ASK_ID && self.asking_until.take().is_some() => {
                Reaction::Post(vec![log(answered(event))])
            }
            "ask_expired" if text("askId") == ASK_ID && self.asking_until.take().is_some() => {
                Reaction::Post(vec![log("nobody answered: goes on with \"Next page\"".to_owned())])
            }
            _ if id.is_empty() || self.acted.iter().any(|acted| acted == id) => Reaction::Nothing,
            "pause_requested" if self.is_news(&command.cursor) => {
                let secs = event["maxSecs"].as_u64().map(Duration::from_secs);
                let left = command.left_ms.map(Duration::from_millis).or(secs).unwrap_or_default();
                self.paused_until = Some(now + left + GRACE);
                self.done(id, Some("paused"))
            }
            "resume_requested" if self.is_news(&command.cursor) => {
                self.paused_until = None;
                self.done(id, Some("running"))
            }
            "cancel_requested" if event["testId"].is_null() => {
                self.is_cancelled = true;
                self.done(id, None)
            }
            "instructions_updated" => {
                let said = log(format!("{} says: {}", name(event), text("instructions")));
                self.remember(id);
                Reaction::Post(vec![said, report(id, "done", None, None)])
            }
            "cancel_requested" | "hold_requested" => {
                self.remember(id);
                Reaction::Post(vec![report(id, "rejected", None, Some(CANNOT))])
            }
            "step_requested"
            | "run_to_requested"
            | "action_queued"
            | "step_override_queued"
            | "replay_step_requested" => {
                self.remember(id);
                Reaction::Claim(id.to_owned())
            }
            _ => Reaction::Nothing,
        }
    }

    /// It has claimed a command; what is to be posted then.
    pub(super) fn claimed(&mut self, event: &Value, claim: String) -> Option<Value> {
        let id = event["commandId"].as_str().unwrap_or_default();
        let refusal = match event["type"].as_str() {
            Some("step_requested") if self.paused_until.is_some() && self.step.is_none() => {
                self.step = Some(ClaimedStep { command: id.to_owned(), claim });
                return None;
            }
            Some("step_requested") if self.step.is_some() => "it is doing a step already",
            Some("step_requested") => "it is not paused",
            _ => CANNOT,
        };
        Some(report(id, "rejected", Some(&claim), Some(refusal)))
    }

    /// A step of the recording has ended: what is to be posted, if it was asked for.
    pub(super) fn step_ended(&mut self) -> Option<Value> {
        self.step.take().map(|step| report(&step.command, "done", Some(&step.claim), None))
    }

    /// Whether a pause or resume is newer than the one that it obeys; it is obeyed from now on then.
    fn is_news(&mut self, cursor: &str) -> bool {
        let Ok(After::Cursor(cursor)) = After::parse(cursor) else { return false };
        let order = |cursor: Cursor| (cursor.epoch.map(|epoch| epoch.0), cursor.seq);
        let is_news = self.state_at.is_none_or(|known| order(known) < order(cursor));
        if is_news {
            self.state_at = Some(cursor);
        }
        is_news
    }

    /// The command is done, and the run's status is this from now on.
    fn done(&mut self, id: &str, status: Option<&str>) -> Reaction {
        self.remember(id);
        let status = status.map(|status| json!({"type": "run_status", "status": status}));
        Reaction::Post([report(id, "done", None, None)].into_iter().chain(status).collect())
    }

    fn remember(&mut self, id: &str) {
        if self.acted.len() == MAX_ACTED {
            self.acted.pop_front();
        }
        self.acted.push_back(id.to_owned());
    }
}

/// Why it does not do what it can't do.
const CANNOT: &str = "the demo replays a recording: it can pause, step, resume and end, and nothing else";

fn log(text: String) -> Value {
    json!({"type": "log", "stream": OWN_STREAM, "text": text})
}

fn report(id: &str, status: &str, claim: Option<&str>, detail: Option<&str>) -> Value {
    let mut report = json!({"type": "command_status", "commandId": id, "status": status});
    for (member, value) in [("claim", claim), ("detail", detail)] {
        if let Some(value) = value {
            report[member] = value.into();
        }
    }
    report
}

fn name(event: &Value) -> &str {
    event["by"]["name"].as_str().unwrap_or("somebody")
}

fn answered(event: &Value) -> String {
    let choice = match event["candidateId"].as_str() {
        Some("last-page") => "goes on with \"Last page\"",
        Some(_) => "goes on with \"Next page\"",
        None if event["resolution"] == "cancelled" => {
            return format!("{} would not say: goes on as recorded", name(event));
        }
        None => "goes on as it was told",
    };
    format!("{choice}, as {} says", name(event))
}

#[cfg(test)]
mod tests {
    use super::super::screens::bundled_screens;
    use super::*;

    fn command(cursor: &str, event: Value) -> OpenCommand {
        OpenCommand { cursor: cursor.to_owned(), left_ms: None, event }
    }

    fn give(orders: &mut Obedience, seq: u64, name: &str) -> Reaction {
        let event = json!({"type": name, "commandId": format!("c{seq}"), "maxSecs": 60, "by": {"name": "ada"}});
        orders.hear(&command(&format!("1:{seq}"), event), Instant::now())
    }

    fn done(seq: u64, status: &str) -> Reaction {
        let status = json!({"type": "run_status", "status": status});
        Reaction::Post(vec![report(&format!("c{seq}"), "done", None, None), status])
    }

    fn ask(orders: &mut Obedience) -> Value {
        let question = bundled_screens().unwrap().question;
        orders.ask(&question, Some("picture"), true, Instant::now())
    }

    #[test]
    fn what_it_was_told_before_the_server_ended_holds() {
        let (at, now) = (Timestamp::from_millis(1_000), Instant::now());
        let after = |millis: i64| Timestamp::from_millis(1_000 + millis).to_string();
        let none = Obedience::restored(&json!({"paused": null, "asks": []}), at, now);
        assert_eq!(none.waits_until(), None);
        let paused = Obedience::restored(&json!({"paused": {"until": after(5_000)}}), at, now);
        assert_eq!(paused.waits_until(), Some(now + Duration::from_secs(5) + GRACE));
        let asks =
            json!({"asks": [{"askId": "another", "expiresAt": after(9)}, {"askId": ASK_ID, "expiresAt": after(-5)}]});
        assert_eq!(Obedience::restored(&asks, at, now).waits_until(), Some(now + GRACE), "its time is over");
    }

    #[test]
    fn it_pauses_until_it_is_told_and_an_older_word_changes_nothing() {
        let mut orders = Obedience::default();
        assert_eq!(give(&mut orders, 5, "pause_requested"), done(5, "paused"));
        let left = orders.waits_until().unwrap() - Instant::now();
        assert!(left > Duration::from_secs(60) && left <= Duration::from_secs(60) + GRACE, "{left:?}");
        assert_eq!(give(&mut orders, 4, "resume_requested"), Reaction::Nothing, "older");
        assert_eq!(give(&mut orders, 5, "pause_requested"), Reaction::Nothing, "repeated");
        assert_eq!(give(&mut orders, 6, "resume_requested"), done(6, "running"));
        assert_eq!(orders.waits_until(), None);
    }

    #[test]
    fn a_step_is_claimed_and_ends_with_a_step_of_the_recording() {
        let mut orders = Obedience::default();
        let step = |seq| json!({"type": "step_requested", "commandId": format!("c{seq}")});
        assert_eq!(give(&mut orders, 1, "step_requested"), Reaction::Claim("c1".into()));
        let refused = orders.claimed(&step(1), "1:2".into()).unwrap();
        assert_eq!((&refused["status"], &refused["detail"]), (&"rejected".into(), &"it is not paused".into()));
        give(&mut orders, 3, "pause_requested");
        assert_eq!(give(&mut orders, 4, "step_requested"), Reaction::Claim("c4".into()));
        assert_eq!(give(&mut orders, 4, "step_requested"), Reaction::Nothing, "it is claimed once");
        assert_eq!(orders.claimed(&step(4), "1:5".into()), None);
        assert_eq!(orders.waits_until(), None, "it goes on");
        assert_eq!(orders.step_ended().unwrap(), report("c4", "done", Some("1:5"), None));
        assert!(orders.waits_until().is_some() && orders.step_ended().is_none(), "and pauses again");
    }

    #[test]
    fn it_asks_once_and_goes_on_by_the_answer() {
        for (event, said) in [
            (json!({"type": "ask_answered", "candidateId": "last-page"}), "goes on with \"Last page\", as ada says"),
            (json!({"type": "ask_answered", "resolution": "cancelled"}), "ada would not say: goes on as recorded"),
            (json!({"type": "ask_expired", "reason": "timeout"}), "nobody answered: goes on with \"Next page\""),
        ] {
            let mut orders = Obedience::default();
            assert_eq!(ask(&mut orders)["candidates"].as_array().unwrap().len(), 2);
            assert!(orders.waits_until().is_some());
            let mut event = event;
            (event["askId"], event["by"]) = ("another".into(), json!({"name": "ada"}));
            assert_eq!(orders.hear(&command("1:2", event.clone()), Instant::now()), Reaction::Nothing);
            event["askId"] = ASK_ID.into();
            let heard = orders.hear(&command("1:3", event.clone()), Instant::now());
            assert_eq!(heard, Reaction::Post(vec![log(said.to_owned())]));
            assert_eq!(orders.waits_until(), None);
            assert_eq!(orders.hear(&command("1:3", event), Instant::now()), Reaction::Nothing);
        }
    }

    #[test]
    fn it_ends_when_it_is_cancelled_logs_instructions_and_says_what_it_cannot_do() {
        let mut orders = Obedience::default();
        let say = json!({"type": "instructions_updated", "commandId": "i", "instructions": "be quick", "by": {"name": "ada"}});
        let heard = orders.hear(&command("1:1", say), Instant::now());
        assert_eq!(heard, Reaction::Post(vec![log("ada says: be quick".into()), report("i", "done", None, None)]));
        let rejected = |seq: u64| Reaction::Post(vec![report(&format!("c{seq}"), "rejected", None, Some(CANNOT))]);
        assert_eq!(give(&mut orders, 2, "hold_requested"), rejected(2));
        let test = json!({"type": "cancel_requested", "commandId": "c3", "testId": "t"});
        assert_eq!(orders.hear(&command("1:3", test), Instant::now()), rejected(3));
        assert!(!orders.is_cancelled());
        let ended = Reaction::Post(vec![report("c4", "done", None, None)]);
        assert_eq!(give(&mut orders, 4, "cancel_requested"), ended);
        assert!(orders.is_cancelled());
        assert_eq!(give(&mut orders, 5, "action_queued"), Reaction::Claim("c5".into()));
        let click = json!({"type": "action_queued", "commandId": "c5"});
        assert_eq!(orders.claimed(&click, "1:6".into()), Some(report("c5", "rejected", Some("1:6"), Some(CANNOT))));
        assert_eq!(give(&mut orders, 7, "something_new"), Reaction::Nothing);
    }
}
