//! Whose tokens are believed, from the settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use tracing::warn;
use zeroize::Zeroizing;

use super::storage::open_signing_key;
use crate::access::jwt::{ClaimCondition, ClaimRule, JwtIssuers, KeySource, KeyTimes, TokenIssuer, TokenUse};
use crate::access::oidc::{OidcProvider, ProviderTerms, SIGN_IN_PURPOSE};
use crate::access::{DEVICE_PURPOSE, DeviceRequests, OWN_TOKEN_PURPOSE, OwnTokens, TokenExchange, TokenVerifiers};
use crate::config::{ClientSecret, Config, IssuerConfig, IssuerKeysAt, IssuerRule, read_secret};
use crate::storage::catalog::access::AccessCatalog;
use crate::storage::objects::UrlKey;

/// How long a token is good that was given for another one. A reporter exchanges again.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);
/// Fewest characters of a secret that is shared with an issuer.
const MIN_SECRET: usize = 32;

/// What verifies tokens, what exchanges them, and with what people sign in.
#[derive(Debug)]
pub struct TokenParts {
    /// Verifies tokens.
    pub verifiers: TokenVerifiers,
    /// Exchanges tokens of build servers; `None` when no issuer's are exchanged.
    pub exchange: Option<TokenExchange>,
    /// The identity provider with which people sign in; `None`: they have keys.
    pub provider: Option<OidcProvider>,
    /// Seals what command lines ask for; `None` in a cluster whose nodes share no key.
    pub devices: Option<DeviceRequests>,
}

/// The keys that sessions, tickets and tokens of this server are signed with, each use by one that is derived of them: the
/// first signs, all verify. None in a cluster whose nodes share no key.
///
/// # Errors
/// When the key in the data directory can't be read or made.
pub fn signing_keys(config: &Config) -> Result<Vec<UrlKey>, anyhow::Error> {
    let keys = &config.auth.signing_keys;
    if keys.is_empty() {
        return Ok(open_signing_key(config)?.into_iter().collect());
    }
    Ok(keys.iter().map(|key| UrlKey::from_text(key.reveal())).collect())
}

/// What verifies and exchanges tokens, as the configuration says.
///
/// # Errors
/// When a secret can't be read, or tokens are to be exchanged and there is no key to sign with.
pub fn open_tokens(config: &Config, catalog: Arc<dyn AccessCatalog>) -> Result<TokenParts, anyhow::Error> {
    let auth = &config.auth;
    let signing_keys = signing_keys(config)?;
    let keys: Vec<[u8; 32]> = signing_keys.iter().map(|key| key.derive(OWN_TOKEN_PURPOSE)).collect();
    let own = OwnTokens::new(&keys);
    let times = key_times(config);
    let provider = open_provider(config, &signing_keys, catalog.clone(), times)?;
    let device_keys: Vec<[u8; 32]> = signing_keys.iter().map(|key| key.derive(DEVICE_PURPOSE)).collect();
    let devices = DeviceRequests::new(&device_keys);
    if auth.issuers.iter().next().is_none() {
        let verifiers = TokenVerifiers { issuers: None, own };
        return Ok(TokenParts { verifiers, exchange: None, provider, devices });
    }
    let issuers = Arc::new(open_issuers(config)?);
    let exchange = match (auth.issuers.has_exchange(), &own) {
        (false, _) => None,
        (true, Some(own)) => Some(TokenExchange::new(issuers.clone(), own.clone(), catalog, TOKEN_LIFETIME)),
        (true, None) => anyhow::bail!("auth.signing_keys is empty, and auth.issuers has tokens exchanged: name a key"),
    };
    Ok(TokenParts { verifiers: TokenVerifiers { issuers: Some(issuers), own }, exchange, provider, devices })
}

