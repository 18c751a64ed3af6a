//! What can be said to a run, as the command line has it, and the command that it becomes. Pure.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

/// The actions of `runcast steer RUN`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SteerAction {
    /// Have the run stop before its next step; anybody may, whoever has control
    Pause {
        /// Let it go on after so many seconds by itself [default: the server's `control.max_pause_secs`]
        #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
        max_secs: Option<u64>,
        /// Stop at once, also where that may fail a step
        #[arg(long)]
        now: bool,
    },
    /// Let the run go on
    Resume,
    /// Hold tests open where they fail, so that one can look and act
    Hold {
        /// When a test is held open
        #[arg(default_value = "failure")]
        when: HoldWhen,
    },
    /// Do one step and pause again
    Step,
    /// Go on to a line of a test's file and pause there
    RunTo {
        /// Where to pause
        #[arg(value_name = "FILE:LINE", value_parser = parse_location)]
        location: String,
    },
    /// End the run, or with --test one test of it
    Cancel {
        /// The reason, for whoever reads the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Give instructions to the agent that runs the tests
    Say {
        /// The instructions
        text: String,
        /// Put them in place of the earlier ones, not behind them
        #[arg(long)]
        replace: bool,
    },
    /// Click by hand
    Click(ManualArgs),
    /// Fill a field by hand: --selector, and --value or --secret
    Fill(ManualArgs),
    /// Type text by hand, key by key: --value or --secret
    Type(ManualArgs),
    /// Press a key by hand: --value Enter
    Press(ManualArgs),
    /// Move the pointer by hand
    Hover(ManualArgs),
    /// Choose an option by hand: --selector and --value
    Select(ManualArgs),
    /// Scroll by hand: --selector or --point, --value for how far
    Scroll(ManualArgs),
    /// Open a page by hand: --value URL
    Navigate(ManualArgs),
    /// Go back a page by hand
    Back(ManualArgs),
    /// Choose a file of the worker's machine by hand: --selector and --value PATH
    Upload(ManualArgs),
    /// Decide about the step at which a test stands
    Override {
        /// What becomes of it
        #[arg(value_name = "WHAT")]
        what: OverrideWhat,
    },
    /// Do a step again
    Replay {
        /// The step by its number, or by its id
        #[arg(value_name = "STEP")]
        step: String,
    },
    /// Answer a question of a worker
    Answer(AnswerArgs),
    /// Give a question more time
    Extend {
        /// The question
        #[arg(value_name = "ASK")]
        ask: String,
        /// How long it waits, in seconds from now
        #[arg(value_name = "SECS", value_parser = clap::value_parser!(u64).range(5..=86_400))]
        secs: u64,
    },
    /// Take back a command of yours that nobody has begun
    Withdraw {
        /// The command
        #[arg(value_name = "ID")]
        command: String,
    },
    /// Take control of the run: nobody else may then do more than pause and cancel it
    Take {
        /// Take it from whoever has it; everybody is told
        #[arg(long)]
        steal: bool,
    },
    /// Give control of the run back
    Release,
    /// Say that you still want control of the run
    Renew,
}

/// When a failing test is held open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HoldWhen {
    /// Whenever one fails
    Failure,
    /// Not any more
    Never,
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OverrideWhat {
    /// It is left out
    Skip,
    /// It is tried again
    Retry,
    /// It counts as passed
    Pass,
    /// It counts as failed
    Fail,
}

/// Where and with what somebody acts by hand.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ManualArgs {
    /// The element
    #[arg(long)]
    selector: Option<String>,
    /// A point of the page, in CSS pixels
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true)]
    point: Option<Point>,
    /// The text, key, option, address or path
    #[arg(long, allow_hyphen_values = true)]
    value: Option<String>,
    /// Read the value from the terminal without showing it, or from stdin; it stays out of the run's log
    #[arg(long, conflicts_with = "value")]
    secret: bool,
    /// What this is for, for whoever reads the log
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// The answer to a question.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(super) struct AnswerArgs {
    /// The question
    #[arg(value_name = "ASK")]
    ask: String,
    #[command(flatten)]
    answer: AnswerKind,
}

/// How a question is answered.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct AnswerKind {
    /// With one of its candidates
    #[arg(long, value_name = "ID")]
    candidate: Option<String>,
    /// With a text, or with JSON where the question has a responseSchema
    #[arg(long, allow_hyphen_values = true)]
    value: Option<String>,
    /// With JSON
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, value_parser = parse_json)]
    json_value: Option<Value>,
    /// With a point of the page, in CSS pixels
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true)]
    point: Option<Point>,
    /// With what is read from the terminal without showing it, or from stdin; it stays out of the run's log
    #[arg(long)]
    secret: bool,
    /// With "no": the question is refused
    #[arg(long)]
    cancel: bool,
}

