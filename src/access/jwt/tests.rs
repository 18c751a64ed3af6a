//! Attacks on tokens.

use std::fs;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::access::Identity;
use crate::access::testing::{EC, KeyServer, NOW, OTHER_EC, RSA, TestKey, at, unsigned, with};
use crate::protocol::PrincipalKind;
use crate::protocol::rights::RunTemplate;

const ISSUER: &str = "https://idp.example";

fn issuer(keys: KeySource) -> TokenIssuer {
    let condition = |claim: &str, value: &str| ClaimCondition { claim: claim.into(), values: vec![value.into()] };
    let rule = |when, scopes: &str, runs: &str| ClaimRule {
        when,
        scopes: scopes.parse().unwrap(),
        runs: vec![RunTemplate::parse(runs).unwrap()],
    };
    TokenIssuer {
        name: "corp".into(),
        issuer: ISSUER.into(),
        keys,
        audiences: vec!["runcast".into()],
        header: None,
        algorithms: vec![Algorithm::RS256, Algorithm::ES256],
        subject_claim: "sub".into(),
        name_claim: "name".into(),
        kind: PrincipalKind::Human,
        rules: vec![
            rule(vec![condition("groups", "dev")], "view control", "*"),
            rule(vec![condition("repository_owner_id", "9919")], "view publish", "gh-{repository_id}-{run_id}-*"),
        ],
        usage: TokenUse::Shown,
    }
}

fn listed(keys: KeySource) -> JwtIssuers {
    let times = KeyTimes { retry: Duration::from_secs(60), max_age: Duration::from_secs(600) };
    JwtIssuers::new(vec![issuer(keys)], times).unwrap()
}

async fn server() -> KeyServer {
    KeyServer::start(&[RSA.jwk("rsa"), EC.jwk("ec")]).await
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "runcast", "sub": "u-1", "name": "Ann", "groups": ["dev"], "jti": "t1",
           "exp": NOW + 300, "iat": NOW - 10, "nbf": NOW - 10})
}

fn header(algorithm: &str, key: &str) -> Value {
    json!({"alg": algorithm, "kid": key, "typ": "JWT"})
}

/// A token of the right key, with some claims replaced.
fn token(other: Value) -> String {
    EC.token(&header("ES256", "ec"), &with(&claims(), other))
}

async fn verified(issuers: &JwtIssuers, token: &str) -> Result<Identity, JwtError> {
    issuers.verify(token, at(NOW)).await.map(|verified| verified.identity)
}

#[tokio::test]
async fn a_token_of_a_listed_issuer_says_who_somebody_is_and_what_it_may_do() {
    let server = server().await;
    let issuers = listed(KeySource::Url(server.url.clone()));
    let identity = verified(&issuers, &token(json!({}))).await.unwrap();
    assert_eq!((&*identity.subject, &*identity.name, identity.kind), ("corp:u-1", "Ann", PrincipalKind::Human));
    assert_eq!((&*identity.credential, identity.issued_at), ("jwt:corp:t1", at(NOW - 10)));
    assert_eq!(identity.rights.scopes.to_string(), "view control");
    assert_eq!(identity.rights.expires, Some(at(NOW + 330)), "with the difference of clocks");
    for key in [&*RSA, &*EC] {
        let (algorithm, id) = if matches!(key, TestKey::Rsa(_)) { ("RS256", "rsa") } else { ("ES256", "ec") };
        for typ in [json!("JWT"), json!("at+jwt"), json!("application/at+JWT"), json!(null)] {
            let token = key.token(&with(&header(algorithm, id), json!({"typ": typ})), &claims());
            assert!(verified(&issuers, &token).await.is_ok(), "{algorithm} {typ}");
        }
        let nameless = key.token(&json!({"alg": algorithm}), &claims());
        assert!(verified(&issuers, &nameless).await.is_ok(), "{algorithm}");
    }
    assert_eq!(server.requests(), 1);
    let private = json!({"sub": "ann@corp.example", "name": "a\nb", "jti": null});
    let identity = verified(&issuers, &token(private)).await.unwrap();
    assert!(identity.subject.starts_with("corp:sha256-") && !format!("{identity:?}").contains("ann@"), "{identity:?}");
    assert!(identity.name == identity.subject && identity.credential.starts_with("jwt:corp:sha256-"), "{identity:?}");
}

