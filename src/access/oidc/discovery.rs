//! What a provider says of itself (OpenID Connect Discovery 1.0), loaded when somebody signs in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use tokio::sync::watch;
use tracing::warn;

use super::{OidcProvider, ProviderState, SignInError};
use crate::access::jwt::{JwtIssuers, KeySource, TokenIssuer, TokenUse};
use crate::access::provider_client::{body, reason};
use crate::protocol::trusted_url::trusted_url;
use crate::protocol::{PrincipalKind, Timestamp};
use crate::tasks;

/// After how long it is asked again what it offers.
const MAX_AGE_MILLIS: i64 = 600_000;
/// How long it is not asked again after it has not answered.
const RETRY_MILLIS: i64 = 2_000;
/// The algorithms of its tokens; which of them its keys say.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What is known of a provider.
#[derive(Default)]
pub(super) struct Discovery(Mutex<State>);

#[derive(Default)]
struct State {
    found: Option<Arc<Discovered>>,
    /// When it was last asked, and whether it has not answered.
    asked_at: Option<Timestamp>,
    has_failed: bool,
    /// The load that runs: it closes the channel at its end.
    running: Option<watch::Receiver<()>>,
}

/// What a provider offers.
pub(super) struct Discovered {
    /// Where people sign in.
    pub(super) authorization: reqwest::Url,
    /// Where it gives tokens for codes.
    pub(super) token: reqwest::Url,
    /// Whether it wants the client's secret in the form, not in `Authorization`.
    pub(super) takes_posted_secret: bool,
    /// Where its keys are.
    keys_at: String,
    /// Verifies its tokens.
    pub(super) verifier: JwtIssuers,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl OidcProvider {
    /// What the provider offers. What is known is had at once, and stays good while the provider is away; only what is not
    /// known is waited for.
    pub(super) async fn discovered(&self, now: Timestamp) -> Result<Arc<Discovered>, SignInError> {
        match self.look(now) {
            (Some(found), _) => return Ok(found),
            // The channel has no values: this returns when it is closed.
            (None, Some(mut running)) => _ = running.changed().await,
            (None, None) => {}
        }
        self.0.discovery.state().found.clone().ok_or(SignInError::Away("the identity provider does not answer"))
    }

    /// What is known, and the load that runs: one is begun if it is due.
    pub(super) fn look(&self, now: Timestamp) -> (Option<Arc<Discovered>>, Option<watch::Receiver<()>>) {
        let mut state = self.0.discovery.state();
        let pause = if state.has_failed { RETRY_MILLIS } else { MAX_AGE_MILLIS };
        if state.running.is_none() && state.asked_at.is_none_or(|asked| asked.plus_millis(pause) <= now) {
            let (end, running) = watch::channel(());
            (state.asked_at, state.running) = (Some(now), Some(running));
            let load = RunningDiscovery { provider: self.clone(), _end: end };
            // Whoever waits is told by its end, also after a panic.
            drop(tasks::spawn("provider_discovery", load.run()));
        }
        (state.found.clone(), state.running.clone())
    }
}

impl Discovery {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A load that runs; its end is that of the channel.
struct RunningDiscovery {
    provider: OidcProvider,
    _end: watch::Sender<()>,
}

impl RunningDiscovery {
    async fn run(self) {
        let provider = &*self.provider.0;
        let known = provider.discovery.state().found.clone();
        let discovered = provider.discover(known.as_ref()).await;
        let mut state = provider.discovery.state();
        state.has_failed = discovered.is_err();
        match discovered {
            Ok(found) => state.found = Some(found),
            Err(failure) => {
                warn!(provider = %provider.terms.name, %failure, "the identity provider does not say what it offers");
            }
        }
    }
}

impl Drop for RunningDiscovery {
    fn drop(&mut self) {
        self.provider.0.discovery.state().running = None;
    }
}

impl ProviderState {
    async fn discover(&self, known: Option<&Arc<Discovered>>) -> Result<Arc<Discovered>, String> {
        let url = format!("{}/.well-known/openid-configuration", self.terms.issuer.trim_end_matches('/'));
        let response = self.client.get(url).header("accept", "application/json").send().await.map_err(reason)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("it answers {}", response.status()));
        }
        let document = serde_json::from_slice(&body(response).await?);
        let document: Document =
            document.map_err(|error| format!("what it answers is no discovery document: {error}"))?;
        if document.issuer != self.terms.issuer {
            return Err(format!("it says that it is {:?}, and auth.oidc.issuer is another one", document.issuer));
        }
        if let Some(known) = known.filter(|known| known.is_as(&document)) {
            return Ok(known.clone());
        }
        let endpoint = |name: &str, text: &str| {
            trusted_url(text).ok_or_else(|| format!("its {name} is no https:// URL, or http:// of this machine"))
        };
        endpoint("jwks_uri", &document.jwks_uri)?;
        let verifier = JwtIssuers::new(vec![self.token_issuer(&document.jwks_uri)], self.times);
        Ok(Arc::new(Discovered {
            authorization: endpoint("authorization_endpoint", &document.authorization_endpoint)?,
            token: endpoint("token_endpoint", &document.token_endpoint)?,
            takes_posted_secret: document.takes_posted_secret(),
            verifier: verifier.map_err(reason)?,
            keys_at: document.jwks_uri,
        }))
    }

    /// The provider as an issuer of ID tokens, which are good for nothing but to sign in.
    fn token_issuer(&self, keys_at: &str) -> TokenIssuer {
        let terms = &self.terms;
        TokenIssuer {
            name: terms.name.clone(),
            issuer: terms.issuer.clone(),
            keys: KeySource::Url(keys_at.to_owned()),
            audiences: terms.audiences.clone(),
            header: None,
            algorithms: ALGORITHMS.to_vec(),
            subject_claim: terms.subject_claim.clone(),
            name_claim: terms.name_claim.clone(),
            kind: PrincipalKind::Human,
            rules: terms.rules.clone(),
            usage: TokenUse::Shown,
        }
    }
}

impl Document {
    /// Whether the client's secret is wanted in the form.
    fn takes_posted_secret(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|taken| taken == method);
        takes("client_secret_post") && !takes("client_secret_basic")
    }
}

impl Discovered {
    /// Whether it is what the document says, so that the keys that are known stay.
    fn is_as(&self, document: &Document) -> bool {
        self.keys_at == document.jwks_uri
            && self.takes_posted_secret == document.takes_posted_secret()
            && trusted_url(&document.authorization_endpoint).as_ref() == Some(&self.authorization)
            && trusted_url(&document.token_endpoint).as_ref() == Some(&self.token)
    }
}