/// A point of a page, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    x: f64,
    y: f64,
}

/// Whom a command is for.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TargetArgs {
    /// Only this producer
    #[arg(long, global = true, value_name = "PRODUCER", conflicts_with_all = ["slot", "test"])]
    target: Option<String>,
    /// Only this slot of a producer
    #[arg(long, global = true, value_name = "PRODUCER:SLOT", conflicts_with = "test")]
    slot: Option<Slot>,
    /// Only the producer that runs this test; with `cancel` only this test
    #[arg(long, global = true, value_name = "ID")]
    test: Option<String>,
}

/// A slot of a producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    producer: String,
    slot: u64,
}

/// The flag does not fit the action.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flag} makes no sense here: {reason}")]
pub(super) struct Misuse {
    flag: &'static str,
    reason: &'static str,
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let point = text.split_once(',').and_then(|(x, y)| Some(Self { x: number(x)?, y: number(y)? }));
        point.ok_or_else(|| "must be X,Y in CSS pixels, 100,20.5 for instance".to_owned())
    }
}

impl Point {
    fn json(self) -> Value {
        json!({"x": self.x, "y": self.y})
    }
}

impl FromStr for Slot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let slot = text.rsplit_once(':').filter(|(producer, _)| !producer.is_empty());
        let slot =
            slot.and_then(|(producer, slot)| Some(Self { producer: producer.to_owned(), slot: slot.parse().ok()? }));
        slot.ok_or_else(|| "must be PRODUCER:SLOT, where SLOT is a number".to_owned())
    }
}

fn parse_location(text: &str) -> Result<String, String> {
    let line =
        text.rsplit_once(':').filter(|(file, _)| !file.is_empty()).and_then(|(_, line)| line.parse::<u32>().ok());
    match line {
        Some(1..) => Ok(text.to_owned()),
        _ => Err("must be FILE:LINE, tests/shop.spec.js:12 for instance".to_owned()),
    }
}

fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))
}

fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl SteerAction {
    /// What to ask for on the terminal, if the action needs a secret.
    pub(super) fn secret_prompt(&self) -> Option<String> {
        match self {
            Self::Answer(AnswerArgs { ask, answer: AnswerKind { secret: true, .. } }) => {
                Some(format!("Answer to {ask}"))
            }
            _ => match self.manual() {
                Some((name, ManualArgs { secret: true, .. })) => Some(format!("Secret to {name}")),
                _ => None,
            },
        }
    }

    /// What it is called on the command line.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Hold { .. } => "hold",
            Self::Step => "step",
            Self::RunTo { .. } => "run-to",
            Self::Cancel { .. } => "cancel",
            Self::Say { .. } => "say",
            Self::Override { .. } => "override",
            Self::Replay { .. } => "replay",
            Self::Answer(_) => "answer",
            Self::Extend { .. } => "extend",
            Self::Withdraw { .. } => "withdraw",
            Self::Take { .. } => "take",
            Self::Release => "release",
            Self::Renew => "renew",
            _ => self.manual().map_or("act", |(name, _)| name),
        }
    }

    /// The name and the members of an act by hand.
    fn manual(&self) -> Option<(&'static str, &ManualArgs)> {
        Some(match self {
            Self::Click(args) => ("click", args),
            Self::Fill(args) => ("fill", args),
            Self::Type(args) => ("type", args),
            Self::Press(args) => ("press", args),
            Self::Hover(args) => ("hover", args),
            Self::Select(args) => ("select", args),
            Self::Scroll(args) => ("scroll", args),
            Self::Navigate(args) => ("navigate", args),
            Self::Back(args) => ("back", args),
            Self::Upload(args) => ("upload", args),
            _ => return None,
        })
    }

    /// Whether exactly one producer claims it and works on it, so that it expires.
    fn is_act(&self) -> bool {
        matches!(self, Self::Step | Self::RunTo { .. } | Self::Override { .. } | Self::Replay { .. })
            || self.manual().is_some()
    }

    /// Whether producers do it, so that it has an end that can be waited for.
    pub(super) fn has_end(&self) -> bool {
        self.is_act()
            || matches!(
                self,
                Self::Pause { .. } | Self::Resume | Self::Hold { .. } | Self::Cancel { .. } | Self::Say { .. }
            )
    }

    /// The command, without its id: a JSON object as the server takes it. `secret` is what was read for it.
    pub(super) fn command(
        &self,
        target: &TargetArgs,
        expires_in: Option<u64>,
        secret: Option<String>,
    ) -> Result<Map<String, Value>, Misuse> {
        if expires_in.is_some() && !self.is_act() {
            return Err(Misuse { flag: "--expires-in", reason: "only what one worker is to do at once expires" });
        }
        let (name, members) = match self {
            Self::Pause { max_secs, now } => ("pause", json!({"maxSecs": max_secs, "now": now.then_some(true)})),
            Self::Resume => ("resume", json!({})),
            Self::Hold { when } => ("hold", json!({"when": word(*when)})),
            Self::Step => ("step", json!({})),
            Self::RunTo { location } => ("run_to", json!({"location": location})),
            Self::Cancel { reason } => ("cancel", json!({"reason": reason, "testId": target.test})),
            Self::Say { text, replace } => {
                let mode = if *replace { "replace" } else { "append" };
                ("update_instructions", json!({"instructions": text, "mode": mode}))
            }
            Self::Override { what } => ("step_override", json!({"action": {"type": word(*what)}})),
            Self::Replay { step } => match step.parse::<u64>() {
                Ok(number) => ("replay_step", json!({"stepNumber": number})),
                Err(_) => ("replay_step", json!({"stepId": step})),
            },
            Self::Answer(AnswerArgs { ask, answer }) => ("answer", answer.members(ask, secret)),
            Self::Extend { ask, secs } => ("extend", json!({"askId": ask, "secs": secs})),
            Self::Withdraw { command } => ("withdraw", json!({"withdraws": command})),
            Self::Take { steal } => ("take_control", json!({"steal": steal.then_some(true)})),
            Self::Release => ("release_control", json!({})),
            Self::Renew => ("renew_control", json!({})),
            _ => ("manual_action", self.manual().map_or_else(|| json!({}), |(name, args)| args.members(name, secret))),
        };
        let target = match self {
            Self::Cancel { .. } => TargetArgs { test: None, ..target.clone() }.json(),
            _ => target.json(),
        };
        if target.is_some() && !self.has_end() {
            return Err(Misuse { flag: "--target", reason: "it is about the run, not about one of its workers" });
        }
        let mut command = Map::from_iter([("type".to_owned(), name.into())]);
        if let Value::Object(members) = members {
            command.extend(members.into_iter().filter(|(_, value)| !value.is_null()));
        }
        command.extend(target.map(|target| ("target".to_owned(), target)));
        command.extend(expires_in.map(|secs| ("expiresInSecs".to_owned(), secs.into())));
        Ok(command)
    }
}

