use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::access::jwt::ClaimRule;
use crate::access::testing::{EC, KeyServer, NOW, at};
use crate::access::{AuthError, AuthLimits, Authenticator, TokenVerifiers};
use crate::protocol::rights::RunTemplate;
use crate::protocol::{Clock, PrincipalKind, Rights, RunPatterns, Timestamp};
use crate::storage::catalog::access::{Revocation, Revoked};
use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use crate::storage::revocation_bell::RevocationBell;

async fn provider(server: &KeyServer, keys: &[u8]) -> OidcProvider {
    let terms = ProviderTerms {
        name: "corp".into(),
        issuer: server.url.clone(),
        client_id: "runcast".to_owned(),
        client_secret: None,
        scopes: vec!["openid".to_owned()],
        audiences: vec!["runcast".to_owned()],
        subject_claim: "sub".to_owned(),
        name_claim: "name".to_owned(),
        rules: vec![ClaimRule {
            when: Vec::new(),
            scopes: "view".parse().unwrap(),
            runs: vec![RunTemplate::parse("*").unwrap()],
        }],
        redirect_uri: "https://r.example/auth/callback".to_owned(),
    };
    let keys: Vec<[u8; 32]> = keys.iter().map(|key| [*key; 32]).collect();
    let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
    let times = KeyTimes { retry: Duration::from_secs(60), max_age: Duration::from_secs(600) };
    OidcProvider::new(terms, &keys, catalog, times).unwrap().unwrap()
}

/// Answers as a provider does that is asked what it offers.
fn offers(server: &KeyServer, issuer: &str, authorization: &str) {
    let document = json!({
        "issuer": issuer, "authorization_endpoint": authorization, "token_endpoint": server.url, "jwks_uri": server.url,
    });
    server.answers("200 OK", &document.to_string());
}

fn state(begun: &BegunSignIn) -> Option<String> {
    let url = reqwest::Url::parse(&begun.url).unwrap();
    url.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned())
}

#[tokio::test]
async fn a_sign_in_can_be_finished_for_ten_minutes() {
    let server = KeyServer::start(&[]).await;
    offers(&server, &server.url, "https://login.example/authorize?tenant=a");
    let provider = provider(&server, &[1]).await;
    let begun = provider.begin("/runs/r", at(NOW)).await.unwrap();
    assert!(begun.url.starts_with("https://login.example/authorize?tenant=a&response_type=code"), "{}", begun.url);
    assert!(!format!("{provider:?}").contains("runcast"));
    let answer = ProviderAnswer { state: state(&begun), ..ProviderAnswer::default() };
    let finish = async |now| provider.finish(Some(&begun.sealed), &answer, at(now)).await.map(drop);
    assert_eq!(finish(NOW + 599).await, Err(SignInError::Unconfirmed), "there is no code");
    assert_eq!(finish(NOW + 600).await, Err(SignInError::Expired));
    assert_eq!(provider.next(Some(&begun.sealed), at(NOW + 599)).as_deref(), Some("/runs/r"));
    assert_eq!(provider.next(Some(&begun.sealed), at(NOW + 600)), None);
}

