//! How an actor is run, watched, judged and rebuilt. For any actor that has children.
//!
//! - [`mod@spawn`] runs an actor in a task of its own and tells how it ended: a panic is an [`Exit`], not the end of a
//!   thread. (`actix::Supervisor` does not notice a panic.)
//! - [`policy`] says what to do about an exit. Pure.
//! - [`service`] is an actor's address that stays good across its restarts.
//! - [`temporary`] runs an actor that nobody owns: a session, a broadcaster.
//! - [`escalation`] is how the root learns that the node must go.
//! - [`child`] is the recipe of a child that the [`Supervisor`](super::supervisor::Supervisor) keeps alive.
//! - [`live_actors`] knows who is alive, so that a drain can prove that nobody is left.
//!
//! However an actor ends, its end is counted by name and by how (`runcast_actor_exits_total`, `/api/actors`). Tasks
//! that are no actors are started by [`crate::tasks`], which does the same for their panics.
//!
//! Whoever holds a child's [`Done`] owns it: a child is told to stop when its owner goes, however that goes.
//! A restarted actor is built anew by its factory. Nothing of the old struct survives: neither its state nor its
//! mailbox, whose senders hear [`Refused::Away`].

pub mod child;
pub mod escalation;
pub mod live_actors;
pub mod policy;
pub mod service;
pub mod spawn;
pub mod temporary;

pub use child::ChildSpec;
pub use escalation::{Escalated, Escalation};
pub use live_actors::{LiveActorGuard, LiveActors};
pub use policy::{ChildKind, History, Policy, RestartDecision};
pub use service::{Refused, Service, ServiceRecipient};
pub use spawn::{Child, Done, Lifeline, StopHandle, spawn};
pub use temporary::{TemporaryActor, spawn_temporary, spawn_temporary_unconstrained};

use serde::{Serialize, Serializer};

/// How an actor ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exit {
    /// It stopped by itself, because nobody held its address any more, or because it was told to.
    #[error("stopped")]
    Stopped,
    /// It gave up and said why: see [`Lifeline::fail`].
    #[error("failed: {0}")]
    Failed(String),
    /// It panicked, with this message: a bug.
    #[error("panicked: {0}")]
    Panicked(String),
    /// Its factory could not build it.
    #[error("could not start: {0}")]
    StartFailed(String),
}

impl Exit {
    /// How it ended, in a word: the metric's label.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::StartFailed(_) => "start_failed",
        }
    }
}

/// As text, for `/api/actors`.
impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
