//! The events of producers that the server, its pages or `runcast watch` understand. Producers may post any other type
//! as well: it is stored, delivered, and shown as it is.

use super::field::FieldKind::{Any, Array, Form, Integer, Message, Number, Object, Text, Title, Word};
use super::field::{Field, FieldLimit, Items, TEXTS};
use crate::protocol::status::{RunStatus, TestStatus};

/// The words of `worker.state`.
pub const WORKER_STATES: [&str; 2] = ["joined", "left"];
/// The words of `command_status.status` that producers may use; `interrupted` is the server's.
pub const COMMAND_REPORTS: [&str; 4] = ["accepted", "done", "failed", "rejected"];
/// The words of `ai_stuck.needs`.
pub const NEEDS: [&str; 5] = ["click", "text", "choice", "credential", "decision"];
/// The words of `ai_stuck.onTimeout.action`.
pub const ON_TIMEOUT: [&str; 4] = ["fail", "skip", "continue", "wait"];

/// The words of `test_status.data.expected`.
pub const EXPECTED: [&str; 5] = ["passed", "failed", "skipped", "timedout", "interrupted"];
/// The words of `test_status.data.outcome`.
pub const OUTCOMES: [&str; 4] = ["expected", "unexpected", "flaky", "skipped"];

/// Most characters of a `type`.
pub const MAX_TYPE_CHARS: usize = 64;
/// Most characters of the id of a command, a question or a candidate, and of a variant.
pub const MAX_ID_CHARS: u32 = 128;
/// Most slots and shards.
pub const MAX_COUNT: u32 = 1_000;
/// Most commands that a worker says it obeys.
pub const MAX_CAN: u32 = 64;
/// Most bytes of the name of a command that a worker says it obeys.
pub const MAX_CAN_BYTES: u32 = 64;
/// Most candidates of a question.
pub const MAX_CANDIDATES: u32 = 50;
/// How long a question may wait for an answer, in seconds.
pub const EXPIRES_SECS: std::ops::RangeInclusive<u64> = 5..=86_400;

/// The members that every event has or may have.
pub const COMMON: &[Field] = &[
    Field::new("type", Text, "What the event is.").chars(1, MAX_TYPE_CHARS as u32),
    Field::new(
        "timestamp",
        Form { format: "date-time" },
        "When it happened, by the producer's clock; missing: the server puts its own.",
    )
    .optional(),
    Field::new("runId", Form { format: "runId" }, "The run that it is posted to.").optional(),
];

const VARIANT: &str = "The variant of the run that it belongs to, if the same tests run more than once: an operating \
                       system, a browser. Missing: that of its producer.";

/// The largest whole number that every reader of JSON keeps: 2^53 - 1.
pub const LARGEST: i64 = (1 << 53) - 1;

const MESSAGES: Items = Items { kind: Message, limit: None };
const NAMES: Items = Items { kind: Text, limit: Some(FieldLimit::Bytes { max: MAX_CAN_BYTES }) };