/// The identity provider with which people sign in, as the configuration says.
fn open_provider(
    config: &Config,
    signing_keys: &[UrlKey],
    catalog: Arc<dyn AccessCatalog>,
    times: KeyTimes,
) -> Result<Option<OidcProvider>, anyhow::Error> {
    let Some(provider) = config.auth.oidc.provider() else { return Ok(None) };
    let client_secret = match &provider.client_secret {
        None => None,
        Some(ClientSecret::Given(secret)) => Some(Zeroizing::new(secret.reveal().to_owned())),
        Some(ClientSecret::File(path)) => Some(secret_in(path).context("auth.oidc.client_secret_file")?),
    };
    let terms = ProviderTerms {
        name: provider.name.as_str().into(),
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        client_secret,
        scopes: provider.scopes.clone(),
        audiences: provider.audiences.clone(),
        subject_claim: provider.subject_claim.clone(),
        name_claim: provider.name_claim.clone(),
        rules: provider.rules.iter().map(claim_rule).collect(),
        redirect_uri: format!("{}/auth/callback", config.server.public_url),
    };
    let keys: Vec<[u8; 32]> = signing_keys.iter().map(|key| key.derive(SIGN_IN_PURPOSE)).collect();
    let opened = OidcProvider::new(terms, &keys, catalog, times).context("auth.oidc")?;
    let missing = "auth.signing_keys is empty, and people sign in with auth.oidc: name a key that all nodes have";
    opened.context(missing).map(Some)
}

/// The issuers whose tokens are believed.
///
/// # Errors
/// When a secret can't be read, or TLS can't be set up.
pub fn open_issuers(config: &Config) -> Result<JwtIssuers, anyhow::Error> {
    let issuers = config.auth.issuers.iter().map(|issuer| token_issuer(issuer, &config.server.public_url));
    JwtIssuers::new(issuers.collect::<Result<_, _>>()?, key_times(config)).context("auth.issuers")
}

fn key_times(config: &Config) -> KeyTimes {
    KeyTimes {
        retry: Duration::from_secs(config.auth.keys_retry_secs),
        max_age: Duration::from_secs(config.auth.keys_max_age_secs),
    }
}

fn token_issuer(issuer: &IssuerConfig, public_url: &str) -> Result<TokenIssuer, anyhow::Error> {
    let usage = match (issuer.exchange, issuer.reuse) {
        (false, _) => TokenUse::Shown,
        (true, false) => TokenUse::ExchangedOnce,
        (true, true) => TokenUse::Exchanged,
    };
    Ok(TokenIssuer {
        name: issuer.name.as_str().into(),
        issuer: issuer.issuer.clone(),
        keys: key_source(issuer)?,
        audiences: if issuer.exchange { vec![public_url.to_owned()] } else { issuer.audiences.clone() },
        header: issuer.header.clone(),
        algorithms: issuer.algorithms.clone(),
        subject_claim: issuer.subject_claim.clone(),
        name_claim: issuer.name_claim.clone(),
        kind: issuer.kind,
        rules: issuer.rules.iter().map(claim_rule).collect(),
        usage,
    })
}

fn key_source(issuer: &IssuerConfig) -> Result<KeySource, anyhow::Error> {
    Ok(match &issuer.keys {
        IssuerKeysAt::Url(url) => KeySource::Url(url.clone()),
        IssuerKeysAt::SetFile(path) => KeySource::SetFile(path.clone()),
        IssuerKeysAt::PemFile(path) => KeySource::PemFile(path.clone()),
        IssuerKeysAt::Secret(secret) => KeySource::Secret(Zeroizing::new(secret.reveal().to_owned())),
        IssuerKeysAt::SecretFile(path) => {
            let named = || format!("auth.issuers: the secret_file of {}", issuer.name);
            let secret = secret_in(path).with_context(named)?;
            ensure!(secret.len() >= MIN_SECRET, "{} has fewer than {MIN_SECRET} characters", named());
            KeySource::Secret(secret)
        }
    })
}