impl ManualArgs {
    fn members(&self, name: &str, secret: Option<String>) -> Value {
        let mut action = Map::from_iter([("action".to_owned(), name.into())]);
        let mut put = |key: &str, value: Option<Value>| {
            action.extend(value.map(|value| (key.to_owned(), value)));
        };
        put("selector", self.selector.clone().map(Value::from));
        put("point", self.point.map(Point::json));
        put("value", self.value.clone().map(Value::from));
        put("secret", secret.map(Value::from));
        put("description", self.description.clone().map(Value::from));
        json!({"action": action})
    }
}

impl AnswerKind {
    fn members(&self, ask: &str, secret: Option<String>) -> Value {
        let value = secret.or_else(|| self.value.clone()).map(Value::from).or_else(|| self.json_value.clone());
        json!({
            "askId": ask,
            "candidateId": self.candidate,
            "value": value,
            "point": self.point.map(Point::json),
            "resolution": if self.cancel { "cancelled" } else { "resolved" },
        })
    }
}

impl TargetArgs {
    fn json(&self) -> Option<Value> {
        if let Some(producer) = &self.target {
            return Some(json!({"producer": producer}));
        }
        if let Some(Slot { producer, slot }) = &self.slot {
            return Some(json!({"slot": {"producer": producer, "slot": slot}}));
        }
        self.test.as_ref().map(|test| json!({"testId": test}))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::super::{Cli, CliCommand};
    use super::*;

    fn command(line: &str, secret: Option<&str>) -> Result<Value, Misuse> {
        let words = format!("runcast steer r {line}");
        let CliCommand::Steer(args) = Cli::try_parse_from(words.split(' ')).unwrap().into_command() else {
            panic!("not steer")
        };
        let secret = secret.map(str::to_owned);
        args.action.unwrap().command(&args.target, args.expires_in, secret).map(Value::Object)
    }

    #[test]
    fn each_action_becomes_the_command_that_the_server_knows() {
        for (line, want) in [
            ("pause", json!({"type": "pause"})),
            ("pause --max-secs 60 --now", json!({"type": "pause", "maxSecs": 60, "now": true})),
            ("resume --target p:1", json!({"type": "resume", "target": {"producer": "p:1"}})),
            ("hold", json!({"type": "hold", "when": "failure"})),
            ("hold never", json!({"type": "hold", "when": "never"})),
            ("step --slot p:1:2", json!({"type": "step", "target": {"slot": {"producer": "p:1", "slot": 2}}})),
            (
                "run-to a/b.js:12 --test t",
                json!({"type": "run_to", "location": "a/b.js:12", "target": {"testId": "t"}}),
            ),
            ("cancel", json!({"type": "cancel"})),
            ("cancel --test t --reason no", json!({"type": "cancel", "testId": "t", "reason": "no"})),
            ("say quick", json!({"type": "update_instructions", "instructions": "quick", "mode": "append"})),
            ("say quick --replace", json!({"type": "update_instructions", "instructions": "quick", "mode": "replace"})),
            (
                "click --point 1,-2.5 --expires-in 9",
                json!({"type": "manual_action", "action": {"action": "click", "point": {"x": 1.0, "y": -2.5}}, "expiresInSecs": 9}),
            ),
            (
                "fill --selector #a --value -x --description why",
                json!({"type": "manual_action", "action": {"action": "fill", "selector": "#a", "value": "-x", "description": "why"}}),
            ),
            ("override retry", json!({"type": "step_override", "action": {"type": "retry"}})),
            ("replay 12", json!({"type": "replay_step", "stepNumber": 12})),
            ("replay s-12", json!({"type": "replay_step", "stepId": "s-12"})),
            (
                "answer a --candidate c",
                json!({"type": "answer", "askId": "a", "candidateId": "c", "resolution": "resolved"}),
            ),
            ("answer a --value 5", json!({"type": "answer", "askId": "a", "value": "5", "resolution": "resolved"})),
            ("answer a --json-value 5", json!({"type": "answer", "askId": "a", "value": 5, "resolution": "resolved"})),
            ("answer a --cancel", json!({"type": "answer", "askId": "a", "resolution": "cancelled"})),
            ("extend a 600", json!({"type": "extend", "askId": "a", "secs": 600})),
            ("withdraw c", json!({"type": "withdraw", "withdraws": "c"})),
            ("take", json!({"type": "take_control"})),
            ("take --steal", json!({"type": "take_control", "steal": true})),
            ("release", json!({"type": "release_control"})),
            ("renew --as ada", json!({"type": "renew_control"})),
        ] {
            assert_eq!(command(line, None), Ok(want), "{line}");
        }
    }

    #[test]
    fn a_secret_is_put_where_the_server_keeps_it_from_the_log() {
        let fill = json!({"type": "manual_action", "action": {"action": "fill", "selector": "#p", "secret": "s3"}});
        assert_eq!(command("fill --selector #p --secret", Some("s3")), Ok(fill));
        let answer = json!({"type": "answer", "askId": "a", "value": "s3", "resolution": "resolved"});
        assert_eq!(command("answer a --secret", Some("s3")), Ok(answer));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "hold always",
            "run-to a.js",
            "run-to a.js:0",
            "run-to :5",
            "say",
            "click --point 1",
            "click --point 1,nan",
            "fill --value a --secret",
            "fill --secret x",
            "override replace",
            "answer a",
            "answer a --cancel --value 5",
            "answer a --json-value {",
            "extend a 4",
            "step --slot p",
            "step --target p --test t",
            "step --expires-in 0",
            "withdraw",
            "dance",
        ] {
            let words = format!("runcast steer r {line}");
            assert!(Cli::try_parse_from(words.split(' ')).is_err(), "{line}");
        }
        assert_eq!(command("take --target p", None).unwrap_err().flag, "--target");
        assert_eq!(command("pause --expires-in 5", None).unwrap_err().flag, "--expires-in");
        assert!(Cli::try_parse_from(["runcast", "steer", "r"]).is_ok(), "alone it shows what can be done");
        assert!(Cli::try_parse_from(["runcast", "steer", "a/b"]).is_err());
    }

    #[test]
    fn a_secret_is_asked_for_only_where_one_was_announced() {
        let prompt = |line: &str| {
            let words = format!("runcast steer r {line}");
            let CliCommand::Steer(args) = Cli::try_parse_from(words.split(' ')).unwrap().into_command() else {
                panic!("not steer")
            };
            args.action.unwrap().secret_prompt()
        };
        assert_eq!(prompt("answer a --secret").unwrap(), "Answer to a");
        assert_eq!(prompt("fill --secret").unwrap(), "Secret to fill");
        assert_eq!(prompt("answer a --value x"), None);
        assert_eq!(prompt("pause"), None);
    }
}
