//! A bucket of an S3 server.

use std::time::Duration;

use runcast::storage::objects::{Bucket, Objects, ObjectsError};

use super::common::{MIB, bucket, bytes, full_meta, keeps_objects, list, read, s3, write};
use crate::support::{S3Server, SOON, eventually};

#[tokio::test]
async fn a_bucket_keeps_objects() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    keeps_objects(&objects).await;
    assert_eq!(server.unfinished(), Vec::<String>::new());
    assert!(objects.serves_itself() && objects.local_path("a").is_none());
    assert_eq!(objects.location(), format!("s3://runs at {}", server.endpoint()));
}

#[tokio::test]
async fn a_prefix_is_before_all_keys_and_hides_what_is_beside_it() {
    let server = S3Server::start();
    let everything = s3(bucket(&server));
    let objects = s3(Bucket { prefix: "ci/web".into(), ..bucket(&server) });
    keeps_objects(&objects).await;
    write(&everything, "ci/other", &full_meta(), b"x").await.unwrap();
    write(&objects, "a", &full_meta(), b"xy").await.unwrap();
    assert_eq!(list(&objects, "").await.into_iter().collect::<Vec<_>>(), [("a".to_owned(), 2)]);
    assert_eq!(read(&everything, "ci/web/a").await.unwrap(), b"xy");
    assert_eq!(objects.location(), format!("s3://runs/ci/web at {}", server.endpoint()));
}

/// An upload that has had parts, and a moment in which none is on its way.
async fn begun(objects: &Objects, key: &str) -> runcast::storage::objects::ObjectWriter {
    let mut writer = objects.writer(key, &full_meta()).await.unwrap();
    assert_eq!(writer.upload(), None);
    writer.write(&bytes(3, 11 * MIB)).await.unwrap();
    assert!(writer.upload().is_some(), "the store has a name for it");
    writer
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_no_part() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    begun(&objects, "runs/a").await.abort().await.unwrap();
    assert_eq!(server.unfinished(), Vec::<String>::new());
    drop(begun(&objects, "runs/a").await);
    eventually!(server.unfinished(), Vec::is_empty, SOON);
    assert_eq!(objects.head("runs/a").await, Ok(None));
}

#[tokio::test]
async fn what_a_crash_has_left_of_an_upload_is_cleared_by_its_name() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    let writer = begun(&objects, "runs/a").await;
    let upload = writer.upload().unwrap().to_owned();
    // What a crash does: nothing is said to the store any more.
    std::mem::forget(writer);
    eventually!(server.unfinished().iter().filter(|name| name.contains("part-2")).count(), |parts| *parts == 1, SOON);
    objects.clear("runs/a", Some(&upload)).await.unwrap();
    assert_eq!(server.unfinished(), Vec::<String>::new());
    // Once more, and when it was finished after all.
    objects.clear("runs/a", Some(&upload)).await.unwrap();
    write(&objects, "runs/a", &full_meta(), b"x").await.unwrap();
    objects.clear("runs/a", Some(&upload)).await.unwrap();
    assert_eq!(objects.head("runs/a").await, Ok(None));
}

#[tokio::test]
async fn a_writer_whose_caller_was_cancelled_goes_on_or_ends_without_a_trace() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    let content = bytes(4, 11 * MIB);
    for patience in [0, 1, 2, 5, 10, 20, 50] {
        let mut writer = objects.writer("runs/a", &full_meta()).await.unwrap();
        // Cancelled anywhere, as by a client that went away.
        let _ = tokio::time::timeout(Duration::from_millis(patience), writer.write(&content)).await;
        drop(writer);
    }
    eventually!(server.unfinished(), Vec::is_empty, SOON);
    assert_eq!(objects.head("runs/a").await, Ok(None));
}

#[tokio::test]
async fn a_part_that_fails_fails_the_object() {
    let server = S3Server::start();
    let objects = s3(bucket(&server));
    let mut writer = begun(&objects, "runs/a").await;
    let upload = writer.upload().unwrap().to_owned();
    objects.clear("runs/a", Some(&upload)).await.unwrap();
    let mut last = Ok(());
    for _ in 0..3 {
        last = writer.write(&bytes(5, 5 * MIB)).await;
    }
    assert!(last.is_err(), "the upload is gone");
    assert!(matches!(writer.commit().await, Err(ObjectsError::Refused(_))));
    assert_eq!(objects.head("runs/a").await, Ok(None));
}