#[tokio::test]
async fn a_provider_is_asked_once_what_it_offers_and_stays_known_while_it_is_away() {
    let server = KeyServer::start(&[]).await;
    offers(&server, &server.url, "https://login.example/authorize");
    let provider = provider(&server, &[1]).await;
    for _ in 0..3 {
        provider.begin("/", at(NOW)).await.unwrap();
    }
    assert_eq!(server.requests(), 1);
    server.wait();
    assert!(provider.begin("/", at(NOW + 600)).await.is_ok(), "nobody waits for what is known");
    server.seen(2).await;
    assert!(provider.begin("/", at(NOW + 700)).await.is_ok());
    server.is_away();
    server.go_on();
    loaded(&provider).await;
    assert!(provider.begin("/", at(NOW + 601)).await.is_ok());
    assert_eq!(server.requests(), 2, "it is not asked again at once, and not twice at a time");
    offers(&server, &server.url, "https://new.example/authorize");
    assert!(provider.begin("/", at(NOW + 603)).await.is_ok());
    loaded(&provider).await;
    assert!(provider.begin("/", at(NOW + 603)).await.unwrap().url.starts_with("https://new.example/"));
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn whoever_begins_many_sign_ins_keeps_no_more_connections_to_the_provider_than_there_are_for_that() {
    let server = KeyServer::start(&[]).await;
    offers(&server, &server.url, "https://login.example/authorize");
    let provider = provider(&server, &[1]).await;
    let finish = async || {
        let begun = provider.begin("/", at(NOW)).await.unwrap();
        let answer =
            ProviderAnswer { state: state(&begun), code: Some("code".to_owned()), ..ProviderAnswer::default() };
        provider.finish(Some(&begun.sealed), &answer, at(NOW)).await.map(drop)
    };
    let permits = provider.0.exchanges.try_acquire_many(u32::try_from(EXCHANGES).unwrap()).unwrap();
    assert_eq!(finish().await, Err(SignInError::Away("too many people sign in now")));
    assert_eq!(server.requests(), 1, "the provider was asked what it offers, and for nothing else");
    drop(permits);
    assert_ne!(finish().await, Err(SignInError::Away("too many people sign in now")));
    assert_eq!(server.requests(), 2);
}

/// Waits for the load that runs.
async fn loaded(provider: &OidcProvider) {
    if let (_, Some(mut running)) = provider.look(at(NOW)) {
        // The channel has no values: this is its end.
        let _ = running.changed().await;
    }
}

#[tokio::test]
async fn a_provider_that_is_another_one_or_that_leads_elsewhere_is_not_believed() {
    let server = KeyServer::start(&[]).await;
    let provider = provider(&server, &[1]).await;
    let mut now = NOW;
    let mut begin = async || {
        now += 10;
        provider.begin("/", at(now)).await.map(|begun| begun.url)
    };
    let away = Err(SignInError::Away("the identity provider does not answer"));
    offers(&server, "https://another.example", "https://login.example/authorize");
    assert_eq!(begin().await, away);
    for authorization in ["http://login.example/authorize", "javascript:alert(1)", "/authorize"] {
        offers(&server, &server.url, authorization);
        assert_eq!(begin().await, away, "{authorization}");
    }
    server.has(&[EC.jwk("k")]);
    assert_eq!(begin().await, away);
    server.answers("302 Found", "");
    assert_eq!(begin().await, away);
    server.answers("200 OK", &"x".repeat(300_000));
    assert_eq!(begin().await, away);
    offers(&server, &server.url, "https://login.example/authorize");
    assert!(begin().await.is_ok());
}

#[tokio::test]
async fn a_session_is_made_with_nothing_and_ends_when_its_subject_is_revoked() {
    let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
    let clock = Clock::external(Timestamp::now, Duration::from_secs(3_600));
    let times = AuthLimits { grace: Duration::from_secs(60), max_credentials: 100 };
    let authenticator =
        Authenticator::open(catalog, TokenVerifiers::default(), clock, times, RevocationBell::of_one()).await.unwrap();
    let verified = crate::access::Identity {
        subject: "corp:ann".into(),
        name: "Ann".into(),
        kind: PrincipalKind::Human,
        rights: Rights {
            scopes: "view".parse().unwrap(),
            runs: RunPatterns::all(),
            expires: Some(authenticator.now().plus_millis(1_000)),
        },
        credential: "jwt:corp:1".into(),
        made_with: Vec::new(),
        makers: Vec::new(),
        is_session: false,
        issued_at: authenticator.now(),
    };
    let end = authenticator.now().plus_millis(3_600_000);
    let (secret, row) = authenticator.open_session(&verified, end).await.unwrap();
    assert_eq!((row.subject.as_str(), row.made_with.len(), row.rights.expires), ("corp:ann", 0, Some(end)));
    assert_eq!(authenticator.authenticate(secret.reveal()).await.unwrap().name.as_ref(), "Ann");
    let now = authenticator.now();
    let revocation = Revocation {
        what: Revoked::Subject("corp:ann".to_owned()),
        issued_until: now,
        revoked_at: now,
        forget_at: None,
    };
    authenticator.revoke(&revocation).await.unwrap();
    assert_eq!(authenticator.authenticate(secret.reveal()).await, Err(AuthError::Revoked));
}
