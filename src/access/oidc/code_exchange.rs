//! Gives the provider's code back to it, for a token that says who somebody is (RFC 6749, section 4.1.3).

use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use tracing::warn;

use super::discovery::Discovered;
use super::{ProviderState, SignInError};
use crate::access::provider_client::{body, form, reason};

/// The provider can't be asked.
const AWAY: SignInError = SignInError::Away("the identity provider does not answer");

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default)]
    error: String,
}

impl ProviderState {
    /// The ID token for a code. Neither of them, nor the client's secret, is in any log.
    pub(super) async fn id_token(
        &self,
        discovered: &Discovered,
        code: &str,
        verifier: &str,
    ) -> Result<String, SignInError> {
        let terms = &self.terms;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &terms.redirect_uri),
            ("code_verifier", verifier),
        ];
        let mut request = self.client.post(discovered.token.clone()).header("accept", "application/json");
        match &terms.client_secret {
            Some(secret) if !discovered.takes_posted_secret => {
                // RFC 6749, section 2.3.1: both are encoded as in a form before they are joined.
                let encoded = |text: &str| form(&[("", text)]).trim_start_matches('=').to_owned();
                request = request.basic_auth(encoded(&terms.client_id), Some(encoded(secret)));
            }
            secret => {
                pairs.push(("client_id", &terms.client_id));
                pairs.extend(secret.as_ref().map(|secret| ("client_secret", secret.as_str())));
            }
        }
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(&pairs));
        let away = |failure: String| {
            warn!(provider = %terms.name, %failure, "the identity provider gives no token for a code");
            AWAY
        };
        let response = request.send().await.map_err(|error| away(reason(error)))?;
        let status = response.status();
        let answer = body(response).await.map_err(away)?;
        if status.is_success() {
            let tokens: Tokens = serde_json::from_slice(&answer).map_err(|_| SignInError::Unconfirmed)?;
            return tokens.id_token.ok_or(SignInError::Unconfirmed);
        }
        let error = serde_json::from_slice::<Failure>(&answer).unwrap_or_default().error;
        match error.as_str() {
            // The code is used, over, or not of this sign-in.
            "invalid_grant" => Err(SignInError::Unconfirmed),
            other => Err(away(format!("it answers {status}, {}", word(other)))),
        }
    }
}

/// A word of a provider that may stand in a log and on a page.
pub(super) fn word(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let word: String = text.chars().filter(fits).take(64).collect();
    if word.is_empty() { "an error without a name".to_owned() } else { word }
}
