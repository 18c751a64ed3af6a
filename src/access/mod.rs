//! Who may do something: from what a request shows to an [`Identity`] with its rights.
//!
//! The edge asks the [`Authenticator`] once per request, before any handler. What somebody shows is a credential: an API
//! key, the secret of a share link or of a session, whose SHA-256 is in the catalog. Nothing here knows HTTP.

mod authenticator;
mod identity;
mod issuing;
mod known;
mod revoked;
mod secret;

pub use authenticator::{AuthError, AuthTimes, Authenticator};
pub use identity::Identity;
pub use issuing::{IssueError, WantedCredential};
pub use secret::AccessSecret;
