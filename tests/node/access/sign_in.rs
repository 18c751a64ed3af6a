//! Signing in with an identity provider, and what others could make of it.

use runcast::protocol::Timestamp;
use serde_json::{Value, json};

use super::super::support::{Reply, Site};
use super::provider::{CLIENT_SECRET, FakeProvider};
use super::{GuardedNode, send, text};

pub(super) const PUBLIC: (&str, &str) = ("RUNCAST__SERVER__PUBLIC_URL", "http://runs.example");

/// A browser that comes from the provider's page.
const FROM_PROVIDER: [(&str, &str); 2] = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];

/// A sign-in that has begun: where the browser was sent, and what it keeps.
pub(super) struct Begun {
    pub(super) sent: reqwest::Url,
    pub(super) cookie: String,
}

impl Begun {
    pub(super) fn state(&self) -> String {
        self.sent.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
    }
}

async fn node(provider: &FakeProvider, settings: &[(&str, &str)]) -> GuardedNode {
    let setting = provider.setting();
    let oidc = [PUBLIC, ("RUNCAST__AUTH__OIDC", &*setting)];
    GuardedNode::start(&[&oidc, settings].concat())
}

/// The `name=value` of each `Set-Cookie`.
pub(super) fn cookies(reply: &Reply) -> Vec<String> {
    let lines = reply.headers.get_all("set-cookie").iter();
    lines.map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
}

pub(super) async fn begin(node: &Site, next: &str) -> Begun {
    let reply = node.get_unredirected(&format!("/auth/login?next={next}"), &[]).await;
    assert_eq!(reply.status, 303, "{reply:?}");
    Begun { sent: reply.header("location").parse().unwrap(), cookie: cookies(&reply).remove(0) }
}

/// Comes back with a code and a state, as the browser that has this cookie.
pub(super) async fn come_back(node: &Site, cookie: &str, state: &str, code: &str) -> Reply {
    let path = format!("/auth/callback?code={code}&state={state}&session_state=x&iss-is-not-named=1");
    let headers = [&FROM_PROVIDER[..], &[("cookie", cookie)]].concat();
    node.get_unredirected(&path, &headers).await
}

/// Who asks with the session that a reply has given.
async fn me(node: &Site, reply: &Reply) -> Value {
    let session = cookies(reply).into_iter().find(|cookie| cookie.starts_with("runcast=")).expect("a session");
    node.get_with("/api/me", &[("cookie", &session), ("sec-fetch-site", "same-origin")]).await.json()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, words: &str) {
    assert_eq!((reply.status, reply.header("content-type")), (status, "text/html; charset=utf-8"), "{reply:?}");
    assert!(reply.text.contains(words) && reply.text.contains("Sign in anew"), "{words}: {}", reply.text);
    assert!(cookies(reply).iter().all(|cookie| !cookie.starts_with("runcast=")), "{reply:?}");
}

