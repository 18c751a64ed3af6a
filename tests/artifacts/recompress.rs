//! What was put straight into the store is made smaller afterwards, behind everybody's back.

use serde_json::{Value, json};

use super::fixture::{
    Catalog, Store, ask, bytes, clean, download, fetch, hex, id, node, original, path, samples, spooled, text,
};
use super::support::{SOON, Site, TestNode, eventually};
use super::zip;

/// A direct upload, completed.
pub(crate) async fn put(site: &Site, name: &str, content: &[u8]) -> Value {
    let body = json!({"name": name, "size": content.len(), "sha256": hex(content)});
    let made = ask(site, "POST", &path("r", ""), Some(body)).await.json();
    let headers = made["upload"]["headers"].as_object().unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let put = fetch("PUT", made["upload"]["url"].as_str().unwrap(), &headers, content.to_vec()).await;
    assert!((200..300).contains(&put.status));
    let reply = ask(site, "POST", &path("r", &format!("/{}/complete", id(&made["artifact"]))), None).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

async fn url(site: &Site, id: &str, query: &str, accept: &str) -> String {
    let told = download(site, "r", id, query, accept).await.json();
    told["downloadUrl"].as_str().unwrap().to_owned()
}

/// Waits until nothing is left to be made smaller.
async fn done(node: &TestNode) {
    let mut catalog = Catalog::of(node).await;
    let waiting = "SELECT id FROM runcast_artifacts WHERE compress_at IS NOT NULL";
    eventually!(catalog.texts(waiting).await, |ids| ids.is_empty(), 2 * SOON);
    eventually!(spooled(node), |files| files.is_empty(), SOON);
}

async fn it_becomes_smaller(store: Store) {
    let node = store.node(&[]);
    let samples = samples();
    let mut before = Vec::new();
    for (name, content, _) in &samples {
        let artifact = put(&node, name, content).await;
        let urls = [
            url(&node, id(&artifact), "", "").await,
            url(&node, id(&artifact), "", "gzip, zstd").await,
            url(&node, id(&artifact), "?encoding=stored", "").await,
        ];
        before.push((artifact, urls));
    }
    done(&node).await;
    let count = store.files(&node).len();
    for ((name, content, [kind, method, coding]), (before, urls)) in samples.iter().zip(&before) {
        let id = id(before);
        let after = node.get_json(&path("r", &format!("/{id}"))).await;
        for member in ["artifactId", "name", "kind", "contentType", "size", "sha256", "state", "createdAt", "expiresAt"]
        {
            assert_eq!(after[member], before[member], "{member}");
        }
        assert_eq!((&after["method"], &after["encoding"]), (&json!(method), &json!(coding)), "{after}");
        let smaller = after["storedSize"].as_u64() < before["storedSize"].as_u64();
        assert_eq!(smaller, *coding != "identity", "{after}");
        let same = |got: &[u8]| match *kind {
            "trace" => zip::read(got) == zip::read(content),
            _ => got == content,
        };
        // Whoever has a URL from before was told what it leads to: bytes that are not encoded.
        for url in urls {
            let got = fetch("GET", url, &[], Vec::new()).await;
            assert_eq!((got.status, got.header("content-encoding")), (200, ""), "{name} {url}");
            assert!(same(&got.body), "{name} {url}");
        }
        assert!(same(&original(&node, "r", id).await), "{name}");
    }
    // The former objects stay for as long as somebody may have a URL of them, and go then.
    let swept = clean(&node).await;
    assert_eq!((&swept["replaced"]["count"], &swept["orphanObjects"]["count"]), (&0.into(), &0.into()), "{swept}");
    assert_eq!(store.files(&node).len(), count);
    Catalog::of(&node).await.age(2).await;
    let swept = clean(&node).await;
    let former: usize = samples[..2].iter().map(|(_, content, _)| content.len()).sum();
    assert_eq!((&swept["replaced"]["count"], &swept["replaced"]["bytes"]), (&2.into(), &former.into()), "{swept}");
    for ((_, _, [kind, ..]), (before, _)) in samples.iter().zip(&before) {
        assert!(!original(&node, "r", id(before)).await.is_empty(), "{kind}");
    }
    if !matches!(store, Store::Azure(_)) {
        assert_eq!(store.files(&node).len(), 3);
    }
}

#[tokio::test]
async fn what_a_directory_got_becomes_smaller_and_former_urls_work_for_their_time() {
    it_becomes_smaller(Store::Directory).await;
}

#[tokio::test]
async fn what_a_bucket_got_becomes_smaller_and_former_urls_work_for_their_time() {
    it_becomes_smaller(Store::s3()).await;
}

#[tokio::test]
async fn what_a_container_got_becomes_smaller_and_former_urls_work_for_their_time() {
    it_becomes_smaller(Store::azure().await).await;
}

#[tokio::test]
async fn what_is_deleted_after_it_became_smaller_goes_with_its_former_object() {
    let store = Store::Directory;
    let node = store.node(&[]);
    let artifact = put(&node, "a.log", &text(60_000)).await;
    done(&node).await;
    assert_eq!(store.files(&node).len(), 2);
    let show = path("r", &format!("/{}", id(&artifact)));
    assert_eq!(ask(&node, "DELETE", &show, None).await.status, 204);
    clean(&node).await;
    assert_eq!(store.files(&node), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_not_to_become_smaller_stays_as_it_is() {
    let node = node(&[("artifacts.compress_direct", "false")]);
    let artifact = put(&node, "a.log", &text(60_000)).await;
    done(&node).await;
    assert_eq!(node.get_json(&path("r", &format!("/{}", id(&artifact)))).await, artifact);
    assert!(bytes(&url(&node, id(&artifact), "", "gzip").await).await == text(60_000));
}
