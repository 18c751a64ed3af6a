//! Exchanges a token of a build server for one of this server (RFC 8693), so that a build needs no secret of ours.
//!
//! A token that may be exchanged once is written down in the catalog by its id before its exchange is answered, which the
//! catalog does for one of several who try, on whichever nodes. So a token that somebody has copied from a log is worth
//! nothing once the build has exchanged it, and a catalog that is away exchanges nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::Identity;
use super::jwt::{JwtError, JwtIssuers, TokenUse};
use super::own_tokens::OwnTokens;
use crate::protocol::{Rights, Scopes, Timestamp};
use crate::storage::catalog::access::AccessCatalog;

/// By how much longer than it is good the use of a token is remembered: clocks of nodes differ.
const REMEMBER_MILLIS: i64 = 300_000;

/// Exchanges tokens.
#[derive(Clone)]
pub struct TokenExchange {
    issuers: Arc<JwtIssuers>,
    tokens: OwnTokens,
    catalog: Arc<dyn AccessCatalog>,
    lifetime: Duration,
}

/// A token that was given for another one.
#[derive(Clone)]
pub struct ExchangedToken {
    /// The token.
    pub token: String,
    /// Its holder.
    pub identity: Identity,
    /// What the issuer of the other token calls it, for the audit log alone.
    pub claimed: String,
    /// For how long it is good.
    pub lifetime: Duration,
}

/// Why a token is not exchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// It is refused.
    #[error("the subject token is refused: {0}")]
    Refused(#[from] JwtError),
    /// It was exchanged before, or has no id by which that could be known.
    #[error("the subject token is refused: it can be exchanged once, and was, or it has no id (jti)")]
    Used,
    /// More is asked for than it gives.
    #[error("the subject token gives no more than {0}")]
    Scopes(Scopes),
    /// It can't be exchanged now. The log says why.
    #[error("tokens can't be exchanged now: {0}")]
    Unavailable(&'static str),
}

impl TokenExchange {
    /// Exchanges tokens of these issuers for tokens that are good for `lifetime`.
    pub fn new(
        issuers: Arc<JwtIssuers>,
        tokens: OwnTokens,
        catalog: Arc<dyn AccessCatalog>,
        lifetime: Duration,
    ) -> Self {
        Self { issuers, tokens, catalog, lifetime }
    }

    /// Gives a token for another one, with all of its scopes or those that are asked for.
    ///
    /// # Errors
    /// [`ExchangeError`]
    pub async fn exchange(
        &self,
        shown: &str,
        wanted: Option<Scopes>,
        now: Timestamp,
    ) -> Result<ExchangedToken, ExchangeError> {
        let verified = self.issuers.verify(shown, now).await.map_err(|error| match error {
            JwtError::Away => ExchangeError::Unavailable("the keys of the token's issuer can't be read"),
            error => ExchangeError::Refused(error),
        })?;
        let given = verified.identity.rights.scopes;
        let scopes = wanted.unwrap_or(given);
        if scopes.is_empty() || !given.cover(scopes) {
            return Err(ExchangeError::Scopes(given));
        }
        match verified.usage {
            TokenUse::Shown => return Err(JwtError::NeverExchanged.into()),
            TokenUse::Exchanged => {}
            TokenUse::ExchangedOnce => {
                let id = verified.id.ok_or(ExchangeError::Used)?;
                let forget_at = verified.identity.rights.expires.unwrap_or(now).plus_millis(REMEMBER_MILLIS);
                let is_first = self.catalog.use_once(id, forget_at).await.map_err(|error| {
                    warn!(%error, "a token is not exchanged, because its use can't be written down");
                    ExchangeError::Unavailable("the catalog can't be asked")
                })?;
                if !is_first {
                    return Err(ExchangeError::Used);
                }
            }
        }
        let expires = now.plus_millis(self.lifetime.as_millis() as i64);
        let identity = Identity {
            rights: Rights { scopes, runs: verified.identity.rights.runs.clone(), expires: Some(expires) },
            // Whoever revokes the token of the build server revokes this one too.
            made_with: vec![verified.identity.credential.clone()],
            // `issued_at` stays: a token from before its subject was revoked brings none from after it.
            ..verified.identity
        };
        let claimed = verified.claimed;
        let issued = self.tokens.issue(&identity);
        let (token, identity) = issued.ok_or(ExchangeError::Unavailable("no randomness"))?;
        Ok(ExchangedToken { token, identity, claimed, lifetime: self.lifetime })
    }
}

impl fmt::Debug for TokenExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenExchange(..)")
    }
}