#[tokio::test]
async fn somebody_signs_in_and_comes_back_to_where_she_was_with_the_rights_of_the_first_rule() {
    let provider = FakeProvider::start().await;
    let guarded = node(&provider, &[]).await;
    let nobody = guarded.node.get("/api/me").await.json();
    assert_eq!(nobody["signIn"], json!({"name": "corp", "url": "/auth/login"}));

    let begun = begin(&guarded.node, "/runs/web:1%3Fat%3D3").await;
    let asked =
        |name: &str| begun.sent.query_pairs().find(|(given, _)| given == name).map(|(_, value)| value.into_owned());
    assert!(begun.sent.as_str().starts_with(&format!("{}/authorize?", provider.url)), "{}", begun.sent);
    assert_eq!(asked("redirect_uri").as_deref(), Some("http://runs.example/auth/callback"));
    assert_eq!(asked("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(asked("scope").as_deref(), Some("openid profile"));

    let code = provider.code(&begun.sent, json!({}));
    let back = come_back(&guarded.node, &begun.cookie, &begun.state(), &code).await;
    assert_eq!((back.status, back.header("location")), (303, "/runs/web:1?at=3"), "{back:?}");
    let forgotten = cookies(&back).contains(&"runcast-sign-in=".to_owned());
    assert!(forgotten && back.header("cache-control") == "no-store", "{back:?}");
    let known = me(&guarded.node, &back).await;
    assert_eq!((&known["subject"], &known["name"]), (&json!("corp:ann-1"), &json!("Ann")), "{known}");
    assert_eq!(known["scopes"], json!(["view", "control"]));
    // Longer than the token of the provider, which says nothing of that.
    let end = Timestamp::parse(&text(&known["expiresAt"])).unwrap();
    let hours = (end.as_millis() - Timestamp::now().as_millis()) / 3_600_000;
    assert!((11..=12).contains(&hours), "{known}");

    let session = cookies(&back).into_iter().find(|cookie| cookie.starts_with("runcast=")).unwrap();
    let headers = [("cookie", session.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(send(&guarded.node, "DELETE", "/api/session", &headers, String::new()).await.status, 204);
    assert_eq!(guarded.node.get_with("/api/runs", &headers).await.status, 401);
    let log = guarded.node.log();
    for secret in [&code, CLIENT_SECRET, &begun.state(), begun.cookie.split_once('=').unwrap().1] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_signing_in() {
    let provider = FakeProvider::start().await;
    let guarded = node(&provider, &[]).await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/%5Cevil.example",
        "%5C/evil.example",
        "/%09/evil.example",
        "%09//evil.example",
        "%2F%2Fevil.example",
        "/runs//evil",
        "/%0D%0ASet-Cookie:x=y",
        "javascript:alert(1)",
        "",
    ] {
        let reply = guarded.node.get_unredirected(&format!("/auth/login?next={next}"), &[]).await;
        refused(&reply, 400, "next must be a path of this server");
        assert_eq!(reply.header("location"), "", "{next}");
    }
}

#[tokio::test]
async fn an_answer_counts_once_and_in_the_browser_that_has_begun() {
    let provider = FakeProvider::start().await;
    let guarded = node(&provider, &[]).await;
    let node = &*guarded.node;
    let (own, theirs) = (begin(node, "/runs/own").await, begin(node, "/").await);
    let anothers = "this browser has not begun this sign-in";
    // Somebody sends a link with the answer that was meant for herself: whoever follows it is not signed in as her.
    let code = provider.code(&theirs.sent, json!({}));
    refused(&come_back(node, &own.cookie, &theirs.state(), &code).await, 400, anothers);
    refused(&come_back(node, "a=b", &theirs.state(), &code).await, 400, anothers);
    refused(&come_back(node, &own.cookie, "", &code).await, 400, anothers);
    let edited = own.cookie.replace("=", "=A");
    refused(&come_back(node, &edited, &own.state(), &code).await, 400, anothers);
    assert_eq!(provider.asked(), 0, "the provider was not asked");
    // Her code in a sign-in of one's own: its verifier is another one.
    refused(&come_back(node, &own.cookie, &own.state(), &code).await, 400, "does not confirm who you are");

    let begun = begin(node, "/").await;
    let code = provider.code(&begun.sent, json!({}));
    assert_eq!(come_back(node, &begun.cookie, &begun.state(), &code).await.status, 303);
    let asked = provider.asked();
    refused(&come_back(node, &begun.cookie, &begun.state(), &code).await, 400, "was finished before");
    assert_eq!(provider.asked(), asked);
}

#[tokio::test]
async fn what_the_provider_says_is_verified_before_anybody_is_let_in() {
    let provider = FakeProvider::start().await;
    let guarded = node(&provider, &[]).await;
    let node = &*guarded.node;
    for (claims, status, words) in [
        (json!({"nonce": "another"}), 400, "its claim nonce is missing or has the wrong type"),
        (json!({"nonce": null}), 400, "its claim nonce"),
        (json!({"aud": "another"}), 400, "it is for others"),
        (json!({"aud": ["runcast", "another"], "azp": "another"}), 400, "it is for others"),
        (json!({"iss": "https://another.example"}), 400, "its issuer (iss) is not listed"),
        (json!({"exp": 1}), 400, "it expired at"),
        (json!({"sub": null}), 400, "it does not say whose it is"),
        (json!({"groups": ["guests"]}), 403, "no rule of this server fits you"),
    ] {
        let begun = begin(node, "/").await;
        let code = provider.code(&begun.sent, claims.clone());
        refused(&come_back(node, &begun.cookie, &begun.state(), &code).await, status, words);
    }
    let begun = begin(node, "/runs/r").await;
    let headers = [("cookie", begun.cookie.as_str())];
    let path = format!("/auth/callback?error=access_denied&error_description=%3Cb%3E&state={}", begun.state());
    let denied = node.get_unredirected(&path, &headers).await;
    refused(&denied, 403, "the identity provider answers access_denied");
    assert!(denied.text.contains("/auth/login?next=%2Fruns%2Fr\""), "{}", denied.text);
    let path = format!("/auth/callback?code=c&iss=https://evil.example&state={}", begun.state());
    refused(&node.get_unredirected(&path, &headers).await, 400, "does not confirm who you are");
    refused(&node.get_unredirected("/auth/callback", &[]).await, 400, "this browser has not begun");
}

#[tokio::test]
async fn while_the_provider_is_away_that_is_said_and_afterwards_it_goes_on() {
    let provider = FakeProvider::start().await;
    let guarded = node(&provider, &[]).await;
    let begun = begin(&guarded.node, "/").await;
    let code = provider.code(&begun.sent, json!({}));
    let setting = provider.setting();
    drop(provider);
    refused(&come_back(&guarded.node, &begun.cookie, &begun.state(), &code).await, 503, "does not answer");
    drop(guarded);
    let alone = GuardedNode::start(&[PUBLIC, ("RUNCAST__AUTH__OIDC", &setting)]);
    refused(&alone.node.get_unredirected("/auth/login", &[]).await, 503, "does not answer");
    let none = GuardedNode::start(&[]);
    none.node.get_unredirected("/auth/login", &[]).await.problem(404, "no_identity_provider");
    assert_eq!(none.node.get("/api/me").await.json()["signIn"], Value::Null);
}

#[tokio::test]
async fn a_sign_in_begins_on_one_node_and_ends_on_another_that_has_the_same_key() {
    let provider = FakeProvider::start().await;
    let key = "k".repeat(32);
    let (one, other) = (node(&provider, &[("RUNCAST__AUTH__SIGNING_KEYS", &key)]).await, {
        let keys = format!("{},{key}", "n".repeat(32));
        node(&provider, &[("RUNCAST__AUTH__SIGNING_KEYS", &keys)]).await
    });
    let begun = begin(&one.node, "/runs/r").await;
    let code = provider.code(&begun.sent, json!({}));
    let back = come_back(&other.node, &begun.cookie, &begun.state(), &code).await;
    assert_eq!((back.status, back.header("location")), (303, "/runs/r"), "{back:?}");
    assert_eq!(me(&other.node, &back).await["subject"], "corp:ann-1");
    let third = node(&provider, &[]).await;
    let begun = begin(&one.node, "/").await;
    let code = provider.code(&begun.sent, json!({}));
    refused(&come_back(&third.node, &begun.cookie, &begun.state(), &code).await, 400, "has not begun");
}
