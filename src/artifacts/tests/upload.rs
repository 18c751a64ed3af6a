use std::time::Duration;

use super::*;

/// Lets others run until `done`.
async fn until(done: impl AsyncFn() -> bool) {
    let waited = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.unwrap();
}

#[tokio::test]
async fn the_run_is_asked_the_row_announced_the_bytes_compressed_stored_and_told_in_this_order() {
    let bed = TestBed::new().await;
    let (first, rest) = (Bytes::from(text()), Bytes::from(text()));
    let body = bed.body([Ok(first), Ok(rest)]);
    let completed = bed.service.upload(bed.service.admit().unwrap(), new("a.log"), body).await.unwrap();
    assert!(completed.is_new);
    assert_eq!(
        bed.steps(),
        [
            "run: no row, 0 objects",
            "piece: no row, 0 objects",
            "piece: pending, 0 objects",
            "end: pending, 0 objects",
            "compress: pending, 0 objects",
            "event: ready, 1 objects",
        ]
    );
    let [event] = bed.node.events.lock().unwrap().clone().try_into().unwrap();
    assert_eq!((&event["type"], &event["kind"], &event["size"]), (&"artifact".into(), &"log".into(), &280_000.into()));
    assert_eq!(event.get("traceUrl"), None, "it is no trace");
    assert_eq!(files(&bed.home.path().join("spool")), 1, "its lock");
    assert!(bed.service.admit().is_ok());
}

#[tokio::test]
async fn what_can_not_become_smaller_goes_straight_to_the_store() {
    let bed = TestBed::with(ArtifactLimits { compress: false, ..LIMITS }).await;
    bed.upload(new("trace.zip"), &text()).await.unwrap();
    let steps = bed.steps();
    assert!(!steps.iter().any(|step| step.starts_with("compress")), "{steps:?}");
    let [event] = bed.node.events.lock().unwrap().clone().try_into().unwrap();
    assert!(event["traceUrl"].as_str().is_some_and(|url| url.starts_with("/trace/?trace=%2Fapi")), "{event}");
}

