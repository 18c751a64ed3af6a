//! A container of Azure's emulator.

use std::time::Duration;

use runcast::storage::objects::{AccessKeys, Bucket, Objects, ObjectsError, StoreLocation, Url};

use super::common::{MIB, bytes, full_meta, keeps_objects, meta, options, read, upload, write};
use crate::support::Azurite;

const TTL: Duration = Duration::from_secs(300);

fn azure(bucket: Bucket) -> Objects {
    Objects::open(&options(StoreLocation::Azure { bucket })).unwrap()
}

#[tokio::test]
async fn a_container_keeps_objects() {
    let emulator = Azurite::start().await;
    keeps_objects(&azure(emulator.bucket())).await;
    keeps_objects(&azure(Bucket { prefix: "ci/web".into(), ..emulator.bucket() })).await;
    assert!(azure(emulator.bucket()).location().starts_with("az://runs at http://127.0.0.1:"));
}

#[tokio::test]
async fn plain_clients_get_and_put_by_signed_urls() {
    let emulator = Azurite::start().await;
    let objects = azure(emulator.bucket());
    for (key, content) in [("runs/small.html", bytes(1, 100)), ("runs/large.html", bytes(2, 6 * MIB))] {
        write(&objects, key, &full_meta(), &content).await.unwrap();
        let reply = reqwest::get(objects.sign_get(key, TTL).await.unwrap()).await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], full_meta().content_type.as_str());
        assert_eq!(reply.headers()["content-encoding"], "gzip");
        assert_eq!(reply.headers()["content-disposition"], full_meta().disposition.as_str());
        assert!(reply.bytes().await.unwrap() == content, "{key}");
    }
    let signed = objects.sign_put("runs/direct.html", &full_meta(), TTL).await.unwrap();
    let content = bytes(3, MIB);
    assert_eq!(upload(&signed, content.clone()).await, 201);
    assert!(read(&objects, "runs/direct.html").await.unwrap() == content);
    let reply = reqwest::get(objects.sign_get("runs/direct.html", TTL).await.unwrap()).await.unwrap();
    assert_eq!(reply.headers()["content-type"], full_meta().content_type.as_str());
    assert_eq!(reply.headers()["content-disposition"], full_meta().disposition.as_str());

    // For nothing else, and under no other name.
    let get = objects.sign_get("runs/small.html", TTL).await.unwrap();
    let other = Url::parse(&get.as_str().replacen("small", "large", 1)).unwrap();
    assert_eq!(reqwest::get(other).await.unwrap().status(), 403);
    let misused = runcast::storage::objects::SignedUpload { url: get, ..signed };
    assert_eq!(upload(&misused, b"x".to_vec()).await, 403);
}

#[tokio::test]
async fn clients_that_see_the_store_under_another_name_get_urls_with_that_name() {
    let emulator = Azurite::start().await;
    let public = emulator.endpoint().replace("127.0.0.1", "localhost");
    let objects = azure(Bucket { public_url: Some(public.clone()), ..emulator.bucket() });
    write(&objects, "runs/a", &meta("text/plain"), b"x").await.unwrap();
    let url = objects.sign_get("runs/a", TTL).await.unwrap();
    assert!(url.as_str().starts_with(&format!("{public}/runs/runs/a?")), "{url}");
    let address = emulator.endpoint();
    let address = address.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap();
    let client = reqwest::Client::builder().resolve("localhost", address).build().unwrap();
    assert_eq!(client.get(url).send().await.unwrap().text().await.unwrap(), "x");
}

#[tokio::test]
async fn a_container_that_is_not_there_and_a_wrong_key_are_told_apart() {
    let emulator = Azurite::start().await;
    let missing = azure(Bucket { name: "other".into(), ..emulator.bucket() }).probe().await.unwrap_err();
    assert!(matches!(&missing, ObjectsError::NoBucket(text) if text.contains("no such bucket")), "{missing}");
    let keys = AccessKeys { id: Azurite::ACCOUNT.into(), secret: "aHVudGVyMg==".into() };
    let denied = azure(Bucket { keys: Some(keys), ..emulator.bucket() }).probe().await.unwrap_err();
    let text = denied.to_string();
    assert!(matches!(denied, ObjectsError::Denied(_)) && text.contains("credentials"), "{text}");
    assert!(!text.contains("aHVudGVyMg") && !text.contains("hunter2"), "{text}");
}
