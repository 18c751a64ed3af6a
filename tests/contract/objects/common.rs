//! What the tests of all stores share.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use runcast::protocol::ContentCoding;
use runcast::storage::objects::{
    AccessKeys, Addressing, Bucket, ObjectMeta, Objects, ObjectsError, ObjectsOptions, SignedUpload, StoreLocation,
};

use crate::support::{Dice, S3Server};

pub(crate) const MIB: usize = 1 << 20;

pub(crate) fn options(location: StoreLocation) -> ObjectsOptions {
    ObjectsOptions { location, request: Duration::from_secs(10), retry: Duration::from_secs(5) }
}

pub(crate) fn directory(path: &Path) -> Objects {
    Objects::open(&options(StoreLocation::Directory { path: path.to_owned(), min_free_bytes: 0 })).unwrap()
}

/// A bucket of `server` as it is usually configured.
pub(crate) fn bucket(server: &S3Server) -> Bucket {
    Bucket {
        name: S3Server::BUCKET.into(),
        endpoint: Some(server.endpoint()),
        keys: Some(AccessKeys { id: S3Server::KEY.into(), secret: S3Server::SECRET.into() }),
        ..Bucket::default()
    }
}

pub(crate) fn s3(bucket: Bucket) -> Objects {
    Objects::open(&options(StoreLocation::S3 { bucket, region: "eu-west-1".into(), addressing: Addressing::Path }))
        .unwrap()
}

pub(crate) fn meta(content_type: &str) -> ObjectMeta {
    ObjectMeta { content_type: content_type.into(), coding: ContentCoding::Identity, disposition: String::new() }
}

/// What most objects of these tests are: every header is needed.
pub(crate) fn full_meta() -> ObjectMeta {
    ObjectMeta {
        content_type: "text/html; charset=utf-8".into(),
        coding: ContentCoding::Gzip,
        disposition: "attachment; filename=\"a b.html\"; filename*=UTF-8''%C3%A4.html".into(),
    }
}

/// Bytes that no two seeds share.
pub(crate) fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    (0..count).map(|_| dice.below(256) as u8).collect()
}

pub(crate) async fn write(
    objects: &Objects,
    key: &str,
    meta: &ObjectMeta,
    content: &[u8],
) -> Result<u64, ObjectsError> {
    let mut writer = objects.writer(key, meta).await?;
    // Pieces that fit no part.
    for piece in content.chunks(100_003) {
        writer.write(piece).await?;
    }
    writer.commit().await
}

pub(crate) async fn read(objects: &Objects, key: &str) -> Result<Vec<u8>, ObjectsError> {
    let body = objects.read(key, None).await?;
    let pieces: Vec<_> = body.stream.try_collect().await?;
    let content = pieces.concat();
    assert_eq!(content.len() as u64, body.size);
    Ok(content)
}

/// What is listed below `prefix`, by key.
pub(crate) async fn list(objects: &Objects, prefix: &str) -> BTreeMap<String, u64> {
    objects.list(prefix).map_ok(|listed| (listed.key, listed.size)).try_collect().await.unwrap()
}

/// Sends what a signed upload asks for, by a client that knows nothing of stores; the status.
pub(crate) async fn upload(signed: &SignedUpload, content: Vec<u8>) -> u16 {
    let client = reqwest::Client::new();
    let mut request = client.put(signed.url.clone());
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    request.body(content).send().await.unwrap().status().as_u16()
}

/// Everything that a store does with objects, whichever it is.
pub(crate) async fn keeps_objects(objects: &Objects) {
    let (small, large) = (bytes(1, 10), bytes(2, 12 * MIB + 17));
    assert_eq!(objects.head("runs/r/a").await, Ok(None));
    assert_eq!(read(objects, "runs/r/a").await, Err(ObjectsError::NotFound));
    assert_eq!(objects.delete("runs/r/a").await, Ok(()), "what is not there is deleted");
    for (key, content) in [("runs/r/a", &small), ("runs/r/b.bin", &large), ("runs/q/empty", &Vec::new())] {
        assert_eq!(write(objects, key, &full_meta(), content).await, Ok(content.len() as u64), "{key}");
        assert_eq!(objects.head(key).await, Ok(Some(content.len() as u64)), "{key}");
        assert!(read(objects, key).await.unwrap() == *content, "{key}");
    }
    let range = objects.read("runs/r/b.bin", Some(5_000_000..7_000_001)).await.unwrap();
    assert_eq!((range.size, range.range.clone()), (large.len() as u64, 5_000_000..7_000_001));
    let pieces: Vec<_> = range.stream.try_collect().await.unwrap();
    assert!(pieces.concat() == large[5_000_000..7_000_001]);
    let beyond = objects.read("runs/r/a", Some(5..99)).await.unwrap();
    assert_eq!(beyond.range, 5..10);
    assert!(objects.read("runs/r/a", Some(10..11)).await.is_err());

    // Replaced, copied, listed.
    assert_eq!(write(objects, "runs/r/a", &meta("text/plain"), b"new").await, Ok(3));
    assert_eq!(read(objects, "runs/r/a").await.unwrap(), b"new");
    assert_eq!(objects.copy("runs/r/b.bin", "runs/s/deep/c.bin").await, Ok(()));
    assert_eq!(objects.copy("runs/r/none", "runs/s/d").await, Err(ObjectsError::NotFound));
    assert!(read(objects, "runs/s/deep/c.bin").await.unwrap() == large);
    let all = [("runs/q/empty", 0), ("runs/r/a", 3), ("runs/r/b.bin", large.len()), ("runs/s/deep/c.bin", large.len())];
    let all = |prefix: &str| -> BTreeMap<String, u64> {
        let below = all.iter().filter(|(key, _)| key.starts_with(prefix));
        below.map(|(key, size)| ((*key).to_owned(), *size as u64)).collect()
    };
    for (prefix, below) in
        [("", ""), ("runs", "runs/"), ("runs/r", "runs/r/"), ("runs/r/", "runs/r/"), ("none", "none")]
    {
        assert_eq!(list(objects, prefix).await, all(below), "{prefix:?}");
    }
    assert_eq!(objects.probe().await, Ok(()));

    // A file that is an object then.
    let spool = tempfile::tempdir().unwrap();
    let file = spool.path().join("upload");
    std::fs::write(&file, &large).unwrap();
    assert_eq!(objects.put_file("runs/t/file", &full_meta(), &file).await, Ok(large.len() as u64));
    assert!(read(objects, "runs/t/file").await.unwrap() == large);

    for key in list(objects, "").await.keys() {
        assert_eq!(objects.delete(key).await, Ok(()), "{key}");
        assert_eq!(objects.head(key).await, Ok(None), "{key}");
    }
    assert_eq!(list(objects, "").await, BTreeMap::new());
    for bad in ["", "../x", "a/../../x", "/etc/passwd", ".probe/x"] {
        assert!(matches!(objects.head(bad).await, Err(ObjectsError::Key(_))), "{bad}");
        assert!(matches!(write(objects, bad, &meta(""), b"").await, Err(ObjectsError::Key(_))), "{bad}");
    }
}
