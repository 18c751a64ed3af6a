//! The events of producers that the server, its pages or `runcast watch` understand. Producers may post any other type
//! as well: it is stored, delivered, and shown as it is.

use super::field::Field;
use super::field::FieldKind::{Any, Array, Integer, Message, Number, Object, Text, Title, Word};
use crate::protocol::status::{RunStatus, TestStatus};

/// The words of `worker.state`.
pub const WORKER_STATES: [&str; 2] = ["joined", "left"];
/// The words of `command_status.status` that producers may use; `interrupted` is the server's.
pub const COMMAND_REPORTS: [&str; 4] = ["accepted", "done", "failed", "rejected"];
/// The words of `ai_stuck.needs`.
pub const NEEDS: [&str; 5] = ["click", "text", "choice", "credential", "decision"];
/// The words of `ai_stuck.onTimeout.action`.
pub const ON_TIMEOUT: [&str; 4] = ["fail", "skip", "continue", "wait"];

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
        Field::new("data.error", Message, "Why it ended so.").optional(),
    ];
    /// The tests that are going to be run, or more of them.
    TestPlan: "test_plan", [
        Field::new("tests", Array, "The tests."),
        Field::new("tests[].testId", Text, "The test's id, the same in all events of the run."),
        Field::new("tests[].title", Title, "Its title.").optional(),
        Field::new("tests[].file", Text, "The file that it is in.").optional(),
        Field::new("tests[].line", Integer, "The line that it begins at.").optional(),
    ];
    /// A test begins, or an attempt at it ends.
    TestStatus: "test_status", [
        Field::new("testId", Text, "The test."),
        Field::new("status", Word { values: &TestStatus::NAMES }, "The test's status."),
        Field::new("data.title", Title, "Its title.").optional(),
        Field::new("data.attempt", Integer, "0, or which retry it is.").optional(),
        Field::new("data.workerIndex", Integer, "The test worker that runs it.").optional(),
        Field::new("data.durationMs", Integer, "How long it took.").optional(),
        Field::new("data.error", Message, "Why it failed.").optional(),
        Field::new("data.errors", Array, "Why it failed: a list of such, of which the first is shown.").optional(),
    ];
    /// A step begins or ends.
    TestStep: "test_step", [
        Field::new("testId", Text, "The test that it is a part of; missing: of the run.").optional(),
        Field::new("step.stepNumber", Integer, "Its number, by which its end is recognised."),
        Field::new("step.stepId", Text, "An id of it, by which commands may name it.").optional(),
        Field::new("step.phase", Word { values: &["begin", "end"] }, "`end` ends it, any other begins it.").optional(),
        Field::new("step.title", Title, "What is done.").optional(),
        Field::new("step.durationMs", Integer, "How long it took; shown, but no part of the run's state.").optional(),
        Field::new("step.error", Message, "Why it failed; shown, but no part of the run's state.").optional(),
    ];
    /// Something went wrong outside the tests: the run's last error.
    Error: "error", [
        Field::new("error", Message, "What went wrong.").optional(),
        Field::new("message", Message, "The same, where there is no `error`.").optional(),
    ];
    /// A line that the tests or their tools wrote. It changes nothing of the run's state.
    Log: "log", [
        Field::new("text", Text, "The line.").optional(),
        Field::new("message", Text, "The same, where there is no `text`.").optional(),
        Field::new("stream", Text, "Where it was written, `stdout` for instance.").optional(),
    ];
    /// A producer says that it obeys commands, and which; or that it leaves.
    Worker: "worker", [
        Field::new("state", Word { values: &WORKER_STATES }, "Whether it obeys from now on."),
        Field::new("can", Array, "The commands that it obeys: `pause`, `step` and so on.").optional(),
        Field::new("slots", Integer, "How many tests it runs at a time: 1 to 1000.").optional(),
        Field::new("variant", Text, "The variant of the run that it runs, a browser for instance.").optional(),
        Field::new("shard", Object, "The shard that it runs.").optional(),
        Field::new("shard.current", Integer, "Which one: 1 to `total`.").optional(),
        Field::new("shard.total", Integer, "How many there are: 1 to 1000.").optional(),
    ];
    /// A producer says what became of a command.
    CommandStatus: "command_status", [
        Field::new("commandId", Text, "The command: 1 to 128 characters."),
        Field::new("status", Word { values: &COMMAND_REPORTS }, "What became of it."),
        Field::new("claim", Text, "The claim under which it acted.").optional(),
        Field::new("detail", Text, "The reason in words.").optional(),
        Field::new("result", Any, "What came of it.").optional(),
    ];
    /// A producer does not get on and asks for help.
    AiStuck: "ai_stuck", [
        Field::new("askId", Text, "The question's id: 1 to 128 characters, another one for each question."),
        Field::new("reason", Text, "Why it asks, in a word.").optional(),
        Field::new("message", Text, "The question.").optional(),
        Field::new("summary", Text, "What it has done so far.").optional(),
        Field::new("goal", Text, "What it wants to reach.").optional(),
        Field::new("attempts", Any, "What it has tried: a list, or how often.").optional(),
        Field::new("lastError", Message, "The error that it can't get past.").optional(),
        Field::new("needs", Word { values: &NEEDS }, "What it needs."),
        Field::new("candidates", Array, "What may be chosen, at most 50.").optional(),
        Field::new("candidates[].id", Text, "The candidate's id: 1 to 128 characters."),
        Field::new("candidates[].label", Text, "The candidate for people."),
        Field::new("candidates[].selector", Text, "Where it is on the page.").optional(),
        Field::new("candidates[].box", Any, "Where it is on the screenshot.").optional(),
        Field::new("candidates[].score", Number, "How well it fits.").optional(),
        Field::new("responseSchema", Object, "A JSON Schema of the answer.").optional(),
        Field::new("screenshot", Text, "A screenshot: the id of an artifact, or a URL.").optional(),
        Field::new("url", Text, "The page that it is on.").optional(),
        Field::new("expiresInSecs", Integer, "How long it waits for an answer: 5 to 86400, 300 if missing.").optional(),
        Field::new("onTimeout", Object, "What it does then.").optional(),
        Field::new("onTimeout.action", Word { values: &ON_TIMEOUT }, "Whether it fails, skips, goes on or waits."),
        Field::new("onTimeout.value", Any, "What it goes on with.").optional(),
    ];
}

impl ProducerEvent {
    /// Whether the server writes who posted it, and when, into an event of this type
    /// ([`stamp`](crate::protocol::event::stamp)).
    pub const fn is_stamped(self) -> bool {
        matches!(self, Self::RunStatus | Self::TestStatus | Self::Worker | Self::CommandStatus | Self::AiStuck)
    }
}
