//! What a download says, and where it leads.

use std::io::Read as _;

use serde_json::Value;

use super::fixture::{Store, ask, bytes, download, fetch, hex, id, list, node, path, picture, samples, stored, text};
use super::support::{SOON, Site, eventually};
use super::zip;

fn decode(coding: &str, stored: &[u8]) -> Vec<u8> {
    match coding {
        "identity" => stored.to_vec(),
        "gzip" => {
            let mut decoded = Vec::new();
            flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut decoded).unwrap();
            decoded
        }
        "zstd" => zstd::decode_all(stored).unwrap(),
        other => panic!("{other}"),
    }
}

async fn all_ways_of_asking(store: Store) {
    let node = store.node(&[]);
    for (name, sent, [kind, _, coding]) in samples() {
        let artifact = stored(&node, "r", name, sent.clone()).await;
        let id = id(&artifact);
        let whole = |content: &[u8]| match kind {
            "trace" => zip::read(content) == zip::read(&sent),
            _ => content == sent,
        };
        for (query, accept, as_stored) in [
            ("", "", coding == "identity"),
            ("", "identity", coding == "identity"),
            ("", "gzip, deflate, br", coding != "zstd"),
            ("", "gzip;q=0, zstd;q=0.5", coding != "gzip"),
            ("", "*", true),
            ("", "gzip, zstd", true),
            ("?encoding=stored", "", true),
            ("?encoding=stored", "identity", true),
            ("?encoding=identity", "gzip, zstd", coding == "identity"),
            ("?encoding=", "gzip, zstd", true),
        ] {
            let told = download(&node, "r", id, query, accept).await;
            assert_eq!((told.status, told.header("cache-control")), (200, "no-store"), "{told:?}");
            let told = told.json();
            let what = format!("{name} {query} {accept}: {told}");
            assert_eq!(told["contentEncoding"], if as_stored { coding } else { "identity" }, "{what}");
            assert_eq!(told["downloadUrl"], told["signedUrl"]);
            for member in ["size", "storedSize", "sha256", "contentType"] {
                assert_eq!(told[member], artifact[member], "{what}");
            }
            assert_eq!(told["filename"], name);
            let url = told["downloadUrl"].as_str().unwrap();
            let got = fetch("GET", url, &[], Vec::new()).await;
            assert_eq!((got.status, got.header("content-type")), (200, artifact["contentType"].as_str().unwrap()));
            let is_ours = url.starts_with(&node.url(""));
            assert_eq!(is_ours, matches!(store, Store::Directory) || !as_stored, "{what}");
            match as_stored {
                true => {
                    let encoded = if coding == "identity" { "" } else { coding };
                    assert_eq!(got.header("content-encoding"), encoded, "{what}");
                    assert_eq!(
                        (hex(&got.body), got.body.len()),
                        (
                            told["storedSha256"].as_str().unwrap().to_owned(),
                            told["storedSize"].as_u64().unwrap() as usize,
                        ),
                        "{what}"
                    );
                    assert!(whole(&decode(coding, &got.body)), "{what}");
                }
                false => {
                    assert_eq!(got.header("content-encoding"), "", "{what}");
                    assert!(whole(&got.body), "{what}");
                }
            }
            // The same by a redirect.
            let query = if query.is_empty() { "?redirect=1".to_owned() } else { format!("{query}&redirect=1") };
            let url = node.url(&path("r", &format!("/{id}/download{query}")));
            let there = fetch(
                "GET",
                &url,
                &[("accept-encoding", if accept.is_empty() { "identity" } else { accept })],
                Vec::new(),
            )
            .await;
            assert_eq!((there.status, there.body.len()), (302, 0));
            assert_eq!((there.header("vary"), there.header("cache-control")), ("Accept-Encoding", "no-store"));
            let location = there.header("location").to_owned();
            let location = if location.starts_with('/') { node.url(&location) } else { location };
            assert!(bytes(&location).await == got.body, "{what}");
        }
        for query in ["?encoding=gzip", "?encoding=x", "?encoding=identity%00"] {
            download(&node, "r", id, query, "").await.problem(400, "invalid_encoding");
        }
    }
}

#[tokio::test]
async fn who_can_decode_what_is_stored_gets_that_and_others_get_it_decoded_from_a_directory() {
    all_ways_of_asking(Store::Directory).await;
}

#[tokio::test]
async fn who_can_decode_what_is_stored_gets_that_and_others_get_it_decoded_from_a_bucket() {
    all_ways_of_asking(Store::s3()).await;
}

#[tokio::test]
async fn who_can_decode_what_is_stored_gets_that_and_others_get_it_decoded_from_a_container() {
    all_ways_of_asking(Store::azure().await).await;
}