#[tokio::test]
async fn a_run_that_has_expired_or_of_which_nobody_knows_takes_nothing_and_nothing_is_read() {
    let bed = TestBed::new().await;
    for (runs, refusal) in
        [(Runs::Expired, ArtifactError::RunGone), (Runs::Away, ArtifactError::Runs("the journal is away".into()))]
    {
        *bed.node.runs.lock().unwrap() = runs;
        assert_eq!(bed.upload(new("a.log"), &text()).await.unwrap_err(), Refusal::Artifact(refusal));
        assert_eq!(bed.steps(), ["run: no row, 0 objects"]);
        assert!(bed.rows().await.is_empty());
        bed.nothing_is_left();
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_a_failed_row_that_says_why() {
    for pieces in [vec![Ok(text().into()), Err("cut off")], vec![Ok(Bytes::from_static(b"short")), Err("cut off")]] {
        let bed = TestBed::new().await;
        let body = bed.body(pieces);
        let refused = bed.service.upload(bed.service.admit().unwrap(), new("a.log"), body).await.unwrap_err();
        assert_eq!(refused, Refusal::Body("cut off"));
        assert_eq!(bed.row().await, (ArtifactState::Failed, Some("the body: cut off".into())));
        bed.nothing_is_left();
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_before_its_first_byte_leaves_nothing() {
    let bed = TestBed::new().await;
    let body = bed.body([Err("cut off")]);
    let refused = bed.service.upload(bed.service.admit().unwrap(), new("a.log"), body).await.unwrap_err();
    assert_eq!(refused, Refusal::Body("cut off"));
    assert!(bed.rows().await.is_empty());
    bed.nothing_is_left();
}

#[tokio::test]
async fn what_is_too_large_or_not_as_announced_fails_and_is_not_stored() {
    let bytes = text();
    let size = bytes.len() as u64;
    let small = ArtifactLimits { bytes: size - 1, ..LIMITS };
    let other = Some(digest(b"something else"));
    for (limits, wrong, failure) in [
        (small, new("a.log"), "the service: the artifact has more than"),
        (LIMITS, NewArtifact { sha256: other, ..new("a.log") }, "what came is not what was announced: sha-256"),
        (LIMITS, NewArtifact { size: Some(size + 1), ..new("a.log") }, "what came is not what was announced: 140000"),
        (LIMITS, NewArtifact { sha256: other, ..new("a.png") }, "what came is not what was announced: sha-256"),
    ] {
        let bed = TestBed::with(limits).await;
        assert!(bed.upload(wrong, &bytes).await.is_err());
        let (state, reason) = bed.row().await;
        assert_eq!(state, ArtifactState::Failed);
        assert!(reason.as_deref().is_some_and(|reason| reason.starts_with(failure)), "{reason:?}");
        assert!(bed.node.events.lock().unwrap().is_empty());
        bed.nothing_is_left();
    }
}

#[tokio::test]
async fn an_upload_that_nobody_waits_for_any_more_leaves_a_pending_row_and_gives_its_permit_back() {
    let bed = TestBed::new().await;
    let (permit, permits) = (bed.service.admit().unwrap(), Semaphore::new(0));
    struct Endless<'a>(Option<Bytes>, &'a Semaphore);
    impl UploadBody for Endless<'_> {
        type Error = Refusal;
        async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
            if self.0.is_none() {
                let _never = self.1.acquire().await;
            }
            Ok(self.0.take())
        }
    }
    let upload = bed.service.upload(permit, new("a.log"), Endless(Some(text().into()), &permits));
    let cut = async { until(async || !bed.rows().await.is_empty()).await };
    tokio::select! {
        _ = upload => panic!("it ended"),
        () = cut => {}
    }
    assert_eq!(bed.row().await, (ArtifactState::Pending, None));
    bed.nothing_is_left();
}

#[tokio::test]
async fn once_its_bytes_are_here_it_goes_on_alone_and_keeps_its_permit_until_it_is_told() {
    let bed = TestBed::new().await;
    let permits = Arc::new(Semaphore::new(0));
    *bed.node.compressing.lock().unwrap() = Compressing::Waits(permits.clone());
    let upload = bed.upload(new("a.log"), &*text().leak());
    let compressing = || bed.node.steps.lock().unwrap().iter().any(|step| step.starts_with("compress"));
    tokio::select! {
        _ = upload => panic!("it ended"),
        () = until(async || compressing()) => {}
    }
    assert_eq!(bed.service.admit().unwrap_err(), ArtifactError::Saturated(1));
    permits.add_permits(1);
    until(async || bed.service.admit().is_ok()).await;
    assert_eq!(bed.row().await, (ArtifactState::Ready, None));
    assert_eq!(bed.node.events.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_compression_that_is_refused_or_an_event_that_is_not_taken_costs_no_artifact() {
    for (compressing, runs) in [(Compressing::Refused, Runs::Open), (Compressing::Nothing, Runs::Sealed)] {
        let bed = TestBed::new().await;
        (*bed.node.compressing.lock().unwrap(), *bed.node.runs.lock().unwrap()) = (compressing, runs);
        assert!(bed.upload(new("a.log"), &text()).await.unwrap().is_new);
        assert_eq!(bed.row().await, (ArtifactState::Ready, None));
        assert_eq!(files(&bed.node.objects), 1);
    }
}

#[tokio::test]
async fn work_that_panics_leaves_a_pending_row_and_gives_its_permit_back() {
    let bed = TestBed::new().await;
    *bed.node.compressing.lock().unwrap() = Compressing::Panics;
    let refused = bed.upload(new("a.log"), &text()).await.unwrap_err();
    assert_eq!(refused, Refusal::Artifact(ArtifactError::Interrupted));
    assert_eq!(bed.row().await, (ArtifactState::Pending, None));
    bed.nothing_is_left();
}

#[tokio::test]
async fn an_artifact_that_is_deleted_while_it_is_compressed_is_gone_with_its_object() {
    let bed = TestBed::new().await;
    *bed.node.compressing.lock().unwrap() = Compressing::Deleted;
    let refused = bed.upload(new("a.log"), &text()).await.unwrap_err();
    assert!(matches!(refused, Refusal::Artifact(ArtifactError::Gone(_))), "{refused:?}");
    assert!(bed.rows().await.is_empty() && bed.node.events.lock().unwrap().is_empty());
    bed.nothing_is_left();
}

#[tokio::test]
async fn a_store_that_is_lost_fails_the_artifact() {
    let bed = TestBed::new().await;
    *bed.node.compressing.lock().unwrap() = Compressing::StoreLost;
    let refused = bed.upload(new("a.log"), &text()).await.unwrap_err();
    assert!(matches!(refused, Refusal::Artifact(ArtifactError::Objects(_))), "{refused:?}");
    let (state, reason) = bed.row().await;
    assert!(state == ArtifactState::Failed && reason.is_some());
    assert!(bed.node.events.lock().unwrap().is_empty());
    bed.nothing_is_left();
}

#[tokio::test]
async fn a_repeated_upload_is_read_to_its_end_and_answered_with_the_artifact_that_is_there() {
    let bed = TestBed::new().await;
    let bytes = text();
    let keyed = || NewArtifact { idempotency_key: Some("k".into()), ..new("a.log") };
    let first = bed.upload(keyed(), &bytes).await.unwrap();
    bed.steps();
    let again = bed.upload(keyed(), &bytes).await.unwrap();
    assert_eq!((again.is_new, &again.kept), (false, &first.kept));
    assert_eq!(bed.steps(), ["run: ready, 1 objects", "piece: ready, 1 objects", "end: ready, 1 objects"]);
    let other = bed.upload(NewArtifact { idempotency_key: Some("k".into()), ..new("b.log") }, &bytes).await;
    assert!(matches!(other.unwrap_err(), Refusal::Artifact(ArtifactError::Reused(_))));
    assert_eq!(bed.node.events.lock().unwrap().len(), 1, "nothing is told twice");
}
