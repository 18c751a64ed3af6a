//! Tokens of identity providers: JSON Web Tokens (RFC 7519) of the issuers that the configuration lists.
//!
//! A token never says how it is to be verified. Its algorithm must be one that is listed for its issuer, and one that the
//! key is for; keys come from the issuer's key set alone, never from the token (`jku`, `x5u`, `jwk`). `jsonwebtoken`
//! verifies the signature. What the token claims is checked in `claims`, because the library takes a missing `iss` or
//! `aud` for a right one unless it is told otherwise, does not look at `nbf`, and asks another clock than ours.

mod claims;
mod issuers;
mod key_source;
mod keys;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use issuers::subject_as_known;
pub use issuers::{JwtIssuers, TokenIssuer, TokenUse};
pub use key_source::{KeySource, KeyTimes};
pub use rules::{ClaimCondition, ClaimRule};

use crate::protocol::Timestamp;

/// Most bytes of a token. Those of large groups have 4 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// By how much the issuer's clock and ours may differ.
pub(super) const LEEWAY_MILLIS: i64 = 30_000;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is too long.
    #[error("it has more than {MAX_TOKEN_BYTES} bytes")]
    Long,
    /// It is no token, or of a kind that is not taken.
    #[error("it is no JSON Web Token: {0}")]
    Form(&'static str),
    /// No issuer of this name is listed.
    #[error("its issuer (iss) is not listed in auth.issuers")]
    Issuer,
    /// It is meant for somebody else.
    #[error("it is for others: its audience (aud) has none of auth.issuers' audiences")]
    Audience,
    /// It says an algorithm that its issuer is not listed with.
    #[error("its algorithm is none that auth.issuers lists for its issuer")]
    Algorithm,
    /// Its issuer has no such key.
    #[error("its issuer has no such key")]
    Key,
    /// It was changed, or somebody else has signed it.
    #[error("its signature is wrong")]
    Signature,
    /// A claim that it must have is missing, or is of another type.
    #[error("its claim {0} is missing or has the wrong type")]
    Claim(&'static str),
    /// Its time is over.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// Its time has not come.
    #[error("it is not good before {0}")]
    Early(Timestamp),
    /// No rule gives its holder anything.
    #[error("no rule of its issuer gives its holder anything{0}")]
    Rules(String),
    /// It is to be exchanged before it is used.
    #[error("it is only good at POST /api/token, which exchanges it for a token of this server")]
    OnlyExchanged,
    /// It can't be exchanged.
    #[error("its issuer is not listed with exchange = true")]
    NeverExchanged,
    /// The keys of its issuer can't be had now. The log says why: whoever shows a token need not know where they are.
    #[error("the keys of its issuer can't be read now")]
    Away,
}
