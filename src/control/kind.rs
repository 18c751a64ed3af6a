//! The kinds of commands, and what becomes of them.

use serde::Serialize;

use crate::protocol::ServerEvent;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident $command:literal $event:ident $sort:ident;)+) => {
        /// The kinds of commands that are in the log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CommandKind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl CommandKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The `type` of the command.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $command,)+ }
            }

            /// Its event.
            pub const fn event(self) -> ServerEvent {
                match self { $(Self::$name => ServerEvent::$event,)+ }
            }

            /// How it is obeyed.
            pub const fn sort(self) -> Sort {
                match self { $(Self::$name => Sort::$sort,)+ }
            }

            /// The kind of command with this `type`.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($command => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

/// How a command is obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By every producer that it is for, also by those that join later, until another of its kind takes its place.
    State,
    /// By one producer, which claims it.
    Act,
    /// By the fold itself, at once.
    Word,
}

kinds! {
    /// Pause.
    Pause "pause" PauseRequested State;
    /// Stop.
    Cancel "cancel" CancelRequested State;
    /// Go on.
    Resume "resume" ResumeRequested State;
    /// Hold failing tests open, or not.
    Hold "hold" HoldRequested State;
    /// Instructions to the agent that tests.
    Instructions "update_instructions" InstructionsUpdated State;
    /// One step.
    Step "step" StepRequested Act;
    /// Up to a line.
    RunTo "run_to" RunToRequested Act;
    /// An action by hand.
    Action "manual_action" ActionQueued Act;
    /// Another end of a step.
    Override "step_override" StepOverrideQueued Act;
    /// A step again.
    Replay "replay_step" ReplayStepRequested Act;
    /// The answer to a question. One that is a secret is claimed by the producer that asked.
    Answer "answer" AskAnswered Word;
    /// More time for a question.
    Extend "extend" AskExtended Word;
    /// A command is taken back.
    Withdraw "withdraw" CommandWithdrawn Word;
    /// The lease is taken.
    Take "take_control" ControlTaken Word;
    /// The lease is given back.
    Release "release_control" ControlReleased Word;
}

impl CommandKind {
    /// The kind of command whose event has this `type`.
    pub fn of_event(event_type: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.event().as_str() == event_type)
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandState {
    /// It waits for a producer.
    Queued,
    /// A producer works on it.
    Accepted,
    /// It was done.
    Done,
    /// It was tried and not done.
    Failed,
    /// A producer can't do it, and says why.
    Rejected,
    /// Nobody claimed it in time.
    Expired,
    /// It was taken back.
    Withdrawn,
    /// A later one of its kind took its place.
    Superseded,
    /// Whoever worked on it is gone, or the run has ended.
    Interrupted,
}

impl CommandState {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Interrupted => "interrupted",
        }
    }
}

impl CommandState {
    /// Whether the command has ended.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Accepted)
    }
}
