//! Who somebody is, once that has been verified.

use std::sync::Arc;

use crate::protocol::{Principal, PrincipalKind, Rights, Timestamp, Via};
use crate::storage::catalog::access::Maker;

/// Somebody whose credential was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who, opaque and the same with each of its credentials.
    pub subject: Arc<str>,
    /// The name for people.
    pub name: Arc<str>,
    /// What it is.
    pub kind: PrincipalKind,
    /// What it may do.
    pub rights: Rights,
    /// The credential, as lists and the audit log name it.
    pub credential: Arc<str>,
    /// The credentials that it was made with, the first one first; it is void when one of them is.
    pub made_with: Vec<Arc<str>>,
    /// Whose those were; it is void when one of these subjects was revoked.
    pub makers: Vec<Maker>,
    /// Whether the credential is the session of a browser: what is made in it goes on when somebody signs out.
    pub is_session: bool,
    /// When the credential was issued: a revocation of its subject holds for what was issued before.
    pub issued_at: Timestamp,
}

impl Identity {
    /// Whether it came by a share link.
    pub fn is_guest(&self) -> bool {
        self.subject.starts_with("share:")
    }

    /// The principal in whose name something is asked for that came this way.
    pub fn principal(&self, via: Via) -> Principal {
        Principal { subject: self.subject.clone(), name: self.name.clone(), kind: self.kind, via, verified: true }
    }
}
