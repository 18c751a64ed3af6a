//! Tokens that are verified without a look into the catalog.

use std::sync::Arc;

use super::jwt::{JwtError, JwtIssuers, TokenUse};
use super::own_tokens::OwnTokens;
use super::{AuthError, Identity};
use crate::audit::{AuditAction, AuditEntry};
use crate::protocol::{Timestamp, Via};

/// Verifies tokens of listed issuers, and those of this server. Whether what it finds was revoked is not its business.
#[derive(Clone, Debug, Default)]
pub struct TokenVerifiers {
    /// The issuers that are listed.
    pub issuers: Option<Arc<JwtIssuers>>,
    /// The tokens that this server signs.
    pub own: Option<OwnTokens>,
}

impl TokenVerifiers {
    /// The request headers that carry tokens besides `Authorization`. A proxy adds them to whatever a browser sends, also
    /// when another site makes it send it: they count as a cookie does.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.issuers.iter().flat_map(|issuers| issuers.headers())
    }

    /// Whose token this is; `None` if it has not the form of one. What was verified is good until its rights expire.
    pub async fn verify(&self, shown: &str, now: Timestamp) -> Option<Result<Identity, AuthError>> {
        if let Some(own) = self.own.as_ref().filter(|_| OwnTokens::may_be_token(shown)) {
            return Some(own.verify(shown, now));
        }
        let issuers = self.issuers.as_ref().filter(|_| JwtIssuers::may_be_token(shown))?;
        let verified = issuers.verify(shown, now).await.and_then(|verified| match verified.usage {
            TokenUse::Shown => {
                let by = verified.identity.principal(Via::Http);
                let entry = AuditEntry::of(AuditAction::TokenVerified).by(Some(&by)).claimed(&verified.claimed);
                entry.with(Some(&verified.identity.credential)).write();
                Ok(verified.identity)
            }
            TokenUse::ExchangedOnce | TokenUse::Exchanged => Err(JwtError::OnlyExchanged),
        });
        Some(verified.map_err(AuthError::from))
    }
}

impl From<JwtError> for AuthError {
    fn from(error: JwtError) -> Self {
        match error {
            JwtError::Expired(at) => Self::Expired(at),
            JwtError::Away => Self::Unavailable(error.to_string()),
            error => Self::Refused(error.to_string()),
        }
    }
}
