//! The events that the server itself writes into runs' logs: one table of what each is, and of what it may do.

use std::sync::LazyLock;

use super::field::Field;
use super::field::FieldKind::{Any, Boolean, Form, Integer, Number, Object, Text, Word};
use super::message::{ScreenFrame, ServerMessage};
use super::producer_event::ON_TIMEOUT;
use super::{ArtifactKind, ProducerEvent};
use crate::protocol::status::RunStatus;

/// What a kind of event is, and what it may do.
struct Rights {
    /// Only the server may write events of its type.
    reserved: bool,
    /// It may use the space of a run that is kept for the run's end.
    privileged: bool,
    /// It closes the run to further posts.
    seals: bool,
    /// It is one of the run's control events.
    control: bool,
}

/// It says what happened to the log, or to an artifact.
const LOGGED: Rights = Rights { reserved: true, privileged: false, seals: false, control: false };
/// It closes the run.
const SEAL: Rights = Rights { reserved: true, privileged: true, seals: true, control: false };
/// It ends the run, under a type of producers.
const LAST_WORD: Rights = Rights { reserved: false, privileged: true, seals: false, control: true };
/// It steers.
const CONTROL: Rights = Rights { reserved: true, privileged: false, seals: false, control: true };
/// It says under a type of producers what a producer may say too.
const REPORT: Rights = Rights { reserved: false, privileged: false, seals: false, control: true };

macro_rules! server_events {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:literal, $rights:expr, $status:expr, $fields:expr;)+) => {
        /// An event that the server writes into a run's log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ServerEvent {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ServerEvent {
            /// Every event that the server writes.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $type,)+ }
            }

            /// Its name in the schema, without `Event`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// Whether only the server may write events of this type.
            pub const fn is_reserved(self) -> bool {
                match self { $(Self::$name => $rights.reserved,)+ }
            }

            /// Whether it may use the space of a run that is kept for the run's end (`journal::append_rules::space`).
            pub const fn is_privileged(self) -> bool {
                match self { $(Self::$name => $rights.privileged,)+ }
            }

            /// Whether it closes the run to further posts.
            pub const fn seals(self) -> bool {
                match self { $(Self::$name => $rights.seals,)+ }
            }

            /// Whether it is one of the run's control events, which decide how the run is steered.
            pub const fn is_control(self) -> bool {
                match self { $(Self::$name => $rights.control,)+ }
            }

            /// The run's status after it, if it changes that.
            pub const fn status(self) -> Option<RunStatus> {
                match self { $(Self::$name => $status,)+ }
            }

            /// Its members besides `type` and `timestamp`.
            pub const fn fields(self) -> &'static [Field] {
                match self { $(Self::$name => const { $fields },)+ }
            }

            /// When it is written, in one sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

/// Members that several control events have.
const AT: Field = Field::new("at", Form { format: "date-time" }, "When it was decided, in journal time.");
const COMMAND_ID: Field = Field::new("commandId", Text, "The command's id.");
const BY: Field = Field::new("by", Object, "Who wants it.");
const BY_SUBJECT: Field = Field::new("by.subject", Text, "Who that is, the same at each request.");
const BY_NAME: Field = Field::new("by.name", Text, "The name for people.");
const BY_KIND: Field = Field::new("by.kind", Word { values: &["human", "agent", "server"] }, "What it is.");
const BY_VIA: Field = Field::new("by.via", Word { values: &["ws", "http", "mcp", "server"] }, "The way that it came.");
const BY_VERIFIED: Field = Field::new("by.verified", Boolean, "Whether the server knows that it is so.");
const LEASE: Field = Field::new("lease", Form { format: "cursor" }, "The lease under which it was wanted.").optional();
const DIGEST: Field =
    Field::new("digest", Text, "Recognises a repeat of the command: of its content, without `lease`.").optional();
const EXPECT: Field = Field::new("expect", Object, "What has to be so; whoever obeys looks again.").optional();
const EXPIRES_AT: Field = Field::new("expiresAt", Form { format: "date-time" }, "When it ends by itself.");
const TARGET: Field =
    Field::new("target", Object, "The `producer`, `slot` or `testId` that it is for; missing: all, or the only one.")
        .optional();
const ASK_ID: Field = Field::new("askId", Text, "The question.");

/// The words of `action.action` of an `action_queued`.
const ACTIONS: [&str; 10] =
    ["click", "fill", "type", "press", "hover", "select", "scroll", "navigate", "back", "upload"];
