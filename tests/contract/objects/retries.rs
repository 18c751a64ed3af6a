//! A store that fails for a while, and one that fails for good: neither is waited for without end.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use runcast::storage::objects::{Addressing, Bucket, Objects, ObjectsError, ObjectsOptions, StoreLocation};

use super::common::{MIB, bucket, bytes, full_meta, read, s3, write};
use crate::support::{FaultProxy, S3Server, SOON, eventually};

/// What a store that fails for good is given.
const REQUEST: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_secs(2);
/// What one is given of which something is wanted, also on a busy machine.
const PATIENT: Duration = Duration::from_secs(4);
/// One last request may begin just before the time is over; the machine may be busy.
const MOST: Duration = Duration::from_secs(2 + 1 + 7);

async fn through(server: &S3Server, proxy: &FaultProxy, request: Duration, retry: Duration) -> Objects {
    let bucket = Bucket { endpoint: Some(format!("http://{}", proxy.address())), ..bucket(server) };
    let location = StoreLocation::S3 { bucket, region: "us-east-1".into(), addressing: Addressing::Path };
    Objects::open(&ObjectsOptions { location, request, retry }).unwrap()
}

#[tokio::test]
async fn a_store_that_refuses_or_says_nothing_is_given_up_in_time() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let objects = through(&server, &proxy, REQUEST, RETRY).await;
    for fault in [FaultProxy::refuse, FaultProxy::stall] {
        fault(&proxy);
        proxy.cut();
        let begun = Instant::now();
        let error = write(&objects, "runs/a", &full_meta(), b"x").await.unwrap_err();
        assert!(matches!(error, ObjectsError::Unavailable(_)), "{error}");
        assert!(begun.elapsed() < MOST, "{:?}", begun.elapsed());
        let begun = Instant::now();
        let error = objects.probe().await.unwrap_err();
        assert!(matches!(error, ObjectsError::Unavailable(_)), "{error}");
        assert!(begun.elapsed() < MOST, "{:?}", begun.elapsed());
    }
    proxy.pass();
    proxy.cut();
    // It goes on by itself.
    let written = eventually!(write(&objects, "runs/a", &full_meta(), b"x").await, |written| written.is_ok(), SOON);
    assert_eq!(written, Ok(1));
}

#[tokio::test]
async fn connections_that_break_are_not_noticed_by_who_writes_and_reads() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let objects = through(&server, &proxy, 5 * PATIENT, 10 * PATIENT).await;
    let content = bytes(7, 12 * MIB);
    let cutting = async {
        for part in 1..=8 {
            eventually!(proxy.passed(), |bytes| *bytes >= part * 4 * MIB as u64, SOON);
            proxy.cut();
        }
    };
    let working = async {
        for _ in 0..2 {
            assert_eq!(write(&objects, "runs/a", &full_meta(), &content).await, Ok(content.len() as u64));
            assert!(read(&objects, "runs/a").await.unwrap() == content);
        }
    };
    tokio::join!(cutting, working);
}

/// Reads nothing until more time has passed than a request may take, and than it would be repeated: `object_store` counts
/// it by a clock that tests can't move.
async fn too_long(time: Duration) {
    let began = Instant::now();
    eventually!(began.elapsed(), |passed| *passed >= time, 2 * time);
}

#[tokio::test]
async fn a_reader_may_be_slower_than_any_request_may_take_and_outlasts_what_breaks() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let objects = through(&server, &proxy, PATIENT, PATIENT).await;
    let (content, near) = (bytes(8, 12 * MIB), s3(bucket(&server)));
    write(&near, "runs/a", &full_meta(), &content).await.unwrap();
    let mut body = objects.read("runs/a", Some(1_000..content.len() as u64)).await.unwrap().stream;
    let mut got = body.next().await.unwrap().unwrap().to_vec();
    too_long(2 * PATIENT + Duration::from_millis(500)).await;
    proxy.cut();
    while let Some(piece) = body.next().await {
        got.extend_from_slice(&piece.unwrap());
    }
    assert!(got == content[1_000..]);

    // Another object of the same name is not a continuation.
    let mut body = objects.read("runs/a", None).await.unwrap().stream;
    body.next().await.unwrap().unwrap();
    write(&near, "runs/a", &full_meta(), &bytes(9, 12 * MIB)).await.unwrap();
    too_long(2 * PATIENT).await;
    proxy.cut();
    let rest: Vec<_> = body.collect().await;
    assert!(rest.last().unwrap().is_err(), "the end of another object was taken for its own");
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_sent_no_more_than_two_parts() {
    let server = S3Server::start();
    let proxy = FaultProxy::start(server.address()).await;
    let objects = through(&server, &proxy, PATIENT, PATIENT).await;
    let mut writer = objects.writer("runs/a", &full_meta()).await.unwrap();
    let piece = bytes(10, 64 * 1024);
    let mut taken = 0;
    while writer.upload().is_none() {
        writer.write(&piece).await.unwrap();
        taken += piece.len();
    }
    assert!(taken <= 5 * MIB + piece.len(), "a part is sent when it is full: {taken}");
    proxy.stall();
    let error = loop {
        match writer.write(&piece).await {
            Ok(()) => taken += piece.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ObjectsError::Unavailable(_)), "{error}");
    assert!(taken <= 10 * MIB, "{taken} bytes were taken");
    proxy.pass();
}
