//! What is said of a store that can't be used.

use runcast::storage::objects::{AccessKeys, Addressing, Bucket, Objects, ObjectsError, StoreLocation};

use super::common::{bucket, list, options, s3};
use super::tls;
use crate::support::{Certificates, S3Server};

/// What the probe says, which must not be well.
async fn said(objects: &Objects) -> ObjectsError {
    let error = objects.probe().await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains(S3Server::SECRET) && !text.contains("hunter2"), "{text}");
    assert!(text.starts_with(&objects.location()), "{text}");
    error
}

fn keys(id: &str, secret: &str) -> Option<AccessKeys> {
    Some(AccessKeys { id: id.into(), secret: secret.into() })
}

#[tokio::test]
async fn a_bucket_that_is_not_there_a_wrong_key_and_missing_rights_are_told_apart() {
    let server = S3Server::start();
    let with = |change: fn(&mut Bucket)| {
        let mut bucket = bucket(&server);
        change(&mut bucket);
        s3(bucket)
    };
    let missing = said(&with(|bucket| bucket.name = "other".into())).await;
    assert!(matches!(&missing, ObjectsError::NoBucket(text) if text.contains("no such bucket")), "{missing}");
    let key = said(&with(|bucket| bucket.keys = keys("AKIAOTHER", "hunter2"))).await;
    assert!(matches!(&key, ObjectsError::Denied(text) if text.contains("does not know objects.access_key")), "{key}");
    let secret = said(&with(|bucket| bucket.keys = keys(S3Server::KEY, "hunter2"))).await;
    assert!(matches!(&secret, ObjectsError::Denied(text) if text.contains("objects.secret_key")), "{secret}");
    let rights = said(&with(|bucket| bucket.keys = keys(S3Server::READER, S3Server::SECRET))).await;
    assert!(matches!(&rights, ObjectsError::Denied(text) if text.contains("may not do this")), "{rights}");
    assert!(rights.to_string().contains("can't write an object"), "{rights}");
    assert_eq!(with(|_| {}).probe().await, Ok(()));
    assert_eq!(list(&with(|_| {}), "").await.len(), 0, "the probe leaves nothing");
    assert!(std::fs::read_dir(server.file(".probe")).unwrap().next().is_none());
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_called_so() {
    let server = S3Server::start_with_another_clock();
    let skewed = said(&s3(bucket(&server))).await;
    assert!(matches!(&skewed, ObjectsError::Denied(text) if text.contains("clock")), "{skewed}");
}

#[tokio::test]
async fn an_address_where_nobody_is_and_a_name_that_nobody_has_are_unreachable() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (endpoint, wanted) in
        [(format!("http://{nobody}"), "refused"), ("http://no.such.host.invalid".into(), "reached")]
    {
        let bucket = Bucket {
            name: "runs".into(),
            endpoint: Some(endpoint),
            keys: keys(S3Server::KEY, S3Server::SECRET),
            ..Bucket::default()
        };
        let location = StoreLocation::S3 { bucket, region: "us-east-1".into(), addressing: Addressing::Path };
        let mut options = options(location);
        options.retry = std::time::Duration::from_millis(100);
        let away = said(&Objects::open(&options).unwrap()).await;
        assert!(matches!(&away, ObjectsError::Unavailable(text) if text.contains(wanted)), "{away}");
    }
}

#[tokio::test]
async fn a_certificate_is_trusted_if_its_authority_is_named_and_only_then() {
    let (home, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    let certificates = Certificates::make(home.path());
    let address = tls::before(server.address(), &certificates);
    // The certificate is for this name.
    let endpoint = Some(format!("https://localhost:{}", address.port()));
    let trusting = Bucket { endpoint, ca_file: Some(certificates.authority.clone()), ..bucket(&server) };
    assert_eq!(s3(trusting.clone()).probe().await, Ok(()));

    let location = |bucket| StoreLocation::S3 { bucket, region: "us-east-1".into(), addressing: Addressing::Path };
    let mut options = options(location(Bucket { ca_file: None, ..trusting.clone() }));
    options.retry = std::time::Duration::from_millis(100);
    let untrusted = said(&Objects::open(&options).unwrap()).await;
    assert!(matches!(&untrusted, ObjectsError::Unavailable(text) if text.contains("objects.ca_file")), "{untrusted}");

    for (file, wanted) in [(certificates.key.clone(), "no certificate"), (home.path().join("none"), "No such file")] {
        options.location = location(Bucket { ca_file: Some(file), ..trusting.clone() });
        let error = Objects::open(&options).unwrap_err();
        assert!(matches!(&error, ObjectsError::Settings(text) if text.contains(wanted)), "{error}");
    }
}
