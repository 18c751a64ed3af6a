//! The commands that viewers, agents and services may give to a run: one table of their types and members. What the
//! members must be, and what a command does, is decided in `control`.

use super::field::FieldKind::{Any, Boolean, Form, Integer, Object, Text, Word};
use super::field::{Field, MessageType};

/// Members that every command may have.
const COMMAND_ID: Field =
    Field::new("commandId", Text, "A UUIDv7, by which the command is known and may be repeated; made if missing.")
        .optional();
const LEASE: Field = Field::new(
    "lease",
    Form { format: "cursor" },
    "The lease under which it is given: refused when it is the run's no more.",
)
.optional();
const EXPECT: Field = Field::new(
    "expect",
    Object,
    "How the run must be: `status`, `testId`, `stepNumber`, `stepId`, `askId`. Otherwise the command is refused.",
)
.optional();
const TARGET: Field =
    Field::new("target", Object, "Who is meant: `producer`, `testId`, or `slot` with `producer` and `slot`.")
        .optional();
const EXPIRES: Field =
    Field::new("expiresInSecs", Integer, "How long it may wait for a producer: 1 to 3600, 60 if missing.").optional();

macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $name:literal [$($field:expr,)*];)+) => {
        /// Every command.
        pub const COMMANDS: &[MessageType] = &[$(MessageType {
            name: $name,
            doc: concat!($($doc),+).trim_ascii(),
            fields: &[COMMAND_ID, LEASE, EXPECT, $($field,)*],
        },)+];

        /// Whether a message of this type is a command.
        pub fn is_command(message_type: &str) -> bool {
            matches!(message_type, $($name)|+)
        }
    };
}

commands! {
    /// The run, or the target of it, is to pause. Nobody needs the lease for it.
    "pause" [
        TARGET,
        Field::new("maxSecs", Integer, "How long at most; then the server lets the run go on, or cancels it.").optional(),
        Field::new("now", Boolean, "Pause at once, also where that may fail a step.").optional(),
    ];
    /// The run, or one test of it, is to stop. People do not need the lease for it.
    "cancel" [
        TARGET,
        Field::new("testId", Text, "The test; missing: the run.").optional(),
        Field::new("reason", Text, "The reason in words.").optional(),
    ];
    /// The run, or the target of it, is to go on.
    "resume" [TARGET,];
    /// Whether a failing test is held open.
    "hold" [
        TARGET,
        Field::new("when", Word { values: &["failure", "never"] }, "When a test is held open."),
    ];
    /// Instructions to the agent that runs the tests.
    "update_instructions" [
        TARGET,
        Field::new("instructions", Text, "The instructions."),
        Field::new("mode", Word { values: &["append", "replace"] }, "Whether they follow the earlier ones, or replace them."),
    ];
    /// A paused producer is to do one step and pause again.
    "step" [TARGET, EXPIRES,];
    /// A paused producer is to run up to a line and pause again.
    "run_to" [
        TARGET,
        EXPIRES,
        Field::new("location", Text, "`file:line`."),
    ];
    /// An action by hand in the browser of a producer.
    "manual_action" [
        TARGET,
        EXPIRES,
        Field::new(
            "action",
            Object,
            "`action` is `click`, `fill`, `type`, `press`, `hover`, `select`, `scroll`, `navigate`, `back` or `upload`; \
             `selector`, `point`, `value`, `description`; `secret` in place of `value` never enters the log.",
        ),
    ];
    /// A step is to be skipped, retried, replaced, passed or failed.
    "step_override" [
        TARGET,
        EXPIRES,
        Field::new("action", Object, "`type` is `skip`, `retry`, `replace`, `pass` or `fail`."),
    ];
    /// A step is to be done again.
    "replay_step" [
        TARGET,
        EXPIRES,
        Field::new("stepNumber", Integer, "The step by its number.").optional(),
        Field::new("stepId", Text, "The step by its id.").optional(),
    ];
    /// The answer to a producer's question: the first one wins. The value for a `credential` never enters the log.
    "answer" [
        Field::new("askId", Text, "The question."),
        Field::new("value", Any, "The answer.").optional(),
        Field::new("candidateId", Text, "The candidate that is chosen.").optional(),
        Field::new("point", Object, "The point that is chosen: `x` and `y`.").optional(),
        Field::new("resolution", Word { values: &["resolved", "cancelled"] }, "`cancelled` refuses to answer.").optional(),
    ];
    /// A question may be answered for longer.
    "extend" [
        Field::new("askId", Text, "The question."),
        Field::new("secs", Integer, "How long, from now."),
    ];
    /// A command that nobody has begun is taken back; one's own needs no lease.
    "withdraw" [Field::new("withdraws", Text, "The command that is taken back."),];
    /// The sender takes control of the run: only it may do what needs the lease from now on.
    "take_control" [Field::new("steal", Boolean, "Take it from an equal who has it.").optional(),];
    /// The sender gives control of the run back.
    "release_control" [];
    /// The sender is still there. It is a sign of life, and leaves nothing in the log.
    "renew_control" [];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_known_by_its_type() {
        assert!(COMMANDS.iter().all(|command| is_command(command.name) && command.doc.ends_with('.')));
        for other in ["ping", "Pause", "", "pause_requested", "command"] {
            assert!(!is_command(other), "{other}");
        }
    }

    #[test]
    fn the_page_about_the_protocol_has_every_command_with_its_members() {
        let page = include_str!("../../docs/protocol.md");
        let common = [COMMAND_ID, LEASE, EXPECT].map(|field| field.name);
        for command in COMMANDS {
            let shown = |field: &Field| format!("{}{}", field.name, if field.optional { "?" } else { "" });
            let own = command.fields.iter().filter(|field| !common.contains(&field.name)).map(shown);
            let own = own.collect::<Vec<_>>().join(" ");
            let own = if own.is_empty() { String::new() } else { format!("`{own}` ") };
            let row = format!("| `{}` | {own}| {} |", command.name, command.doc);
            assert!(page.contains(&row), "docs/protocol.md lacks {row}");
        }
    }
}
