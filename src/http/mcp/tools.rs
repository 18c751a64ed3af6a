//! The tools that an agent has, as a table: names, what they are for, and the shapes of their arguments (JSON Schema).

use serde_json::{Map, Value, json};

use super::rpc::RpcError;

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    ListRuns,
    GetRun,
    ListTests,
    ReadEvents,
    WaitEvents,
    SendCommand,
    TakeControl,
    RenewControl,
    ReleaseControl,
    Answer,
    ListArtifacts,
    ArtifactUrl,
}

/// An argument: its name, its JSON Schema, and whether it is needed.
type Argument = (&'static str, fn() -> Value, bool);

impl Tool {
    /// Every tool.
    pub(super) const ALL: [Self; 12] = [
        Self::ListRuns,
        Self::GetRun,
        Self::ListTests,
        Self::ReadEvents,
        Self::WaitEvents,
        Self::SendCommand,
        Self::TakeControl,
        Self::RenewControl,
        Self::ReleaseControl,
        Self::Answer,
        Self::ListArtifacts,
        Self::ArtifactUrl,
    ];

    /// The tool of this name, with arguments that it knows; what they are is checked where they are used.
    pub(super) fn of(name: &str, arguments: &Map<String, Value>) -> Result<Self, RpcError> {
        let tool = Self::ALL.into_iter().find(|tool| tool.name() == name);
        let tool = tool.ok_or_else(|| RpcError::invalid_params(format!("there is no tool {name:?}")))?;
        let known = tool.arguments();
        if let Some(unknown) = arguments.keys().find(|key| known.iter().all(|(name, ..)| name != key)) {
            return Err(RpcError::invalid_params(format!("{name} has no argument {unknown:?}")));
        }
        let is_number = |value: &Value| match value.as_str() {
            Some(text) => text.parse::<u64>().is_ok(),
            None => value.is_u64(),
        };
        let wants_number = |argument: &&Argument| argument.1()["type"] == "integer";
        let is_wrong = |argument: &&Argument| arguments.get(argument.0).is_some_and(|value| !is_number(value));
        if let Some((wrong, ..)) = known.iter().filter(wants_number).find(is_wrong) {
            return Err(RpcError::invalid_params(format!("{name}: {wrong} must be a whole number, 0 or more")));
        }
        match known.iter().find(|(name, _, needed)| *needed && !arguments.contains_key(*name)) {
            Some((missing, ..)) => Err(RpcError::invalid_params(format!("{name} needs the argument {missing:?}"))),
            None => Ok(tool),
        }
    }

    /// The route of the same purpose: who may ask it may ask the tool.
    pub(super) const fn route(self) -> (&'static str, &'static str) {
        match self {
            Self::ListRuns => ("GET", "/api/runs"),
            Self::GetRun => ("GET", "/api/runs/{runId}"),
            Self::ListTests => ("GET", "/api/runs/{runId}/tests"),
            Self::ReadEvents | Self::WaitEvents => ("GET", "/api/runs/{runId}/events"),
            Self::SendCommand | Self::TakeControl | Self::RenewControl | Self::ReleaseControl | Self::Answer => {
                ("POST", "/api/runs/{runId}/commands")
            }
            Self::ListArtifacts => ("GET", "/api/runs/{runId}/artifacts"),
            Self::ArtifactUrl => ("GET", "/api/runs/{runId}/artifacts/{artifactId}/download"),
        }
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ListRuns => "list_runs",
            Self::GetRun => "get_run",
            Self::ListTests => "list_tests",
            Self::ReadEvents => "read_events",
            Self::WaitEvents => "wait_events",
            Self::SendCommand => "send_command",
            Self::TakeControl => "take_control",
            Self::RenewControl => "renew_control",
            Self::ReleaseControl => "release_control",
            Self::Answer => "answer",
            Self::ListArtifacts => "list_artifacts",
            Self::ArtifactUrl => "artifact_url",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::ListRuns => "Lists test runs, the last active first.",
            Self::GetRun => {
                "The state of a run: status, counts, its tests that failed or run (500 at most), who has control of it, \
                 open commands and open questions of its workers, and the cursor of its last event."
            }
            Self::ListTests => {
                "Lists all tests of a run, page by page, in the order in which they first occurred: their status, \
                 attempts, and what they do now."
            }
            Self::ReadEvents => {
                "Events of a run after a cursor, in order. Without `after` from its start; `-N` for the last N events."
            }
            Self::WaitEvents => "The same, and waits up to `wait` seconds (25 at most) when there is none yet.",
            Self::SendCommand => {
                "Gives a command to a run: pause, resume, cancel, hold, step, run_to, manual_action, step_override, \
                 replay_step, update_instructions, withdraw, extend. Repeat it with the same `commandId` when in doubt \
                 whether it arrived; it is done once. What became of it is in get_run."
            }
            Self::TakeControl => {
                "Takes control of a run, so that nobody else gives it commands but to stop it. A person's control is not \
                 to be taken."
            }
            Self::RenewControl => "Keeps control of a run: without a sign of life it ends after a minute.",
            Self::ReleaseControl => "Gives control of a run back.",
            Self::Answer => {
                "Answers a question that a worker of a run asks (`asks` in get_run): with a candidate, a value or a point, \
                 or refuses to. The first answer counts. Credentials are for people to give."
            }
            Self::ListArtifacts => "Lists the files of a run: traces, videos, screenshots, logs.",
            Self::ArtifactUrl => "A URL, good for a while, from which a file of a run can be downloaded.",
        }
    }

    /// Whether it changes nothing.
    const fn is_read_only(self) -> bool {
        match self {
            Self::ListRuns
            | Self::GetRun
            | Self::ListTests
            | Self::ReadEvents
            | Self::WaitEvents
            | Self::ListArtifacts
            | Self::ArtifactUrl => true,
            Self::SendCommand | Self::TakeControl | Self::RenewControl | Self::ReleaseControl | Self::Answer => false,
        }
    }

    /// Whether it hands out what tests and pages say, which anybody may have written.
    pub(super) const fn hands_out_content(self) -> bool {
        matches!(
            self,
            Self::ListRuns | Self::GetRun | Self::ListTests | Self::ReadEvents | Self::WaitEvents | Self::ListArtifacts
        )
    }

    const fn arguments(self) -> &'static [Argument] {
        match self {
            Self::ListRuns => &[
                (
                    "status",
                    || text("Only runs with one of these statuses or words, `failing,needs_you` for instance."),
                    false,
                ),
                ("q", || text("Only runs whose name, branch, commit, author or title has these words."), false),
                ("project", || text("Only runs of this project."), false),
                ("branch", || text("Only runs of this branch."), false),
                ("since", || text("Only runs that began since this time, or so long ago: `7d`, `24h`."), false),
                ("limit", || number("How many: 50 if missing.", 1, 500), false),
                ("cursor", || text("Where an earlier list ended."), false),
            ],
            Self::GetRun => &[
                RUN,
                (
                    "tests",
                    || {
                        json!({"type": "string", "enum": ["failed", "none"],
                               "description": "Which tests are listed: those that failed or run (if missing), or none; list_tests has all."})
                    },
                    false,
                ),
            ],
            Self::ListTests => &[
                RUN,
                (
                    "status",
                    || text("Only tests with this status, or one of several with commas: `failed,timedout`."),
                    false,
                ),
                ("variant", || text("Only tests of this variant."), false),
                ("limit", || number("How many: 100 if missing.", 1, 1000), false),
                ("after", || number("The `next` of the page before.", 0, 100_000), false),
            ],
            Self::ReadEvents => &[
                RUN,
                AFTER,
                (
                    "before",
                    || text("Instead of `after`: the last events before this seq; `latest`: the last ones."),
                    false,
                ),
                ("types", || text("Only events of these types, with commas between them: `log,error`."), false),
                ("test", || text("Only events of the test with this id."), false),
                ("variant", || text("Only events of this variant of the run."), false),
                LIMIT,
            ],
            Self::WaitEvents => &[
                RUN,
                ("after", || text("The cursor of the last event that is known already."), true),
                ("wait", || number("Seconds to wait: 25 if missing.", 0, 25), false),
                LIMIT,
            ],
            Self::SendCommand => &[
                RUN,
                (
                    "command",
                    || {
                        json!({"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}},
                               "description": "The command: `type` and its members, as docs/steering.md has them."})
                    },
                    true,
                ),
            ],
            Self::TakeControl => &[
                RUN,
                ("steal", || flag("Take it from another agent that has it; that is told to everybody."), false),
                COMMAND_ID,
            ],
            Self::RenewControl => &[RUN],
            Self::ReleaseControl => &[RUN, COMMAND_ID],
            Self::Answer => &[
                RUN,
                ("askId", || text("The question."), true),
                ("candidateId", || text("The candidate that is chosen."), false),
                ("value", || json!({"description": "The answer, of the kind that the question needs."}), false),
                (
                    "point",
                    || {
                        json!({"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}},
                               "description": "The point that is chosen, in the screenshot's pixels."})
                    },
                    false,
                ),
                (
                    "resolution",
                    || {
                        json!({"type": "string", "enum": ["resolved", "cancelled"],
                               "description": "`cancelled` refuses to answer."})
                    },
                    false,
                ),
                COMMAND_ID,
            ],
            Self::ListArtifacts => &[
                RUN,
                ("limit", || number("How many: 100 if missing.", 1, 1000), false),
                ("cursor", || text("Where an earlier list ended."), false),
            ],
            Self::ArtifactUrl => &[RUN, ("artifactId", || text("The file."), true)],
        }
    }

    /// It as clients are told of it.
    pub(super) fn described(self) -> Value {
        let arguments = self.arguments();
        let properties: Map<String, Value> =
            arguments.iter().map(|(name, schema, _)| ((*name).to_owned(), schema())).collect();
        let required: Vec<_> = arguments.iter().filter(|(.., needed)| *needed).map(|(name, ..)| *name).collect();
        json!({
            "name": self.name(),
            "description": self.description(),
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
            "annotations": {
                "readOnlyHint": self.is_read_only(),
                "destructiveHint": !self.is_read_only(),
                "idempotentHint": self.is_read_only(),
                "openWorldHint": false,
            },
        })
    }
}