/// A URL of an artifact.
pub(crate) async fn url_of(site: &Site, run: &str, artifact: &Value) -> String {
    let told = download(site, run, id(artifact), "", "").await.json();
    told["downloadUrl"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

#[tokio::test]
async fn a_url_that_was_changed_or_made_for_something_else_is_refused() {
    let node = node(&[]);
    let (first, second) =
        (stored(&node, "r", "a.png", picture(100)).await, stored(&node, "r", "b.png", picture(200)).await);
    let (url, other) = (url_of(&node, "r", &first).await, url_of(&node, "r", &second).await);
    assert_eq!(bytes(&url).await, picture(100));
    let (bare, query) = url.split_once('?').unwrap();
    let (other_bare, other_query) = other.split_once('?').unwrap();
    let expires = query.split_once("expires=").unwrap().1.split('&').next().unwrap();
    let later = (expires.parse::<i64>().unwrap() + 1).to_string();
    let announced = ask(&node, "POST", &path("r", ""), Some(serde_json::json!({"name": "c", "size": 1}))).await.json();
    let put = announced["upload"]["url"].as_str().unwrap();
    let put_query = put.split_once('?').unwrap().1;
    let signature = query.rsplit_once('=').unwrap().1;
    for wrong in [
        format!("{bare}?{other_query}"),
        format!("{other_bare}?{query}"),
        format!("{bare}?{put_query}"),
        url.replace(expires, &later),
        url.replace("decoded=1", "decoded=0"),
        url.replace("disposition=inline", "disposition=attachment"),
        url.replace(signature, &signature.to_uppercase()),
        url.replace(signature, &"0".repeat(64)),
        url.replace("access=get", "access=put"),
        format!("{url}&expires={later}"),
        format!("{url}&"),
        bare.to_owned(),
        format!("{bare}?"),
        url.replace("/api/runs/", "/api/tests/"),
        url.replace("/content", "/%63ontent"),
        url.replace("/api/runs/r/", "/api/runs/s/"),
    ] {
        let refused = fetch("GET", &wrong, &[], Vec::new()).await;
        assert_eq!(refused.status, 403, "{wrong}");
        assert!(String::from_utf8_lossy(&refused.body).contains("url_invalid"), "{wrong}");
        assert_eq!(fetch("HEAD", &wrong, &[], Vec::new()).await.status, 403, "{wrong}");
    }
    for (method, url) in [("PUT", url.as_str()), ("GET", put), ("HEAD", put)] {
        assert_eq!(fetch(method, url, &[], b"evil".to_vec()).await.status, 403, "{method} {url}");
    }
    for method in ["POST", "DELETE", "PATCH"] {
        let refused = fetch(method, &url, &[], Vec::new()).await.status;
        assert!((400..500).contains(&refused), "{method}: {refused}");
    }
    assert_eq!(bytes(&url).await, picture(100), "nothing was changed");
}

#[tokio::test]
async fn a_url_ends_at_its_time_and_says_so() {
    let node = node(&[("objects.url_ttl_secs", "1")]);
    let artifact = stored(&node, "r", "a.log", text(5_000)).await;
    let url = url_of(&node, "r", &artifact).await;
    let ended = async || fetch("GET", &url, &[], Vec::new()).await;
    let refused = eventually!(ended().await.status, |status| *status != 200, SOON);
    assert_eq!(refused, 403);
    assert!(String::from_utf8_lossy(&ended().await.body).contains("url_expired"));
    // What the page shows stays good.
    let stays = artifact["downloadUrl"].as_str().unwrap();
    assert_eq!(fetch("GET", &node.url(stays), &[], Vec::new()).await.status, 302);
}

#[tokio::test]
async fn a_url_never_outlives_its_artifact() {
    let settings = [("retention.days", "0"), ("retention.allow_zero", "true"), ("retention.rules", "video=1")];
    let node = node(&settings);
    let expired = stored(&node, "r", "a.png", picture(100)).await;
    for rest in ["", "/download", "/download?redirect=1"] {
        node.get(&path("r", &format!("/{}{rest}", id(&expired)))).await.problem(410, "artifact_gone");
    }
    let kept = stored(&node, "r", "a.webm", b"\x1a\x45\xdf\xa3 and more".to_vec()).await;
    assert_eq!(kept["retainedBy"], "rule:video");
    let url = url_of(&node, "r", &kept).await;
    assert_eq!(bytes(&url).await, b"\x1a\x45\xdf\xa3 and more");
    // A signed URL of what has expired since is as good as none.
    super::fixture::Catalog::of(&node).await.age(25).await;
    let gone = fetch("GET", &url, &[], Vec::new()).await;
    assert_eq!(gone.status, 410);
    node.get(&path("r", &format!("/{}/download", id(&kept)))).await.problem(410, "artifact_gone");
}

#[tokio::test]
async fn what_was_deleted_is_gone_for_everybody_at_once() {
    for store in [Store::Directory, Store::s3()] {
        let node = store.node(&[]);
        let artifact = stored(&node, "r", "a.png", picture(100)).await;
        let url = url_of(&node, "r", &artifact).await;
        let show = path("r", &format!("/{}", id(&artifact)));
        ask(&node, "DELETE", &path("other", &format!("/{}", id(&artifact))), None)
            .await
            .problem(404, "artifact_unknown");
        for _ in 0..2 {
            assert_eq!(ask(&node, "DELETE", &show, None).await.status, 204);
        }
        node.get(&show).await.problem(410, "artifact_gone");
        node.get(&format!("{show}/download")).await.problem(410, "artifact_gone");
        ask(&node, "POST", &format!("{show}/complete"), None).await.problem(410, "artifact_gone");
        let gone = fetch("GET", &url, &[], Vec::new()).await.status;
        assert_eq!(gone, if matches!(store, Store::Directory) { 410 } else { 404 });
        assert_eq!(store.files(&node), Vec::<String>::new());
        assert_eq!(list(&node, "r").await, Vec::<Value>::new());
    }
    let node = node(&[]);
    for id in ["0198a1b2-0000-7000-8000-000000000000", "x", "..", "%2e%2e%2f"] {
        let reply = node.get(&path("r", &format!("/{id}/download"))).await;
        assert!(matches!(reply.status, 400 | 404), "{reply:?}");
    }
}