impl fmt::Debug for ExchangedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangedToken").field("identity", &self.identity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;
    use serde_json::{Value, json};

    use super::*;
    use crate::access::jwt::{ClaimCondition, ClaimRule, KeySource, KeyTimes, TokenIssuer};
    use crate::access::testing::{EC, KeyServer, NOW, OTHER_EC, at, with};
    use crate::access::{AuthError, TokenVerifiers};
    use crate::protocol::PrincipalKind;
    use crate::protocol::rights::RunTemplate;
    use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};

    const URL: &str = "https://runcast.example";

    struct Build {
        exchange: TokenExchange,
        verifiers: TokenVerifiers,
        catalog: Arc<SqliteCatalog>,
        _server: KeyServer,
    }

    async fn build(usage: TokenUse) -> Build {
        let server = KeyServer::start(&[EC.jwk("ec")]).await;
        let owner = ClaimCondition { claim: "repository_owner_id".into(), values: vec!["9919".into()] };
        let github = TokenIssuer {
            name: "github".into(),
            issuer: "https://ci.example".into(),
            keys: KeySource::Url(server.url.clone()),
            audiences: vec![URL.into()],
            header: None,
            algorithms: vec![Algorithm::ES256],
            subject_claim: "repository_id".into(),
            name_claim: "repository".into(),
            kind: PrincipalKind::Agent,
            rules: vec![ClaimRule {
                when: vec![owner],
                scopes: "view publish".parse().unwrap(),
                runs: vec![RunTemplate::parse("gh-{repository_id}-{run_id}-*").unwrap()],
            }],
            usage,
        };
        let times = KeyTimes { retry: Duration::from_secs(60), max_age: Duration::from_secs(600) };
        let issuers = Arc::new(JwtIssuers::new(vec![github], times).unwrap());
        let tokens = OwnTokens::new(&[[7; 32]]).unwrap();
        let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
        let lifetime = Duration::from_secs(3_600);
        let exchange = TokenExchange::new(issuers.clone(), tokens.clone(), catalog.clone(), lifetime);
        let verifiers = TokenVerifiers { issuers: Some(issuers), own: Some(tokens) };
        Build { exchange, verifiers, catalog, _server: server }
    }

    fn token(other: Value) -> String {
        let claims = json!({"iss": "https://ci.example", "aud": URL, "sub": "repo:org/shop:ref:refs/heads/main",
                            "repository": "org/shop", "repository_id": "7", "repository_owner_id": "9919",
                            "run_id": "42", "jti": "j1", "exp": NOW + 300, "iat": NOW - 5});
        EC.token(&json!({"alg": "ES256", "kid": "ec"}), &with(&claims, other))
    }

    #[tokio::test]
    async fn a_build_gets_a_token_for_an_hour_and_for_its_own_runs() {
        let build = build(TokenUse::ExchangedOnce).await;
        let given = build.exchange.exchange(&token(json!({})), None, at(NOW)).await.unwrap();
        let identity = build.verifiers.verify(&given.token, at(NOW + 3_599)).await.unwrap().unwrap();
        assert_eq!(identity, given.identity);
        assert_eq!(
            (&*identity.subject, &*identity.name, identity.kind),
            ("github:7", "org/shop", PrincipalKind::Agent)
        );
        assert_eq!(identity.rights.scopes.to_string(), "view publish");
        assert_eq!(serde_json::to_string(&identity.rights.runs).unwrap(), r#"["gh-7-42-*"]"#);
        assert_eq!(identity.made_with, ["jwt:github:j1".into()]);
        assert_eq!(
            identity.issued_at,
            at(NOW - 5),
            "a revocation of its subject holds for it as for the build's token"
        );
        let late = build.verifiers.verify(&given.token, at(NOW + 3_600)).await.unwrap();
        assert_eq!(late, Err(AuthError::Expired(at(NOW + 3_600))));
        let other =
            build.exchange.exchange(&token(json!({"jti": "j2"})), Some("publish".parse().unwrap()), at(NOW)).await;
        assert_eq!(other.unwrap().identity.rights.scopes.to_string(), "publish");
    }

    #[tokio::test]
    async fn a_token_is_exchanged_once_by_whichever_node_and_however_many_try() {
        let build = build(TokenUse::ExchangedOnce).await;
        let shown = token(json!({}));
        let all = (0..20).map(|_| build.exchange.exchange(&shown, None, at(NOW)));
        let all = futures_util::future::join_all(all).await;
        assert_eq!(all.iter().filter(|given| given.is_ok()).count(), 1, "{all:?}");
        assert!(all.iter().all(|given| given.is_ok() || matches!(given, Err(ExchangeError::Used))), "{all:?}");
        // ECDSA has another signature for the same text at each signing: it is the id that counts.
        let again = token(json!({}));
        assert_ne!(again, shown);
        assert_eq!(build.exchange.exchange(&again, None, at(NOW)).await.unwrap_err(), ExchangeError::Used);
        let nameless = build.exchange.exchange(&token(json!({"jti": null})), None, at(NOW)).await;
        assert_eq!(nameless.unwrap_err(), ExchangeError::Used);
        // What is refused for another reason is not used up.
        let more = build.exchange.exchange(&token(json!({"jti": "j2"})), Some("ops".parse().unwrap()), at(NOW)).await;
        assert_eq!(more.unwrap_err().to_string(), "the subject token gives no more than view publish");
        assert!(build.exchange.exchange(&token(json!({"jti": "j2"})), None, at(NOW)).await.is_ok());
        // Its use is remembered for as long as it could be shown, and then forgotten.
        build.catalog.forget_access(at(NOW + 330), at(0)).await.unwrap();
        assert_eq!(build.exchange.exchange(&token(json!({})), None, at(NOW)).await.unwrap_err(), ExchangeError::Used);
        build.catalog.forget_access(at(NOW + 631), at(0)).await.unwrap();
        assert!(build.exchange.exchange(&token(json!({})), None, at(NOW)).await.is_ok());
    }

    #[tokio::test]
    async fn a_token_for_others_of_another_owner_or_of_another_issuer_is_not_exchanged() {
        let build = build(TokenUse::ExchangedOnce).await;
        for (other, error) in [
            (json!({"aud": "https://github.com/org"}), "the subject token is refused: it is for others"),
            (json!({"aud": format!("{URL}/")}), "the subject token is refused: it is for others"),
            (json!({"repository_owner_id": "666"}), "the subject token is refused: no rule"),
            (json!({"run_id": "*"}), "the subject token is refused: no rule"),
            (json!({"exp": NOW - 31}), "the subject token is refused: it expired"),
            (json!({"iss": "https://evil.example"}), "the subject token is refused: its issuer"),
        ] {
            let refused = build.exchange.exchange(&token(other.clone()), None, at(NOW)).await.unwrap_err().to_string();
            assert!(refused.starts_with(error), "{other}: {refused}");
        }
        let forged = token(json!({})).rsplit_once('.').map(|(text, _)| text.to_owned()).unwrap();
        let signature = OTHER_EC.token(&json!({}), &json!({}));
        let forged = format!("{forged}.{}", signature.rsplit_once('.').unwrap().1);
        let refused = build.exchange.exchange(&forged, None, at(NOW)).await.unwrap_err();
        assert_eq!(refused, ExchangeError::Refused(JwtError::Signature));
        // A token of ours brings no further one.
        let (own, _) = OwnTokens::new(&[[7; 32]])
            .unwrap()
            .issue(&build.exchange.exchange(&token(json!({})), None, at(NOW)).await.unwrap().identity)
            .unwrap();
        assert!(matches!(build.exchange.exchange(&own, None, at(NOW)).await, Err(ExchangeError::Refused(_))));
    }

    #[tokio::test]
    async fn what_is_to_be_exchanged_is_good_for_nothing_else_and_what_is_shown_is_not_exchanged() {
        let build = build(TokenUse::ExchangedOnce).await;
        let shown = build.verifiers.verify(&token(json!({})), at(NOW)).await.unwrap().unwrap_err();
        assert!(shown.to_string().contains("only good at POST /api/token"), "{shown}");
        assert!(build.verifiers.verify("rcast_x", at(NOW)).await.is_none());
        let unknown = build.verifiers.verify("rcjt_e30.AAAA", at(NOW)).await;
        assert_eq!(unknown, Some(Err(AuthError::Unknown)));
        let shown = self::build(TokenUse::Shown).await;
        let refused = shown.exchange.exchange(&token(json!({})), None, at(NOW)).await.unwrap_err();
        assert_eq!(refused, ExchangeError::Refused(JwtError::NeverExchanged));
        // A job that has one token for all of its time exchanges it again.
        let often = self::build(TokenUse::Exchanged).await;
        for _ in 0..2 {
            assert!(often.exchange.exchange(&token(json!({})), None, at(NOW)).await.is_ok());
        }
    }
}