const RUN: Argument = ("runId", || text("The run."), true);
const AFTER: Argument = ("after", || text("The cursor after which events are wanted."), false);
const LIMIT: Argument = ("limit", || number("How many events at most: 100 if missing.", 1, 1000), false);
const COMMAND_ID: Argument =
    ("commandId", || text("An id of your own (a UUID of version 7), so that repeating it is safe."), false);

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn number(description: &str, least: u32, most: u32) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most, "description": description})
}

fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_told_with_what_they_need_and_arguments_are_held_to_it() {
        for tool in Tool::ALL {
            let told = tool.described();
            assert_eq!(told["inputSchema"]["type"], "object");
            assert!(told["description"].as_str().unwrap().ends_with('.'), "{told}");
            let needed = told["inputSchema"]["required"].as_array().unwrap();
            let given: Map<_, _> = needed.iter().map(|name| (name.as_str().unwrap().to_owned(), json!("x"))).collect();
            assert_eq!(Tool::of(tool.name(), &given), Ok(tool));
            let with_more = given.into_iter().chain([("colour".to_owned(), json!("red"))]).collect();
            assert!(Tool::of(tool.name(), &with_more).unwrap_err().message.contains("\"colour\""));
        }
        let missing = Tool::of("get_run", &Map::new()).unwrap_err();
        assert!(missing.message.contains("\"runId\"") && missing.code == -32602, "{missing:?}");
        let limited = |limit: Value| {
            let given = json!({"runId": "r", "after": "0", "limit": limit});
            Tool::of("read_events", given.as_object().unwrap()).map_err(|error| error.message)
        };
        for right in [json!(5), json!("5")] {
            assert_eq!(limited(right), Ok(Tool::ReadEvents));
        }
        for wrong in [json!(-1), json!(1.5), json!("x"), json!(null), json!([])] {
            assert_eq!(limited(wrong).unwrap_err(), "read_events: limit must be a whole number, 0 or more");
        }
        assert!(Tool::of("drop_table", &Map::new()).unwrap_err().message.contains("\"drop_table\""));
    }
}
