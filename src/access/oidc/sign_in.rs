//! A sign-in, from the browser that begins it to who comes back.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::code_exchange::word;
use super::{OidcProvider, SIGN_IN_MILLIS, SignInError};
use crate::access::Identity;
use crate::access::jwt::JwtError;
use crate::access::sealed::SealError;
use crate::access::secret::digest_of;
use crate::protocol::Timestamp;

/// By how much longer than it can come back a sign-in is remembered: clocks of nodes differ.
const REMEMBER_MILLIS: i64 = 300_000;

/// A sign-in that has begun.
pub struct BegunSignIn {
    /// Where the browser goes.
    pub url: String,
    /// What it keeps meanwhile.
    pub sealed: String,
}

/// With what the browser comes back from the provider.
#[derive(Default, Deserialize)]
pub struct ProviderAnswer {
    /// Which sign-in it is about.
    pub state: Option<String>,
    /// What the provider gives a token for.
    pub code: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who has answered (RFC 9207).
    pub iss: Option<String>,
}

/// Somebody who has signed in.
pub struct SignedIn {
    /// Who. The rights end when the provider's token does, which says nothing of how long somebody stays signed in.
    pub identity: Identity,
    /// What the provider calls that, for the audit log alone: it may be an e-mail address.
    pub claimed: String,
    /// The path where the sign-in began.
    pub next: String,
}

/// What the browser keeps.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: String,
    nonce: String,
    verifier: String,
    next: String,
}

impl OidcProvider {
    /// Begins a sign-in, after which the browser goes on to the path `next`.
    ///
    /// # Errors
    /// [`SignInError::Away`]
    pub async fn begin(&self, next: &str, now: Timestamp) -> Result<BegunSignIn, SignInError> {
        let provider = &*self.0;
        let discovered = self.discovered(now).await?;
        let random = || random().ok_or(SignInError::Away("the system has no randomness"));
        let kept = Kept { state: random()?, nonce: random()?, verifier: random()?, next: next.to_owned() };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, kept.verifier.as_bytes()));
        let mut url = discovered.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.terms.client_id)
            .append_pair("redirect_uri", &provider.terms.redirect_uri)
            .append_pair("scope", &provider.terms.scopes.join(" "))
            .append_pair("state", &kept.state)
            .append_pair("nonce", &kept.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let sealed = provider.sealer.seal(kept, now.plus_millis(SIGN_IN_MILLIS));
        let sealed = sealed.ok_or(SignInError::Away("the system has no randomness"))?;
        Ok(BegunSignIn { url: url.into(), sealed })
    }

    /// Where a sign-in began, as far as its cookie says so: to begin it anew.
    pub fn next(&self, sealed: Option<&str>, now: Timestamp) -> Option<String> {
        self.0.sealer.open::<Kept>(sealed?, now).ok().map(|(kept, _)| kept.next)
    }

    /// Finishes a sign-in with what the provider has answered, once.
    ///
    /// # Errors
    /// [`SignInError`]
    pub async fn finish(
        &self,
        sealed: Option<&str>,
        answer: &ProviderAnswer,
        now: Timestamp,
    ) -> Result<SignedIn, SignInError> {
        let provider = &*self.0;
        let opened = sealed.ok_or(SignInError::NotBegun).and_then(|sealed| {
            provider.sealer.open::<Kept>(sealed, now).map_err(|error| match error {
                SealError::Foreign => SignInError::NotBegun,
                SealError::Expired => SignInError::Expired,
            })
        });
        let (kept, until) = opened?;
        // Whoever brings somebody else's answer here signs nobody in: the state must be this browser's own.
        if answer.state.as_deref() != Some(kept.state.as_str()) {
            return Err(SignInError::NotBegun);
        }
        if answer.iss.as_ref().is_some_and(|issuer| *issuer != provider.terms.issuer) {
            return Err(SignInError::Unconfirmed);
        }
        if let Some(error) = &answer.error {
            return Err(SignInError::Denied(word(error)));
        }
        let code = answer.code.as_deref().ok_or(SignInError::Unconfirmed)?;
        let _permit = provider.exchanges.try_acquire().map_err(|_| SignInError::Away("too many people sign in now"))?;
        let id = digest_of(format!("sign-in\0{}", kept.state).as_bytes());
        let is_first = provider.catalog.use_once(id, until.plus_millis(REMEMBER_MILLIS)).await.map_err(|error| {
            warn!(%error, "nobody is signed in, because that can't be written down");
            SignInError::Away("the catalog does not answer")
        })?;
        if !is_first {
            return Err(SignInError::Used);
        }
        let discovered = self.discovered(now).await?;
        let token = provider.id_token(&discovered, code, &kept.verifier).await?;
        let verified = discovered.verifier.verify(&token, now).await.map_err(|error| match error {
            JwtError::Away => SignInError::Away("the keys of the identity provider can't be read"),
            error => SignInError::Refused(error),
        })?;
        let says = |claim: &str| verified.claims.get(claim).and_then(|value| value.as_str());
        if says("nonce") != Some(&kept.nonce) {
            return Err(SignInError::Refused(JwtError::Claim("nonce")));
        }
        // Core 1.0, section 3.1.3.7: if it says for whom it was made, that must be this server.
        if verified.claims.contains_key("azp") && says("azp") != Some(&provider.terms.client_id) {
            return Err(SignInError::Refused(JwtError::Audience));
        }
        Ok(SignedIn { identity: verified.identity, claimed: verified.claimed, next: kept.next })
    }
}

/// 256 random bits in base64url.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}