/// The secret in a file.
fn secret_in(path: &Path) -> Result<Zeroizing<String>, anyhow::Error> {
    let (secret, is_public) = read_secret(path).map_err(|error| anyhow!("{} {error}", path.display()))?;
    if is_public {
        warn!(file = %path.display(), "everybody on this machine may read this secret: chmod o-r");
    }
    Ok(Zeroizing::new(secret.reveal().to_owned()))
}

fn claim_rule(rule: &IssuerRule) -> ClaimRule {
    let condition =
        |(claim, values): &(String, Vec<String>)| ClaimCondition { claim: claim.clone(), values: values.clone() };
    ClaimRule { when: rule.when.iter().map(condition).collect(), scopes: rule.scopes, runs: rule.runs.clone() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::ConfigSources;
    use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};

    fn config(text: &str) -> Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.toml");
        fs::write(&file, text).unwrap();
        Config::load(&ConfigSources { file: Some(file), ..ConfigSources::default() }).unwrap().config
    }

    async fn opened(config: &Config) -> Result<TokenParts, anyhow::Error> {
        open_tokens(config, Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap()))
    }

    const GITHUB: &str = "[server]\npublic_url = \"https://r.example\"\n[[auth.issuers]]\npreset = \"github-actions\"\n\
                          rules = [{ when = { repository_id = 1 } }]\n";

    #[tokio::test]
    async fn an_issuer_whose_tokens_are_exchanged_takes_those_for_this_server() {
        let mut config = config(GITHUB);
        let issuer = token_issuer(config.auth.issuers.iter().next().unwrap(), &config.server.public_url).unwrap();
        assert_eq!(
            (&issuer.audiences[..], issuer.usage),
            (&["https://r.example".to_owned()][..], TokenUse::ExchangedOnce)
        );
        config.auth.signing_keys = vec![crate::config::Secret::new("k".repeat(32))];
        let parts = opened(&config).await.unwrap();
        assert!(parts.exchange.is_some() && parts.verifiers.own.is_some());
        // Without a key that all nodes have, one node's tokens would be unknown to the others.
        let cluster = format!(
            "{GITHUB}[journal]\nurl = \"redis:\"\n[redis]\nurl = \"redis://r\"\n[catalog]\nurl = \"postgres://p\""
        );
        let error = opened(&self::config(&cluster)).await.unwrap_err().to_string();
        assert!(error.contains("auth.signing_keys is empty"), "{error}");
    }

    #[tokio::test]
    async fn the_secret_of_the_provider_is_read_from_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let text = format!(
            "[server]\npublic_url = \"https://r.example\"\n[auth]\nmode = \"token\"\nsigning_keys = [\"{}\"]\n\
             [auth.oidc]\nname = \"corp\"\nissuer = \"https://i.example\"\nclient_id = \"runcast\"\n\
             client_secret_file = {path:?}\nrules = [{{ scopes = \"view\", runs = \"*\" }}]\n",
            "k".repeat(32)
        );
        let config = config(&text);
        let Err(missing) = opened(&config).await else { panic!("there is no such file") };
        let missing = format!("{missing:#}");
        assert!(missing.contains("auth.oidc.client_secret_file") && missing.contains("can't be read"), "{missing}");
        fs::write(&path, "hunter2\n").unwrap();
        assert!(opened(&config).await.unwrap().provider.is_some());
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_a_short_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let text = format!(
            "[[auth.issuers]]\nname = \"a\"\nissuer = \"i\"\nsecret_file = {path:?}\naudiences = \"r\"\n\
             rules = [{{ scopes = \"view\", runs = \"*\" }}]\n"
        );
        let config = config(&text);
        let source = || key_source(config.auth.issuers.iter().next().unwrap());
        assert!(source().unwrap_err().to_string().contains("secret_file of a"));
        fs::write(&path, format!("{}\n", "s".repeat(32))).unwrap();
        assert!(matches!(source().unwrap(), KeySource::Secret(secret) if *secret == "s".repeat(32)));
        fs::write(&path, "short\n").unwrap();
        assert!(source().unwrap_err().to_string().contains("fewer than 32 characters"));
    }
}