/// The words of `action.type` of a `step_override_queued`.
const OVERRIDES: [&str; 5] = ["skip", "retry", "replace", "pass", "fail"];

/// The members of what somebody wants: those of all such events, then its own.
macro_rules! command {
    [$($field:expr,)*] => {
        &[AT, COMMAND_ID, BY, BY_SUBJECT, BY_NAME, BY_KIND, BY_VIA, BY_VERIFIED, LEASE, EXPECT, DIGEST, $($field,)*]
    };
}

/// The same of what is for a part of the run.
macro_rules! targeted {
    [$($field:expr,)*] => { command![TARGET, $($field,)*] };
}

server_events! {
    /// A producer skipped numbers with `Runcast-Producer-Gap: accept`: these events of it never came.
    EventsLost: "events_lost", LOGGED, None, &[
        Field::new("producer", Text, "The producer's id."),
        Field::new("from", Integer, "The producer's number of the first event that is missing."),
        Field::new("to", Integer, "Its number of the last."),
    ];
    /// The run got no event for `journal.lost_hours`: nothing more is expected of it.
    RunLost: "run_status", LAST_WORD, Some(RunStatus::Lost), &[
        Field::new("status", Word { values: const { &[RunStatus::Lost.as_str()] } }, "The run's status."),
        Field::new("detail", Text, "The reason in words."),
    ];
    /// The run ended `journal.seal_hours` ago, and takes no more events.
    Sealed: "sealed", SEAL, None, &[];
    // Producers decide how many artifacts there are, so the event has no privilege.
    /// An artifact of the run is ready.
    Artifact: "artifact", LOGGED, None, &[
        Field::new("artifactId", Text, "The artifact's id."),
        Field::new("name", Text, "Its name, as it was uploaded."),
        Field::new("kind", Word { values: &ArtifactKind::NAMES }, "What it is."),
        Field::new("contentType", Text, "Of the original."),
        Field::new("size", Integer, "Bytes of the original."),
        Field::new("storedSize", Integer, "Bytes that are stored.").nullable(),
        Field::new("savedPercent", Number, "How much less that is, in percent of the original.").nullable(),
        Field::new("downloadUrl", Form { format: "uri-reference" }, "Where it is downloaded."),
        Field::new("traceUrl", Form { format: "uri-reference" }, "Where a trace opens in the trace viewer.").optional(),
        Field::new("test", Text, "The test that it belongs to.").optional(),
    ];
    // Steering: what people and agents want of a run, and what the server decides about it.
    /// The run, or a part of it, is to pause.
    PauseRequested: "pause_requested", CONTROL, None, targeted![
        EXPIRES_AT,
        Field::new("maxSecs", Integer, "How long at most, in seconds; then the server lets it go on, or cancels it."),
        Field::new("now", Boolean, "Pause at once, also where that may fail a step.").optional(),
    ];
    /// The run, or one test of it, is to stop.
    CancelRequested: "cancel_requested", CONTROL, None, targeted![
        Field::new("testId", Text, "The test; missing: the run.").optional(),
        Field::new("reason", Text, "The reason in words.").optional(),
    ];
    /// The run is to go on.
    ResumeRequested: "resume_requested", CONTROL, None, targeted![];
    /// Whether a failing test is held open.
    HoldRequested: "hold_requested", CONTROL, None, targeted![
        Field::new("when", Word { values: &["failure", "never"] }, "When a test is held open."),
    ];
    /// Instructions to the agent that runs the tests.
    InstructionsUpdated: "instructions_updated", CONTROL, None, targeted![
        Field::new("instructions", Text, "The instructions."),
        Field::new("mode", Word { values: &["append", "replace"] }, "Whether they follow the earlier ones."),
    ];
    /// A paused producer is to do one step and pause again.
    StepRequested: "step_requested", CONTROL, None, targeted![
        EXPIRES_AT,
    ];
    /// A paused producer is to run up to a line and pause again.
    RunToRequested: "run_to_requested", CONTROL, None, targeted![
        EXPIRES_AT,
        Field::new("location", Text, "`file:line`."),
    ];
    /// Somebody acts by hand in the browser of a producer.
    ActionQueued: "action_queued", CONTROL, None, targeted![
        EXPIRES_AT,
        Field::new("action", Object, "What is done. A secret is never in it."),
        Field::new("action.action", Word { values: &ACTIONS }, "The kind of action."),
        Field::new("action.selector", Text, "The element.").optional(),
        Field::new("action.point", Object, "The point: `x` and `y`.").optional(),
        Field::new("action.value", Any, "What is typed, chosen or uploaded.").optional(),
        Field::new("action.secret", Boolean, "What is typed is a secret, handed to the claimant alone.").optional(),
        Field::new("action.description", Text, "The action in words.").optional(),
    ];
    /// A step is to be skipped, retried, replaced, passed or failed.
    StepOverrideQueued: "step_override_queued", CONTROL, None, targeted![
        EXPIRES_AT,
        Field::new("action", Object, "What is to become of the step."),
        Field::new("action.type", Word { values: &OVERRIDES }, "Which of these."),
    ];
    /// A step is to be done again.
    ReplayStepRequested: "replay_step_requested", CONTROL, None, targeted![
        EXPIRES_AT,
        Field::new("stepNumber", Integer, "The step by its number.").optional(),
        Field::new("stepId", Text, "The step by its id.").optional(),
    ];
    /// A command is taken back by who gave it.
    CommandWithdrawn: "command_withdrawn", CONTROL, None, command![
        Field::new("withdraws", Text, "The command that is taken back."),
    ];
    /// A question of a producer has an answer: the first one wins.
    AskAnswered: "ask_answered", CONTROL, None, command![
        ASK_ID,
        Field::new("resolution", Word { values: &["resolved", "cancelled"] }, "Whether it was answered, or refused."),
        Field::new("value", Any, "The answer. A secret is never in it.").optional(),
        Field::new("candidateId", Text, "The candidate that was chosen.").optional(),
        Field::new("point", Object, "The point that was chosen: `x` and `y`.").optional(),
        Field::new("secret", Boolean, "The answer is a secret, handed to the producer alone.").optional(),
        Field::new("expiresAt", Form { format: "date-time" }, "Until when the secret may be fetched.").optional(),
    ];
    /// A question of a producer may be answered for longer.
    AskExtended: "ask_extended", CONTROL, None, command![
        ASK_ID,
        EXPIRES_AT,
    ];
    /// Somebody has taken control of the run. Its cursor is the lease.
    ControlTaken: "control_taken", CONTROL, None, command![
        Field::new("steal", Boolean, "It was taken from another.").optional(),
    ];
    /// The lease on the run has ended.
    ControlReleased: "control_released", CONTROL, None, &[
        AT,
        Field::new("lease", Form { format: "cursor" }, "The lease that ended."),
        Field::new("reason", Word { values: &["released", "expired", "stolen"] }, "Why it ended."),
        Field::new("commandId", Text, "The command that released or took it.").optional(),
        DIGEST,
        BY.optional(),
        BY_SUBJECT,
        BY_NAME,
        BY_KIND,
        BY_VIA,
        BY_VERIFIED,
    ];
    /// The store may have lost what was decided last: the lease is released, and what was being done is interrupted.
    ControlReset: "control_reset", CONTROL, None, &[
        AT,
    ];
    /// The server says what became of a command.
    CommandStatus: "command_status", REPORT, None, &[
        AT,
        COMMAND_ID,
        Field::new("status", Word { values: &["accepted", "interrupted", "done", "failed"] }, "What became of it."),
        Field::new("producer", Text, "The producer that claimed it.").optional(),
        Field::new("keyHash", Text, "Recognises the producer that repeats its claim.").optional(),
        Field::new("expiresAt", Form { format: "date-time" }, "When it counts as interrupted.").optional(),
        Field::new("detail", Text, "The reason in words.").optional(),
    ];
    /// Nobody has claimed a command in its time.
    CommandExpired: "command_expired", CONTROL, None, &[
        AT,
        COMMAND_ID,
    ];
    /// A question of a producer has ended without an answer.
    AskExpired: "ask_expired", CONTROL, None, &[
        AT,
        ASK_ID,
        Field::new("reason", Word { values: &["timeout", "interrupted"] }, "Why it ended."),
        Field::new("action", Word { values: &ON_TIMEOUT }, "What its producer announced to do then.").optional(),
        Field::new("value", Any, "What its producer announced to go on with.").optional(),
    ];
    /// The answer to a question was a secret that is lost: it is to be answered anew.
    AskReopened: "ask_reopened", CONTROL, None, &[
        AT,
        ASK_ID,
        Field::new("reason", Word { values: &["secret_lost"] }, "Why."),
        EXPIRES_AT,
    ];
    /// A producer that has joined is silent, is back, or is given up.
    ProducerStatus: "producer_status", CONTROL, None, &[
        AT,
        Field::new("producer", Text, "The producer."),
        Field::new("status", Word { values: &["silent", "back", "lost"] }, "How it stands."),
    ];
    /// Shards that were announced have not joined in time: they are not waited for any more.
    ShardsGivenUp: "shards_given_up", CONTROL, None, &[
        AT,
    ];
    /// Nobody has obeyed a `cancel_requested`: the server ends the run.
    RunCancelled: "run_status", LAST_WORD, Some(RunStatus::Cancelled), &[
        AT,
        Field::new("status", Word { values: const { &[RunStatus::Cancelled.as_str()] } }, "The run's status."),
        Field::new("detail", Text, "The reason in words."),
    ];
    /// Somebody who may publish has said that the run is finished.
    RunFinished: "run_status", REPORT, None, &[
        AT,
        Field::new("status", Word { values: &RunStatus::NAMES }, "The run's status."),
        Field::new("detail", Text, "The reason in words."),
        BY.optional(),
        BY_SUBJECT,
        BY_NAME,
        BY_KIND,
        BY_VIA,
        BY_VERIFIED,
    ];
}

