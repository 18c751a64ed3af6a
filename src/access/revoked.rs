//! What is no longer good, as this node has read it from the catalog.

use std::collections::HashMap;

use super::Identity;
use crate::protocol::Timestamp;
use crate::storage::catalog::access::{Revocation, Revoked};

/// All revocations, by what they revoke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RevokedSet(HashMap<Revoked, Timestamp>);

impl RevokedSet {
    pub(super) fn of(revocations: Vec<Revocation>) -> Self {
        Self(revocations.into_iter().map(|revocation| (revocation.what, revocation.issued_until)).collect())
    }

    pub(super) fn add(&mut self, revocation: &Revocation) {
        let until = self.0.entry(revocation.what.clone()).or_insert(revocation.issued_until);
        *until = (*until).max(revocation.issued_until);
    }

    /// Adds what is in the other one.
    pub(super) fn merge(&mut self, other: Self) {
        for (what, until) in other.0 {
            let known = self.0.entry(what).or_insert(until);
            *known = (*known).max(until);
        }
    }

    /// Whether the credential, one that it was made with, or the subject of one of these was revoked after it was issued.
    pub(super) fn has(&self, identity: &Identity) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let credential = |id: &str| self.0.contains_key(&Revoked::Credential(id.to_owned()));
        let subject = |subject: &str, issued_at: Timestamp| {
            self.0.get(&Revoked::Subject(subject.to_owned())).is_some_and(|until| issued_at <= *until)
        };
        credential(&identity.credential)
            || identity.made_with.iter().any(|id| credential(id))
            || subject(&identity.subject, identity.issued_at)
            || identity.makers.iter().any(|maker| subject(&maker.subject, maker.issued_at))
    }
}
