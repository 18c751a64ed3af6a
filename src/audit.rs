//! The audit log: who was given rights, who was refused, and who did what. Its lines have a target of their own, so that
//! they can go to a file of their own (`log.audit_file`). They name people and things; what somebody has written, a value,
//! an instruction or an answer, and every secret stay out.

use std::net::IpAddr;

use tracing::info;

use crate::protocol::{Principal, RunId};

/// The target of its lines.
pub const AUDIT_TARGET: &str = "runcast::audit";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// An issuer's token was verified by this node: it lets its holder in until it ends.
    TokenVerified,
    /// A build's token was exchanged.
    TokenExchanged,
    /// Somebody has signed in, in a browser.
    SignedIn,
    /// Somebody has signed out.
    SignedOut,
    /// A command line was let in.
    DeviceLetIn,
    /// A command line was refused by whoever was asked.
    DeviceRefused,
    /// An API key was made.
    KeyCreated,
    /// An API key was revoked.
    KeyRevoked,
    /// A share link was made.
    ShareCreated,
    /// A share link was revoked.
    ShareRevoked,
    /// A share link was followed.
    ShareOpened,
    /// All that a subject had was revoked.
    SubjectRevoked,
    /// A run was pinned.
    RunPinned,
    /// A run's pin was taken away.
    RunUnpinned,
    /// A run was deleted.
    RunDeleted,
    /// An artifact was deleted.
    ArtifactDeleted,
    /// A cleanup was started.
    CleanupStarted,
    /// A command was given to a run.
    Command,
    /// Somebody was refused for lack of a right.
    Refused,
}

impl AuditAction {
    /// As lines have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenVerified => "token_verified",
            Self::TokenExchanged => "token_exchanged",
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::DeviceLetIn => "device_let_in",
            Self::DeviceRefused => "device_refused",
            Self::KeyCreated => "key_created",
            Self::KeyRevoked => "key_revoked",
            Self::ShareCreated => "share_created",
            Self::ShareRevoked => "share_revoked",
            Self::ShareOpened => "share_opened",
            Self::SubjectRevoked => "subject_revoked",
            Self::RunPinned => "run_pinned",
            Self::RunUnpinned => "run_unpinned",
            Self::RunDeleted => "run_deleted",
            Self::ArtifactDeleted => "artifact_deleted",
            Self::CleanupStarted => "cleanup_started",
            Self::Command => "command",
            Self::Refused => "refused",
        }
    }
}

/// A line: what was done, by whom, and to what. What is not known or does not apply is left out.
#[derive(Clone, Debug)]
pub struct AuditEntry<'a> {
    action: AuditAction,
    by: Option<&'a Principal>,
    credential: Option<&'a str>,
    claimed: Option<&'a str>,
    address: Option<IpAddr>,
    run: Option<&'a RunId>,
    item: Option<&'a str>,
    outcome: Option<&'a str>,
}

impl<'a> AuditEntry<'a> {
    /// A line that says this.
    pub fn of(action: AuditAction) -> Self {
        Self { action, by: None, credential: None, claimed: None, address: None, run: None, item: None, outcome: None }
    }

    /// Who did it.
    pub fn by(self, by: Option<&'a Principal>) -> Self {
        Self { by, ..self }
    }

    /// The id of the credential that it was done with.
    pub fn with(self, credential: Option<&'a str>) -> Self {
        Self { credential, ..self }
    }

    /// What the issuer calls the subject, where the subject is a digest of it: an e-mail address stands here alone.
    pub fn claimed(self, claimed: &'a str) -> Self {
        Self { claimed: Some(claimed), ..self }
    }

    /// From where.
    pub fn from(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// The run that it is about.
    pub fn run(self, run: Option<&'a RunId>) -> Self {
        Self { run, ..self }
    }

    /// What else it is about: the id of a key, a link, an artifact or a command; a subject; what was asked for.
    pub fn item(self, item: &'a str) -> Self {
        Self { item: Some(item), ..self }
    }

    /// How it ended, or which kind of it: a command's, or a status.
    pub fn outcome(self, outcome: &'a str) -> Self {
        Self { outcome: Some(outcome), ..self }
    }

    /// Writes the line.
    pub fn write(self) {
        let Self { action, by, credential, claimed, address, run, item, outcome } = self;
        info!(
            target: AUDIT_TARGET,
            action = action.as_str(),
            subject = by.map(|by| &*by.subject),
            name = by.map(|by| &*by.name),
            kind = by.map(|by| by.kind.as_str()),
            via = by.map(|by| by.via.as_str()),
            verified = by.map(|by| by.verified),
            credential,
            claimed,
            address = address.map(tracing::field::display),
            run = run.map(tracing::field::display),
            item,
            outcome,
        );
    }
}