/// Collected once, and sorted by length and then by bytes: each event that is posted is looked up in it.
static RESERVED_TYPES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let events = ServerEvent::ALL.iter().filter(|event| event.is_reserved()).map(|event| event.as_str());
    let messages = ServerMessage::TYPES.iter().chain([&ScreenFrame::TYPE]).map(|message| message.name);
    let messages = messages.filter(|name| ProducerEvent::parse(name).is_none());
    let mut types: Vec<_> = events.chain(messages).collect();
    types.sort_unstable_by_key(|name| (name.len(), *name));
    types.dedup();
    types
});

/// The types that no producer may post: those of the server's events and of its messages on live connections, so that
/// no client takes one for the other. `error` is the exception: producers have events of that type.
pub fn reserved_types() -> &'static [&'static str] {
    &RESERVED_TYPES
}

/// The type as it stands in the tables, if only the server may write events of it.
pub fn reserved(event_type: &str) -> Option<&'static str> {
    let sought = (event_type.len(), event_type);
    let found = RESERVED_TYPES.binary_search_by_key(&sought, |name| (name.len(), *name));
    found.ok().map(|index| RESERVED_TYPES[index])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_only_the_server_writes_or_says_is_reserved_and_nothing_of_the_producers() {
        let types = reserved_types();
        let unique: BTreeSet<_> = types.iter().copied().collect();
        assert_eq!(unique.len(), types.len(), "{types:?}");
        let of_earlier_versions = [
            "events_lost sealed artifact connected gap reset epoch draining pong frame",
            "action_queued cancel_requested control_released control_taken instructions_updated pause_requested",
            "replay_step_requested resume_requested step_override_queued",
        ];
        let of_steering = [
            "hold_requested step_requested run_to_requested ask_answered ask_extended command_withdrawn ask_expired",
            "ask_reopened command_expired control_reset producer_status shards_given_up command expiring",
        ];
        for name in of_earlier_versions.iter().chain(&of_steering).flat_map(|names| names.split(' ')) {
            assert_eq!(reserved(name), Some(name));
        }
        for event in ProducerEvent::ALL {
            assert_eq!(reserved(event.as_str()), None);
            assert_eq!(ProducerEvent::parse(event.as_str()), Some(*event));
        }
        for name in ["Sealed", "sealed ", "seale", "ping", ""] {
            assert_eq!(reserved(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_the_server_writes_under_a_producers_type_is_what_a_producer_may_post() {
        for event in ServerEvent::ALL {
            assert_eq!(event.is_reserved(), ProducerEvent::parse(event.as_str()).is_none(), "{event:?}");
            assert!(event.is_privileged() || !(event.seals() || event.status().is_some()), "{event:?} ends the run");
            assert!(event.doc().ends_with('.'), "{event:?}");
        }
    }

    #[test]
    fn a_member_is_described_once_and_behind_the_object_that_it_is_in() {
        for (event, fields) in ServerEvent::ALL.iter().map(|event| (event.as_str(), event.fields())) {
            for (index, field) in fields.iter().enumerate() {
                let before = &fields[..index];
                assert!(before.iter().all(|other| other.name != field.name), "{event}: {}", field.name);
                let object = field.name.rsplit_once('.').map(|(object, _)| object);
                let described = object.is_none_or(|object| before.iter().any(|other| other.name == object));
                assert!(described, "{event}: {}", field.name);
            }
        }
    }
}