#[tokio::test]
async fn a_token_that_says_by_itself_how_it_is_verified_is_refused() {
    let server = server().await;
    let issuers = listed(KeySource::Url(server.url.clone()));
    let none = unsigned(&json!({"alg": "none", "typ": "JWT"}), &claims());
    for token in
        [format!("{none}."), format!("{none}.AAAA"), format!("{}.", unsigned(&header("NONE", "ec"), &claims()))]
    {
        assert!(matches!(verified(&issuers, &token).await, Err(JwtError::Form(_))), "{token}");
    }
    let empty = format!("{}.", unsigned(&header("ES256", "ec"), &claims()));
    assert_eq!(verified(&issuers, &empty).await, Err(JwtError::Signature));
    // The public key, which everybody has, as the secret: in each form in which a library might take it.
    let TestKey::Rsa(pair) = &*RSA else { panic!("RSA") };
    let der = aws_lc_rs::signature::KeyPair::public_key(&**pair).as_ref().to_vec();
    let modulus = URL_SAFE_NO_PAD.decode(RSA.jwk("rsa")["n"].as_str().unwrap()).unwrap();
    for secret in [RSA.pem().into_bytes(), der, modulus, RSA.jwk("rsa").to_string().into_bytes(), Vec::new()] {
        let forged = TestKey::Secret(secret).token(&header("HS256", "rsa"), &claims());
        assert_eq!(verified(&issuers, &forged).await, Err(JwtError::Algorithm));
    }
    // Keys that the token brings along, or names, are not looked at.
    let own = with(&header("ES256", "ec"), json!({"jwk": OTHER_EC.jwk("ec"), "jku": server.url, "x5u": server.url}));
    assert_eq!(verified(&issuers, &OTHER_EC.token(&own, &claims())).await, Err(JwtError::Signature));
    let critical = with(&header("ES256", "ec"), json!({"crit": ["b64"], "b64": false}));
    assert!(matches!(verified(&issuers, &EC.token(&critical, &claims())).await, Err(JwtError::Form(_))));
    let logout = with(&header("ES256", "ec"), json!({"typ": "logout+jwt"}));
    assert!(matches!(verified(&issuers, &EC.token(&logout, &claims())).await, Err(JwtError::Form(_))));
    // One algorithm's key does not verify another's signature.
    let crossed = EC.token(&header("RS256", "ec"), &claims());
    assert_eq!(verified(&issuers, &crossed).await, Err(JwtError::Key));
    let unlisted = RSA.token(&header("RS512", "rsa"), &claims());
    assert_eq!(verified(&issuers, &unlisted).await, Err(JwtError::Algorithm));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn an_edited_oversized_or_broken_token_is_refused() {
    let server = server().await;
    let issuers = listed(KeySource::Url(server.url.clone()));
    let good = token(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let more = with(&claims(), json!({"groups": ["dev", "admins"]}));
    let payload = URL_SAFE_NO_PAD.encode(more.to_string());
    let edited = format!("{}.{payload}.{}", parts[0], parts[2]);
    assert_eq!(verified(&issuers, &edited).await, Err(JwtError::Signature));
    let other = OTHER_EC.token(&header("ES256", "ec"), &claims());
    assert_eq!(verified(&issuers, &other).await, Err(JwtError::Signature));
    let long = token(json!({"more": "x".repeat(MAX_TOKEN_BYTES)}));
    assert_eq!(verified(&issuers, &long).await, Err(JwtError::Long));
    let list = EC.token(&header("ES256", "ec"), &json!([claims()]));
    for bad in ["ey..", "ey.ey.ey", &good[..good.len() / 2], &format!("{good}.{}", parts[2]), &list] {
        assert!(matches!(verified(&issuers, bad).await, Err(JwtError::Form(_))), "{bad}");
    }
    assert!(JwtIssuers::may_be_token(&good) && !JwtIssuers::may_be_token("rcast_a.b.c"));
    for cut in [&good[..good.len() - 4], &format!("{good}AAAA"), &format!("{good}=")] {
        assert_eq!(verified(&issuers, cut).await, Err(JwtError::Signature), "{cut}");
    }
}

#[tokio::test]
async fn claims_of_another_time_audience_or_issuer_are_refused_before_keys_are_asked_for() {
    let server = server().await;
    let issuers = listed(KeySource::Url(server.url.clone()));
    for (other, error) in [
        (json!({"exp": NOW - 31}), JwtError::Expired(at(NOW - 31))),
        (json!({"exp": (NOW + 300).to_string()}), JwtError::Claim("exp")),
        (json!({"exp": null}), JwtError::Claim("exp")),
        (json!({"nbf": NOW + 31}), JwtError::Early(at(NOW + 31))),
        (json!({"nbf": (NOW - 10).to_string()}), JwtError::Claim("nbf")),
        (json!({"iat": NOW + 31}), JwtError::Early(at(NOW + 31))),
        (json!({"aud": "others"}), JwtError::Audience),
        (json!({"aud": ["others", "runcast2"]}), JwtError::Audience),
        (json!({"aud": null}), JwtError::Claim("aud")),
        (json!({"iss": "https://idp.example/"}), JwtError::Issuer),
        (json!({"iss": [ISSUER]}), JwtError::Claim("iss")),
        (json!({"iss": null}), JwtError::Claim("iss")),
    ] {
        assert_eq!(verified(&issuers, &token(other.clone())).await, Err(error), "{other}");
    }
    assert_eq!(server.requests(), 0);
    for other in [json!({"aud": ["others", "runcast"]}), json!({"exp": NOW - 29}), json!({"nbf": NOW + 29})] {
        assert!(verified(&issuers, &token(other.clone())).await.is_ok(), "{other}");
    }
}

#[tokio::test]
async fn a_build_of_another_owner_or_with_wildcards_in_its_claims_gets_nothing() {
    let server = server().await;
    let issuers = listed(KeySource::Url(server.url.clone()));
    let build = |other: Value| {
        let build = json!({"groups": null, "repository_owner_id": "9919", "repository_id": "7", "run_id": "42"});
        EC.token(&header("ES256", "ec"), &with(&with(&claims(), build), other))
    };
    let identity = verified(&issuers, &build(json!({}))).await.unwrap();
    assert_eq!(serde_json::to_string(&identity.rights.runs).unwrap(), r#"["gh-7-42-*"]"#);
    for other in [
        json!({"repository_owner_id": "1"}),
        json!({"repository_owner_id": "99190"}),
        json!({"repository_owner_id": "*"}),
        json!({"repository_id": "*"}),
        json!({"run_id": "4*"}),
        json!({"run_id": ""}),
        json!({"run_id": "42/../43"}),
        json!({"repository_id": null}),
    ] {
        assert!(matches!(verified(&issuers, &build(other.clone())).await, Err(JwtError::Rules(_))), "{other}");
    }
    let nobody = verified(&issuers, &token(json!({"sub": null}))).await;
    assert!(matches!(nobody, Err(JwtError::Form(_))), "{nobody:?}");
}

#[tokio::test]
async fn foreign_key_ids_have_the_keys_fetched_once_a_minute() {
    let server = server().await;
    let issuers = listed(KeySource::Url(server.url.clone()));
    assert!(verified(&issuers, &token(json!({}))).await.is_ok());
    let long = "k".repeat(2_000);
    for (index, id) in
        ["foreign", "../../etc/passwd", "http://evil.example/k", "", "%00\n", long.as_str()].iter().enumerate()
    {
        let foreign = OTHER_EC.token(&header("ES256", id), &with(&claims(), json!({"exp": NOW + 3_000})));
        assert_eq!(issuers.verify(&foreign, at(NOW + index as i64)).await.unwrap_err(), JwtError::Key, "{id}");
    }
    assert_eq!(server.requests(), 1, "within the minute after the first fetch");
    let foreign = OTHER_EC.token(&header("ES256", "foreign"), &with(&claims(), json!({"exp": NOW + 3_000})));
    for (secs, requests) in [(59, 1), (60, 2), (119, 2), (120, 3)] {
        assert_eq!(issuers.verify(&foreign, at(NOW + secs)).await.unwrap_err(), JwtError::Key, "{secs}");
        assert_eq!(server.requests(), requests, "{secs}");
    }
}

#[tokio::test]
async fn a_rotated_key_is_found_and_the_one_that_has_gone_is_refused() {
    let server = server().await;
    let issuers = listed(KeySource::Url(server.url.clone()));
    let old = token(json!({"exp": NOW + 9_000}));
    let new = OTHER_EC.token(&header("ES256", "next"), &with(&claims(), json!({"exp": NOW + 9_000})));
    assert!(issuers.verify(&old, at(NOW)).await.is_ok());
    server.has(&[OTHER_EC.jwk("next")]);
    assert_eq!(issuers.verify(&new, at(NOW + 10)).await.unwrap_err(), JwtError::Key);
    assert!(issuers.verify(&old, at(NOW + 10)).await.is_ok());
    assert!(issuers.verify(&new, at(NOW + 60)).await.is_ok());
    assert_eq!(issuers.verify(&old, at(NOW + 61)).await.unwrap_err(), JwtError::Key);
    // A key that nobody misses is missed when the keys are old.
    server.has(&[EC.jwk("ec")]);
    let gone = async {
        while issuers.verify(&new, at(NOW + 660)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the old keys are replaced");
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn while_an_issuer_is_away_its_keys_stay_and_what_can_not_be_checked_is_no_refusal() {
    let server = server().await;
    server.is_away();
    let issuers = listed(KeySource::Url(server.url.clone()));
    let good = token(json!({"exp": NOW + 9_000}));
    assert!(matches!(issuers.verify(&good, at(NOW)).await, Err(JwtError::Away)));
    server.has(&[EC.jwk("ec")]);
    assert!(matches!(issuers.verify(&good, at(NOW + 59)).await, Err(JwtError::Away)));
    assert!(issuers.verify(&good, at(NOW + 60)).await.is_ok());
    let foreign = OTHER_EC.token(&header("ES256", "x"), &with(&claims(), json!({"exp": NOW + 9_000})));
    let mut now = NOW + 120;
    let huge = format!("{{\"keys\":[],\"more\":\"{}\"}}", "x".repeat(256 * 1024));
    for (status, body) in
        [("503 Away", "{}"), ("200 OK", "<html>"), ("200 OK", "{\"keys\":[]}"), ("200 OK", huge.as_str())]
    {
        server.answers(status, body);
        assert!(matches!(issuers.verify(&foreign, at(now)).await, Err(JwtError::Away)), "{status} {body:.20}");
        assert!(issuers.verify(&good, at(now)).await.is_ok(), "{status} {body:.20}");
        now += 60;
    }
    // A redirect is not followed, wherever it leads.
    let elsewhere = KeyServer::start(&[OTHER_EC.jwk("x")]).await;
    server.answers(&format!("302 Found\r\nlocation: {}", elsewhere.url), "");
    assert!(matches!(issuers.verify(&foreign, at(now)).await, Err(JwtError::Away)));
    assert_eq!(elsewhere.requests(), 0);
    server.has(&[EC.jwk("ec")]);
    assert_eq!(issuers.verify(&foreign, at(now + 60)).await.unwrap_err(), JwtError::Key);
}

#[tokio::test]
async fn many_who_need_keys_have_them_fetched_once_and_it_goes_on_when_who_began_it_goes_away() {
    let server = server().await;
    server.wait();
    let issuers = listed(KeySource::Url(server.url.clone()));
    let good = token(json!({}));
    // Who is first gives up while the server thinks.
    tokio::select! {
        _ = issuers.verify(&good, at(NOW)) => panic!("the server has not answered"),
        () = server.seen(1) => {}
    }
    let many = join_all((0..50).map(|_| issuers.verify(&good, at(NOW))));
    let (all, ()) = tokio::join!(many, async { server.go_on() });
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn keys_in_a_file_are_read_again_when_it_has_changed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, age: u64| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + age);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        path
    };
    let set = |key: &TestKey| json!({"keys": [key.jwk("k")]}).to_string();
    let sign = |key: &TestKey| {
        let algorithm = if matches!(key, TestKey::Rsa(_)) { "RS256" } else { "ES256" };
        key.token(&header(algorithm, "k"), &with(&claims(), json!({"exp": NOW + 9_000})))
    };
    let (old, new) = (sign(&EC), sign(&RSA));
    for (name, of_key) in [("set.json", &set as &dyn Fn(&TestKey) -> String), ("keys.pem", &TestKey::pem)] {
        let path = write(name, &of_key(&EC), 0);
        let issuers = listed(if name == "set.json" { KeySource::SetFile(path) } else { KeySource::PemFile(path) });
        assert!(issuers.verify(&old, at(NOW)).await.is_ok(), "{name}");
        write(name, &of_key(&RSA), 1);
        assert_eq!(issuers.verify(&new, at(NOW)).await.unwrap_err(), JwtError::Key, "{name}: not within a second");
        assert!(issuers.verify(&new, at(NOW + 1)).await.is_ok(), "{name}");
        assert_eq!(issuers.verify(&old, at(NOW + 2)).await.unwrap_err(), JwtError::Key, "{name}");
        // A file that is half written changes nothing.
        write(name, "{", 2);
        assert!(matches!(issuers.verify(&old, at(NOW + 4)).await, Err(JwtError::Away)), "{name}");
        assert!(issuers.verify(&new, at(NOW + 4)).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_shared_secret_verifies_what_was_signed_with_it_and_a_set_has_none() {
    let secret = "0123456789abcdef0123456789abcdef";
    let key = TestKey::Secret(secret.into());
    let mut shared = issuer(KeySource::Secret(Zeroizing::new(secret.to_owned())));
    shared.algorithms = vec![Algorithm::HS256];
    let times = KeyTimes { retry: Duration::from_secs(60), max_age: Duration::from_secs(600) };
    let issuers = JwtIssuers::new(vec![shared], times).unwrap();
    assert!(verified(&issuers, &key.token(&header("HS256", "any"), &claims())).await.is_ok());
    let other = TestKey::Secret(b"another secret of 32 characters!".to_vec());
    assert_eq!(verified(&issuers, &other.token(&header("HS256", "any"), &claims())).await, Err(JwtError::Signature));
    assert_eq!(verified(&issuers, &token(json!({}))).await, Err(JwtError::Algorithm));
    assert!(!format!("{issuers:?}").contains(secret));

    // Whoever reads a set with a symmetric key could sign: it is passed over, also where HS256 is listed.
    let server = KeyServer::start(&[key.jwk("s"), EC.jwk("ec")]).await;
    let mut about = issuer(KeySource::Url(server.url.clone()));
    about.algorithms.push(Algorithm::HS256);
    let issuers = JwtIssuers::new(vec![about], times).unwrap();
    assert_eq!(verified(&issuers, &key.token(&header("HS256", "s"), &claims())).await, Err(JwtError::Key));
    assert!(verified(&issuers, &token(json!({}))).await.is_ok());
}
