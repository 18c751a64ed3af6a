//! Who may do something: from what a request shows to an [`Identity`] with its rights.
//!
//! The edge asks the [`Authenticator`] once per request, before any handler. What somebody shows is a credential: an API key,
//! the secret of a share link or of a session, whose SHA-256 is in the catalog; or a token, which is verified by its
//! signature: of an identity provider ([`jwt`]), or of this server ([`OwnTokens`]), which gives them in exchange for those
//! of build servers ([`TokenExchange`]). Nothing here knows HTTP.

mod authenticator;
mod error;
mod exchange;
mod identity;
mod issuing;
pub mod jwt;
mod known;
mod own_tokens;
mod revoked;
mod secret;
#[cfg(test)]
mod testing;
mod verifiers;

pub use authenticator::{AuthTimes, Authenticator};
pub use error::AuthError;
pub use exchange::{ExchangeError, ExchangedToken, TokenExchange};
pub use identity::Identity;
pub use issuing::{IssueError, WantedCredential};
pub use own_tokens::{OWN_TOKEN_PURPOSE, OwnTokens};
pub use secret::AccessSecret;
pub use verifiers::TokenVerifiers;
