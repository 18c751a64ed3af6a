//! Cookies: sessions of people, and share links.

use runcast::protocol::Timestamp;
use serde_json::json;

use super::{GuardedNode, send, text};

/// The `name=value` of a `Set-Cookie`.
fn cookie(set: &str) -> String {
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_signs_in_with_a_key_and_out_again_and_the_cookie_is_not_the_key() {
    let guarded = GuardedNode::start(&[]);
    let (key, key_id) = guarded.key(&["view"], &["*"]).await;
    let own = format!("http://{}", guarded.node.address());
    let sign_in = async |origin: &str, key: &str| {
        let headers = [("content-type", "application/json"), ("origin", origin)];
        send(&guarded.node, "POST", "/api/session", &headers, json!({"key": key}).to_string()).await
    };
    assert_eq!(sign_in("https://evil.example", &key).await.status, 403, "nobody else signs a browser in");
    sign_in(&own, "rcast_x").await.problem(401, "credential_unknown");
    let signed_in = sign_in(&own, &key).await;
    assert_eq!(signed_in.status, 204, "{signed_in:?}");
    let set = signed_in.header("set-cookie").to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    assert!(!set.contains(&key));
    let cookie = cookie(&set);

    let with = async |headers: &[(&str, &str)]| {
        let headers = [&[("cookie", cookie.as_str())], headers].concat();
        guarded.node.get_with("/api/runs", &headers).await.status
    };
    assert_eq!(with(&[("origin", &own)]).await, 200);
    assert_eq!(with(&[("sec-fetch-site", "same-origin")]).await, 200);
    for headers in [&[][..], &[("sec-fetch-site", "same-site")]] {
        assert_eq!(with(headers).await, 401, "{headers:?}: it may be another page's request");
    }
    let me = guarded.node.get_with("/api/me", &[("cookie", &cookie), ("origin", &own)]).await.json();
    assert_eq!((&me["subject"], &me["scopes"]), (&json!(format!("key:{key_id}")), &json!(["view"])));
    assert_eq!((&me["grants"][0]["subject"], &me["grants"][1]), (&me["subject"], &json!(null)), "one credential");

    let headers = [("cookie", cookie.as_str()), ("origin", own.as_str())];
    let signed_out = send(&guarded.node, "DELETE", "/api/session", &headers, String::new()).await;
    assert_eq!(signed_out.status, 204, "{signed_out:?}");
    assert!(signed_out.header("set-cookie").contains("Max-Age=0"), "{signed_out:?}");
    assert_eq!(with(&[("origin", &own)]).await, 401, "the session is void, not only forgotten");
    assert_eq!(guarded.ask(&key, "GET", "/api/runs", json!(null)).await.status, 200, "the key is good");
}

#[tokio::test]
async fn a_link_that_was_made_in_a_session_goes_on_without_it_and_ends_with_the_key() {
    let guarded = GuardedNode::start(&[]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let (key, key_id) = guarded.key(&["view"], &["r"]).await;
    let own = format!("http://{}", guarded.node.address());
    let json = ("content-type", "application/json");
    let body = json!({"key": key}).to_string();
    let signed_in = send(&guarded.node, "POST", "/api/session", &[json, ("origin", &own)], body).await;
    let cookie = cookie(signed_in.header("set-cookie"));
    let headers = [json, ("cookie", cookie.as_str()), ("origin", own.as_str())];
    let made = send(&guarded.node, "POST", "/api/runs/r/shares", &headers, "{}".to_owned()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = text(&made.json()["url"]).split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();
    let signed_out = send(&guarded.node, "DELETE", "/api/session", &headers, String::new()).await;
    assert_eq!(signed_out.status, 204, "{signed_out:?}");
    assert_eq!(guarded.node.get_unredirected(&path, &[]).await.status, 303, "somebody else has it");
    let revoked = guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{key_id}"), json!(null)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    guarded.node.get_unredirected(&path, &[]).await.problem(410, "share_gone");
    assert!(!guarded.node.log().contains(&path[3..]) && !guarded.node.log().contains(&key));
}

#[tokio::test]
async fn cookies_are_nothing_to_the_pages_of_an_allowed_origin() {
    let guarded = GuardedNode::start(&[("RUNCAST__SERVER__ALLOWED_ORIGINS", "https://ci.example.org")]);
    let (key, _) = guarded.key(&["view"], &["*"]).await;
    let own = format!("http://{}", guarded.node.address());
    let headers = [("content-type", "application/json"), ("origin", own.as_str())];
    let signed_in = send(&guarded.node, "POST", "/api/session", &headers, json!({"key": key}).to_string()).await;
    let cookie = cookie(signed_in.header("set-cookie"));
    let theirs = [("cookie", cookie.as_str()), ("origin", "https://ci.example.org")];
    let refused = guarded.node.get_with("/api/runs", &theirs).await;
    refused.problem(401, "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), "https://ci.example.org", "its page can read why");
    assert_eq!(refused.header("access-control-allow-credentials"), "");
    let authorization = format!("Bearer {key}");
    let bearer = [("authorization", authorization.as_str()), ("origin", "https://ci.example.org")];
    assert_eq!(guarded.node.get_with("/api/runs", &bearer).await.status, 200);
    let preflight = [
        ("origin", "https://ci.example.org"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let allowed = send(&guarded.node, "OPTIONS", "/api/runs", &preflight, String::new()).await;
    assert_eq!(allowed.status, 204, "{allowed:?}");
    assert!(allowed.header("access-control-allow-headers").contains("Authorization"), "{allowed:?}");
}

#[tokio::test]
async fn a_share_link_shows_one_run_until_it_is_revoked_and_lets_nobody_further_in() {
    let guarded = GuardedNode::start(&[]);
    for run in ["shared", "other"] {
        assert_eq!(guarded.post(&guarded.first, run).await.status, 202);
    }
    let (key, key_id) = guarded.key(&["view", "control"], &["shared"]).await;
    let made = guarded.ask(&key, "POST", "/api/runs/shared/shares", json!({"name": "for Ann"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let url = text(&made.json()["url"]);
    let path = url.split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();

    // A link in a chat is a navigation from another site.
    let navigation = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let opened = guarded.node.get_unredirected(&path, &navigation).await;
    assert_eq!((opened.status, opened.header("location")), (303, "/runs/shared"), "{opened:?}");
    assert_eq!(opened.header("referrer-policy"), "no-referrer");
    assert_eq!(opened.header("cache-control"), "no-store");
    let cookie = cookie(opened.header("set-cookie"));
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let get = async |path: &str| guarded.node.get_with(path, &headers).await;
    assert_eq!(get("/api/runs/shared").await.status, 200);
    get("/api/runs/other").await.problem(403, "insufficient_scope");
    let listed = get("/api/runs").await.json();
    assert!(listed["runs"].as_array().unwrap().iter().all(|run| run["runId"] == "shared"), "{listed}");
    let json = [("content-type", "application/json")];
    let post = async |path: &str, body: &str| {
        send(&guarded.node, "POST", path, &[&headers[..], &json].concat(), body.to_owned()).await
    };
    post("/api/runs/shared/commands", r#"{"type":"pause"}"#).await.problem(403, "insufficient_scope");
    post("/api/runs/shared/shares", "{}").await.problem(403, "cannot_grant");

    let shares = guarded.ask(&key, "GET", "/api/runs/shared/shares", json!(null)).await;
    assert!(shares.text.contains("for Ann") && !shares.text.contains(&path[3..]), "{shares:?}");
    let id = text(&shares.json()["shares"][0]["id"]);
    let elsewhere = guarded.ask(&guarded.first, "DELETE", &format!("/api/runs/other/shares/{id}"), json!(null)).await;
    elsewhere.problem(404, "credential_not_found");
    let revoked = guarded.ask(&key, "DELETE", &format!("/api/runs/shared/shares/{id}"), json!(null)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    assert_eq!(get("/api/runs/shared").await.status, 401);
    guarded.node.get_unredirected(&path, &navigation).await.problem(410, "share_gone");

    // A link is void with the key of whoever made it.
    let second = guarded.ask(&key, "POST", "/api/runs/shared/shares", json!({"control": true})).await.json();
    let path = text(&second["url"]).split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();
    assert_eq!(guarded.node.get_unredirected(&path, &navigation).await.status, 303);
    let revoked = guarded.ask(&guarded.first, "DELETE", &format!("/api/keys/{key_id}"), json!(null)).await;
    assert_eq!(revoked.status, 204, "{revoked:?}");
    guarded.node.get_unredirected(&path, &navigation).await.problem(410, "share_gone");
    guarded.node.get_unredirected("/s/rcast_x", &navigation).await.problem(410, "share_gone");
}

#[tokio::test]
async fn a_page_of_a_run_tells_strangers_nothing_but_its_name() {
    let guarded = GuardedNode::start(&[]);
    let started = r#"{"type":"run_started","meta":{"project":"secret-shop"}}"#.to_owned();
    let authorization = format!("Bearer {}", guarded.first);
    let posted = guarded.node.post_ndjson("r", &[started], &[("authorization", &authorization)]).await;
    assert_eq!(posted.status, 202, "{posted:?}");
    let page = guarded.node.get("/runs/r").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<title>r · runcast</title>"), "{}", page.text);
}

#[tokio::test]
async fn a_download_link_of_a_guest_is_good_for_a_minute() {
    let guarded = GuardedNode::start(&[]);
    assert_eq!(guarded.post(&guarded.first, "r").await.status, 202);
    let authorization = format!("Bearer {}", guarded.first);
    let own = [("authorization", authorization.as_str())];
    let stored = send(&guarded.node, "PUT", "/api/runs/r/artifacts/a.txt", &own, "text".to_owned()).await;
    assert_eq!(stored.status, 201, "{stored:?}");
    let path = format!("/api/runs/r/artifacts/{}/download", text(&stored.json()["artifactId"]));
    let made = guarded.ask(&guarded.first, "POST", "/api/runs/r/shares", json!({})).await.json();
    let link = text(&made["url"]).split_once("/s/").map(|(_, secret)| format!("/s/{secret}")).unwrap();
    let opened = guarded.node.get_unredirected(&link, &[]).await;
    let cookie = cookie(opened.header("set-cookie"));
    let guests = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let secs = async |headers: &[(&str, &str)]| {
        let answer = guarded.node.get_with(&path, headers).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let expires = Timestamp::parse(&text(&answer.json()["expiresAt"])).unwrap();
        (expires.as_millis() - Timestamp::now().as_millis()) / 1_000
    };
    let (guest, owner) = (secs(&guests).await, secs(&own).await);
    assert!((30..=60).contains(&guest), "{guest} s");
    assert!((3_000..=3_600).contains(&owner), "{owner} s");
    // Whoever has a session besides is no guest.
    assert!((3_000..=3_600).contains(&secs(&[&own[..], &guests].concat()).await));
}
