//! Who may do something: from what a request shows to an [`Identity`] with its rights.
//!
//! The edge asks the [`Authenticator`] once per request, before any handler. What somebody shows is a credential: an API key,
//! the secret of a share link or of a session, whose SHA-256 is in the catalog; or a token, which is verified by its
//! signature: of an identity provider ([`jwt`]), or of this server ([`OwnTokens`]), which gives them in exchange for those
//! of build servers ([`TokenExchange`]). People sign in with their identity provider ([`oidc`]), and let their command lines
//! in ([`DeviceRequests`]). Nothing here knows routes.

mod authenticator;
mod device;
mod device_decision;
mod error;
mod exchange;
mod identity;
mod issuing;
pub mod jwt;
mod known;
pub mod oidc;
mod own_tokens;
mod provider_client;
mod revoked;
mod sealed;
mod secret;
#[cfg(test)]
mod testing;
mod verifiers;

pub use authenticator::{AuthLimits, Authenticator, SeenCredential};
pub use device::{DEVICE_PURPOSE, DeviceRequest, DeviceRequests, device_code};
pub use device_decision::DeviceDecision;
pub use error::AuthError;
pub use exchange::{ExchangeError, ExchangedToken, TokenExchange};
pub use identity::Identity;
pub use issuing::{IssueError, WantedCredential};
pub use own_tokens::{OWN_TOKEN_PURPOSE, OwnTokens};
pub use sealed::SealError;
pub use secret::AccessSecret;
pub use verifiers::TokenVerifiers;
