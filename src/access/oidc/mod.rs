//! Signing in with an identity provider: OpenID Connect, the authorization code flow with PKCE (RFC 7636).
//!
//! Whoever begins gets a cookie with what must come back: the state, the nonce, the verifier and where to go on. It is sealed,
//! so any node finishes what another one has begun, and none keeps anything. The provider's ID token is verified as the tokens
//! of any listed issuer are ([`super::jwt`]); `openidconnect` would verify it a second time in a way of its own, with the `rsa`
//! crate of RUSTSEC-2023-0071.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::access::jwt::{ClaimRule, JwtError, KeyTimes};
use crate::access::sealed::Sealer;
use crate::storage::catalog::access::AccessCatalog;

mod code_exchange;
mod discovery;
mod sign_in;
#[cfg(test)]
mod tests;

use discovery::Discovery;
pub use sign_in::{BegunSignIn, ProviderAnswer, SignedIn};

/// What the keys of begun sign-ins are derived for, from a key of `auth.signing_keys`.
pub const SIGN_IN_PURPOSE: &[u8] = b"runcast: key of sign-ins that have begun";

/// How long somebody may take at the provider: 10 minutes.
pub const SIGN_IN_MILLIS: i64 = 600_000;

/// Most sign-ins that ask the provider at a time: each takes a connection, and whoever has begun one can do it.
const EXCHANGES: usize = 16;

/// What this server and its provider know of each other.
#[derive(Clone)]
pub struct ProviderTerms {
    /// The provider's name here: it begins the subjects of its people.
    pub name: Arc<str>,
    /// Its address, which its tokens say in `iss`.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// By what it knows this server.
    pub client_secret: Option<zeroize::Zeroizing<String>>,
    /// What it is asked to tell.
    pub scopes: Vec<String>,
    /// What its tokens may say in `aud`.
    pub audiences: Vec<String>,
    /// The claim that says who somebody is.
    pub subject_claim: String,
    /// The claim with the name for people.
    pub name_claim: String,
    /// What its people may do.
    pub rules: Vec<ClaimRule>,
    /// Where it sends them back to: `/auth/callback` of this server.
    pub redirect_uri: String,
}

/// The identity provider with which people sign in. Clones are the same.
#[derive(Clone)]
pub struct OidcProvider(Arc<ProviderState>);

struct ProviderState {
    terms: ProviderTerms,
    sealer: Sealer,
    /// Remembers which sign-ins have come back.
    catalog: Arc<dyn AccessCatalog>,
    client: reqwest::Client,
    times: KeyTimes,
    discovery: Discovery,
    /// Sign-ins that may ask the provider at a time.
    exchanges: Semaphore,
}

/// Why somebody is not signed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// This browser has not begun it.
    #[error("this browser has not begun this sign-in, or has begun another one since")]
    NotBegun,
    /// It has taken too long.
    #[error("this sign-in has taken more than ten minutes")]
    Expired,
    /// It has come back before.
    #[error("this sign-in was finished before")]
    Used,
    /// The provider has said no; its word for it.
    #[error("the identity provider answers {0}")]
    Denied(String),
    /// The provider does not take what it gave before, or its answer is none.
    #[error("the identity provider does not confirm who you are")]
    Unconfirmed,
    /// What it says of somebody is refused.
    #[error("what the identity provider says of you is refused: {0}")]
    Refused(JwtError),
    /// It, or the catalog, does not answer. The log says why.
    #[error("{0}")]
    Away(&'static str),
}

impl OidcProvider {
    /// The provider, which is asked when somebody signs in. `None` without a key to seal with.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(
        terms: ProviderTerms,
        keys: &[[u8; 32]],
        catalog: Arc<dyn AccessCatalog>,
        times: KeyTimes,
    ) -> Result<Option<Self>, reqwest::Error> {
        let Some(sealer) = Sealer::new(SIGN_IN_PURPOSE, keys) else { return Ok(None) };
        let client = super::provider_client::client(&terms.issuer)?;
        let state = ProviderState {
            terms,
            sealer,
            catalog,
            client,
            times,
            discovery: Discovery::default(),
            exchanges: Semaphore::new(EXCHANGES),
        };
        Ok(Some(Self(Arc::new(state))))
    }

    /// Its name, for people.
    pub fn name(&self) -> &Arc<str> {
        &self.0.terms.name
    }
}

impl fmt::Debug for OidcProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OidcProvider({})", self.0.terms.name)
    }
}