macro_rules! producer_events {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:literal, [$($field:expr,)*];)+) => {
        /// An event of a producer's whose members mean something here. Whatever can't be read in one is left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProducerEvent {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ProducerEvent {
            /// Every such event.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $type,)+ }
            }

            /// Its name in the schema, without `Event`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// What it says, in one sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The members that are read, besides `type` and `timestamp`.
            pub const fn fields(self) -> &'static [Field] {
                match self { $(Self::$name => const { &[$($field,)*] },)+ }
            }

            /// The event of this type, if it is one of these.
            pub fn parse(event_type: &str) -> Option<Self> {
                match event_type {
                    $($type => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

producer_events! {
    /// The run's status. A final one ends the run.
    RunStatus: "run_status", [
        Field::new("status", Word { values: &RunStatus::NAMES }, "The status; an event with another one is refused."),
        Field::new("data.total", Integer, "Number of tests.").optional(),
        Field::new("data.workers", Integer, "Number of test workers.").optional(),
        Field::new("data.meta", Object, "What the run is about.").optional(),
        Field::new("data.meta.project", Text, "The project that it belongs to.").optional(),
        Field::new("data.meta.number", Integer, "Which run of the project it is.").optional(),
        Field::new("data.meta.title", Text, "What people call it.").optional(),
        Field::new("data.meta.branch", Text, "The branch under test.").optional(),
        Field::new("data.meta.commit", Text, "The commit under test.").optional(),
        Field::new("data.meta.author", Text, "Who made that commit.").optional(),
        Field::new("data.meta.ciUrl", Text, "The page of the job that runs it.").optional(),
        Field::new("data.meta.labels", Array, "Words to find it by.").of(TEXTS).optional(),
        Field::new("data.error", Message, "Why it ended so.").optional(),
        Field::new("data.durationMs", Number, "How long it took; shown, but no part of the run's state.").optional(),
    ];
    /// The tests that are going to be run, or more of them: a plan may come in parts.
    TestPlan: "test_plan", [
        Field::new("variant", Text, VARIANT).chars(0, MAX_ID_CHARS).optional(),
        Field::new("tests", Array, "The tests."),
        Field::new("tests[].testId", Text, "The test's id, the same in all events of the run."),
        Field::new("tests[].title", Title, "Its title.").optional(),
        Field::new("tests[].file", Text, "The file that it is in.").optional(),
        Field::new("tests[].line", Integer, "The line that it begins at.").optional(),
        Field::new("tests[].project", Text, "The project of the test runner that it belongs to.").optional(),
        Field::new("tests[].tags", Array, "Words to find it by.").of(TEXTS).optional(),
    ];
    /// A test begins, or an attempt at it ends.
    TestStatus: "test_status", [
        Field::new("testId", Text, "The test."),
        Field::new("variant", Text, VARIANT).chars(0, MAX_ID_CHARS).optional(),
        Field::new("status", Word { values: &TestStatus::NAMES }, "The test's status."),
        Field::new("data.title", Title, "Its title.").optional(),
        Field::new("data.attempt", Integer, "0, or which retry it is.").optional(),
        Field::new("data.workerIndex", Integer, "The test worker that runs it; -1: none did.").range(-1, LARGEST).optional(),
        Field::new("data.slot", Integer, "Its place among those that run at a time, from 0: the screen `producer/slot`.").optional(),
        Field::new("data.expected", Word { values: &EXPECTED }, "The status that is expected of it.").optional(),
        Field::new("data.outcome", Word { values: &OUTCOMES }, "What its attempts make of it.").optional(),
        Field::new("data.durationMs", Number, "How long it took.").optional(),
        Field::new("data.holdMs", Number, "How long of that it was held open.").optional(),
        Field::new("data.traceId", Text, "The id of its live trace, if there is one; no part of the run's state.")
            .optional(),
        Field::new("data.error", Message, "Why it failed.").optional(),
        Field::new("data.errors", Array, "Why it failed: a list of such, of which the first is shown.").of(MESSAGES).optional(),
        Field::new("data.errors[].message", Text, "What went wrong; colours are ANSI escapes."),
        Field::new("data.errors[].location", Text, "Where: `file:line:column`.").optional(),
        Field::new("data.errors[].snippet", Text, "The lines around it; shown, but no part of the run's state.").optional(),
        Field::new("data.annotations", Array, "What its author says about it.").optional(),
        Field::new("data.annotations[].type", Text, "What kind of remark it is, `issue` for instance."),
        Field::new("data.annotations[].description", Text, "The remark.").optional(),
        Field::new("data.attachments", Array, "Files that the attempt left; shown, but no part of the run's state.").optional(),
        Field::new("data.attachments[].name", Text, "What its author calls it, `screenshot` for instance."),
        Field::new("data.attachments[].contentType", Text, "Its media type.").optional(),
        Field::new("data.attachments[].size", Integer, "Its length in bytes.").optional(),
        Field::new("data.attachments[].artifact", Text, "The name of the artifact that it was uploaded as; missing: it was not.").optional(),
        Field::new("data.attachments[].note", Text, "Why it was not uploaded, if it should have been.").optional(),
    ];
    /// A step begins or ends.
    TestStep: "test_step", [
        Field::new("testId", Text, "The test that it is a part of; missing: of the run.").optional(),
        Field::new("variant", Text, VARIANT).chars(0, MAX_ID_CHARS).optional(),
        Field::new("step.stepNumber", Integer, "Its number within the attempt."),
        Field::new("step.id", Text, "Its id within the attempt, by which its end and commands name it; missing: its number in decimal digits.").optional(),
        Field::new("step.parent", Text, "The id of the step that it is a part of.").optional(),
        Field::new("step.attempt", Integer, "The attempt that it is a part of; missing: the one that began last.").optional(),
        Field::new("step.phase", Word { values: &["begin", "end"] }, "`end` ends it, any other begins it.").optional(),
        Field::new("step.title", Title, "What is done.").optional(),
        Field::new("step.subtitle", Text, "What it is done to.").optional(),
        Field::new("step.category", Text, "What kind of step it is: `hook`, `fixture`, `pw:api`, `expect`, `test.step`.").optional(),
        Field::new("step.location", Text, "Where it stands: `file:line:column`.").optional(),
        Field::new("step.params", Object, "What it is done with; shown, but no part of the run's state.").optional(),
        Field::new("step.actor", Text, "Who did it, if it was a person and not the test.").optional(),
        Field::new("step.durationMs", Number, "How long it took; shown, but no part of the run's state.").optional(),
        Field::new("step.pausedMs", Number, "How long of that it was paused; shown, but no part of the run's state.").optional(),
        Field::new("step.error", Message, "Why it failed.").optional(),
        Field::new("step.attachments", Array, "Files that it attached; shown, but no part of the run's state.").optional(),
        Field::new("step.attachments[].name", Text, "What its author calls it, `screenshot` for instance."),
        Field::new("step.attachments[].contentType", Text, "Its media type.").optional(),
        Field::new("step.attachments[].size", Integer, "Its length in bytes.").optional(),
        Field::new("step.attachments[].artifact", Text, "The name of the artifact that it was uploaded as; missing: it was not.").optional(),
        Field::new("step.attachments[].note", Text, "Why it was not uploaded, if it should have been.").optional(),
        Field::new("step.annotations", Array, "What its author says about it; shown, but no part of the run's state.").optional(),
        Field::new("step.annotations[].type", Text, "What kind of remark it is, `issue` for instance."),
        Field::new("step.annotations[].description", Text, "The remark.").optional(),
    ];
    /// Something went wrong outside the tests: the run's last error.
    Error: "error", [
        Field::new("error", Message, "What went wrong.").optional(),
        Field::new("message", Message, "The same, where there is no `error`.").optional(),
    ];
    /// A line that the tests or their tools wrote. It changes nothing of the run's state.
    Log: "log", [
        Field::new("testId", Text, "The test that wrote it; missing: the run.").optional(),
        Field::new("variant", Text, VARIANT).chars(0, MAX_ID_CHARS).optional(),
        Field::new("attempt", Integer, "The attempt that wrote it.").optional(),
        Field::new("text", Text, "The line.").optional(),
        Field::new("message", Text, "The same, where there is no `text`.").optional(),
        Field::new("stream", Text, "Where it was written, `stdout` for instance.").optional(),
        Field::new("data.leftOutBytes", Integer, "Bytes of output that were left out here.").optional(),
    ];
    /// A producer says that it obeys commands, and which; or that it leaves.
    Worker: "worker", [
        Field::new("state", Word { values: &WORKER_STATES }, "Whether it obeys from now on."),
        Field::new("can", Array, "The commands that it obeys: `pause`, `step` and so on; missing: all.").of(NAMES).at_most(MAX_CAN).optional(),
        Field::new("slots", Integer, "How many tests it runs at a time.").range(1, MAX_COUNT as i64).optional(),
        Field::new("variant", Text, "The variant of the run that it runs, a browser for instance.").chars(0, MAX_ID_CHARS).optional(),
        Field::new("shard", Object, "The shard that it runs.").optional(),
        Field::new("shard.current", Integer, "Which one, at most `total`.").range(1, MAX_COUNT as i64),
        Field::new("shard.total", Integer, "How many there are.").range(1, MAX_COUNT as i64),
    ];
    /// A producer says what became of a command.
    CommandStatus: "command_status", [
        Field::new("commandId", Text, "The command.").chars(1, MAX_ID_CHARS),
        Field::new("status", Word { values: &COMMAND_REPORTS }, "What became of it."),
        Field::new("claim", Text, "The claim under which it acted.").optional(),
        Field::new("detail", Text, "The reason in words.").optional(),
        Field::new("result", Any, "What came of it.").optional(),
    ];
    /// A producer does not get on and asks for help.
    AiStuck: "ai_stuck", [
        Field::new("askId", Text, "The question's id, another one for each question.").chars(1, MAX_ID_CHARS),
        Field::new("reason", Text, "Why it asks, in a word.").optional(),
        Field::new("message", Text, "The question.").optional(),
        Field::new("summary", Text, "What it has done so far.").optional(),
        Field::new("goal", Text, "What it wants to reach.").optional(),
        Field::new("attempts", Any, "What it has tried: a list, or how often.").optional(),
        Field::new("lastError", Message, "The error that it can't get past.").optional(),
        Field::new("needs", Word { values: &NEEDS }, "What it needs."),
        Field::new("candidates", Array, "What may be chosen.").at_most(MAX_CANDIDATES).optional(),
        Field::new("candidates[].id", Text, "The candidate's id.").chars(1, MAX_ID_CHARS),
        Field::new("candidates[].label", Text, "The candidate for people."),
        Field::new("candidates[].selector", Text, "Where it is on the page.").optional(),
        Field::new("candidates[].box", Any, "Where it is on the screenshot.").optional(),
        Field::new("candidates[].score", Number, "How well it fits.").optional(),
        Field::new("responseSchema", Object, "A JSON Schema of the answer.").optional(),
        Field::new("screenshot", Text, "A screenshot: the id of an artifact, or a URL.").optional(),
        Field::new("url", Text, "The page that it is on.").optional(),
        Field::new("expiresInSecs", Integer, "How long it waits for an answer; 300 if missing.").range(*EXPIRES_SECS.start() as i64, *EXPIRES_SECS.end() as i64).optional(),
        Field::new("onTimeout", Object, "What it does then.").optional(),
        Field::new("onTimeout.action", Word { values: &ON_TIMEOUT }, "Whether it fails, skips, goes on or waits."),
        Field::new("onTimeout.value", Any, "What it goes on with.").optional(),
    ];
}

/// The members that the server writes into each stamped event, and into those of these types.
const RESERVED: &[&str] = &["producer", "at", "by", "lease"];
const RESERVED_OF_COMMAND_STATUS: &[&str] = &["producer", "at", "by", "lease", "expiresAt", "keyHash"];
const RESERVED_OF_AI_STUCK: &[&str] = &["producer", "at", "by", "lease", "expiresAt", "stale"];

impl ProducerEvent {
    /// The members that only the server may write into an event of this type.
    pub const fn reserved_members(self) -> &'static [&'static str] {
        match self {
            Self::CommandStatus => RESERVED_OF_COMMAND_STATUS,
            Self::AiStuck => RESERVED_OF_AI_STUCK,
            Self::RunStatus | Self::TestStatus | Self::Worker => RESERVED,
            Self::TestPlan | Self::TestStep | Self::Error | Self::Log => &[],
        }
    }

    /// Whether the server writes who posted it, and when, into an event of this type
    /// ([`stamp`](crate::protocol::event::stamp)).
    pub const fn is_stamped(self) -> bool {
        !self.reserved_members().is_empty()
    }
}
