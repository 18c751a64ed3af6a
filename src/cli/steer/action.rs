//! What can be said to a run, as the command line has it.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::arguments::{Point, parse_json, parse_location};

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
    pub(super) selector: Option<String>,
    /// A point of the page, in CSS pixels
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true)]
    pub(super) point: Option<Point>,
    /// The text, key, option, address or path
    #[arg(long, allow_hyphen_values = true)]
    pub(super) value: Option<String>,
    /// Read the value from the terminal without showing it, or from stdin; it stays out of the run's log
    #[arg(long, conflicts_with = "value")]
    pub(super) secret: bool,
    /// What this is for, for whoever reads the log
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,
}

/// The answer to a question.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(super) struct AnswerArgs {
    /// The question
    #[arg(value_name = "ASK")]
    pub(super) ask: String,
    #[command(flatten)]
    pub(super) answer: AnswerKind,
}

/// How a question is answered.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct AnswerKind {
    /// With one of its candidates
    #[arg(long, value_name = "ID")]
    pub(super) candidate: Option<String>,
    /// With a text
    #[arg(long, allow_hyphen_values = true)]
    pub(super) value: Option<String>,
    /// With JSON, as the question's responseSchema wants it
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, value_parser = parse_json)]
    pub(super) json_value: Option<Value>,
    /// With a point of the page, in CSS pixels
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true)]
    pub(super) point: Option<Point>,
    /// With what is read from the terminal without showing it, or from stdin; it stays out of the run's log
    #[arg(long)]
    pub(super) secret: bool,
    /// With "no": the question is refused
    #[arg(long)]
    pub(super) cancel: bool,
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
    pub(super) fn manual(&self) -> Option<(&'static str, &ManualArgs)> {
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
    pub(super) fn is_act(&self) -> bool {
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
}
