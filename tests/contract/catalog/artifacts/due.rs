//! What is due for removal, and what is not.

use runcast::protocol::ArtifactKind;
use runcast::storage::catalog::artifacts::{ArtifactRow, DueFor, Totals};

use crate::catalog::artifacts::fixture::{
    Backend, at, contract, due, finished, id, pending, pin, put, put_all, query, run, stored,
};

contract! {
    what_was_created_by_the_cutoff_of_its_kind_has_expired
    a_pin_keeps_all_of_its_run_until_it_ends
    what_stayed_pending_for_too_long_and_what_failed_is_abandoned
    a_former_object_is_due_when_its_time_is_over_or_its_artifact_deleted
    what_was_put_off_is_due_later_and_its_failures_are_counted
    the_oldest_are_due_first_page_by_page
    totals_count_what_is_there_and_what_is_due
}

fn named(numbers: &[u64]) -> Vec<(runcast::protocol::ArtifactId, String)> {
    numbers.iter().map(|number| (id(*number), format!("runs/{number}"))).collect()
}

async fn what_was_created_by_the_cutoff_of_its_kind_has_expired(backend: Backend) {
    let catalog = backend.open().await;
    for (number, kind) in (1..).zip(ArtifactKind::ALL) {
        for (row, created_at) in [(number, 100 * number), (10 + number, 100 * number + 1)] {
            let artifact = ArtifactRow { kind, created_at: at(created_at as i64), ..pending(row) };
            put(&*catalog, &artifact, &finished(row)).await;
        }
    }
    catalog.announce(&pending(20), 99).await.unwrap();
    let mut expired = query(DueFor::Expired, 1_000, 0);
    assert_eq!(due(&*catalog, &expired).await, []);
    expired.cutoffs = std::array::from_fn(|n| (ArtifactKind::ALL[n], at(100 * (n as i64 + 1))));
    assert_eq!(due(&*catalog, &expired).await, named(&[1, 2, 3, 4, 5, 6]));
    expired.cutoffs[2].1 = at(301);
    assert_eq!(due(&*catalog, &expired).await, named(&[1, 2, 3, 13, 4, 5, 6]));
    catalog.remove(&run("r"), id(3), at(9)).await.unwrap();
    assert_eq!(due(&*catalog, &expired).await, named(&[1, 2, 13, 4, 5, 6]), "deleted ones are due for that");
}

async fn a_pin_keeps_all_of_its_run_until_it_ends(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1, 2]).await;
    put(&*catalog, &ArtifactRow { run: run("R"), ..pending(3) }, &finished(3)).await;
    let expired = |now| query(DueFor::Expired, now, 99);
    catalog.pin(&run("r"), &pin(None)).await.unwrap();
    assert_eq!(due(&*catalog, &expired(1_000)).await, named(&[3]));
    assert_eq!(catalog.totals(&expired(1_000)).await.unwrap().due, 1);
    catalog.pin(&run("r"), &pin(Some(at(500)))).await.unwrap();
    assert_eq!(due(&*catalog, &expired(499)).await, named(&[3]));
    assert_eq!(due(&*catalog, &expired(500)).await, named(&[1, 2, 3]));
    catalog.pin(&run("r"), &pin(Some(at(501)))).await.unwrap();
    assert_eq!(due(&*catalog, &expired(500)).await, named(&[3]));
    assert!(catalog.unpin(&run("r")).await.unwrap());
    assert_eq!(due(&*catalog, &expired(0)).await, named(&[1, 2, 3]));
    // A pin keeps what expires, and not what somebody deletes.
    catalog.pin(&run("r"), &pin(None)).await.unwrap();
    catalog.remove(&run("r"), id(1), at(9)).await.unwrap();
    assert_eq!(due(&*catalog, &query(DueFor::Removed, 0, 0)).await, named(&[1]));
}

async fn what_stayed_pending_for_too_long_and_what_failed_is_abandoned(backend: Backend) {
    let catalog = backend.open().await;
    for number in [10, 20, 30, 40] {
        catalog.announce(&pending(number), 9).await.unwrap();
    }
    catalog.note_upload(id(20), "upload-20").await.unwrap();
    catalog.note_upload(id(99), "of nobody").await.unwrap();
    catalog.fail(id(40), "no").await.unwrap();
    put_all(&*catalog, [5]).await;
    let abandoned = catalog.due(&query(DueFor::Abandoned, 0, 20)).await.unwrap();
    let seen: Vec<_> = abandoned.iter().map(|due| (due.artifact.id, &*due.key, due.upload.as_deref())).collect();
    let want =
        [(id(10), "incoming/10", None), (id(20), "incoming/20", Some("upload-20")), (id(40), "incoming/40", None)];
    assert_eq!(seen, want);
    assert_eq!(abandoned[0].artifact, pending(10));
}

async fn a_former_object_is_due_when_its_time_is_over_or_its_artifact_deleted(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1, 2, 3]).await;
    for number in 1..=3 {
        let (from, key) = (format!("runs/{number}"), format!("small/{number}"));
        assert!(catalog.replace(id(number), &from, &key, &stored(1), at(100)).await.unwrap());
    }
    let replaced = |now| query(DueFor::Replaced, now, 0);
    assert_eq!(due(&*catalog, &replaced(99)).await, []);
    assert_eq!(due(&*catalog, &replaced(100)).await, named(&[1, 2, 3]));
    catalog.remove(&run("r"), id(1), at(50)).await.unwrap();
    catalog.gone(&[id(2)], at(60)).await.unwrap();
    assert_eq!(due(&*catalog, &replaced(49)).await, []);
    assert_eq!(due(&*catalog, &replaced(50)).await, named(&[1]));
    assert_eq!(due(&*catalog, &replaced(60)).await, named(&[1, 2]));
    assert_eq!(due(&*catalog, &query(DueFor::Removed, 60, 0)).await, [(id(1), "small/1".to_owned())]);
    catalog.forget_replaced(&[id(2), id(1), id(99)]).await.unwrap();
    assert_eq!(due(&*catalog, &replaced(100)).await, named(&[3]));
    catalog.remove(&run("r"), id(3), at(200)).await.unwrap();
    assert_eq!(due(&*catalog, &replaced(100)).await, named(&[3]), "a later removal does not keep it longer");
}

async fn what_was_put_off_is_due_later_and_its_failures_are_counted(backend: Backend) {
    let catalog = backend.open().await;
    put_all(&*catalog, [1, 2]).await;
    catalog.put_off(id(1), at(10)).await.unwrap();
    catalog.put_off(id(1), at(20)).await.unwrap();
    catalog.put_off(id(99), at(20)).await.unwrap();
    let failures = async |reason, now| {
        let due = catalog.due(&query(reason, now, 9)).await.unwrap();
        due.iter().map(|due| (due.artifact.id, due.failures)).collect::<Vec<_>>()
    };
    assert_eq!(failures(DueFor::Expired, 19).await, [(id(2), 0)]);
    assert_eq!(catalog.totals(&query(DueFor::Expired, 19, 9)).await.unwrap().due, 1);
    assert_eq!(failures(DueFor::Expired, 20).await, [(id(1), 2), (id(2), 0)]);
    catalog.remove(&run("r"), id(1), at(1)).await.unwrap();
    assert_eq!(failures(DueFor::Removed, 19).await, [], "whose store refuses is not asked more often");
    assert_eq!(failures(DueFor::Removed, 20).await, [(id(1), 2)]);
    // A removal that was done is over.
    assert!(catalog.replace(id(2), "runs/2", "small/2", &stored(1), at(1)).await.unwrap());
    catalog.put_off(id(2), at(30)).await.unwrap();
    assert_eq!(failures(DueFor::Replaced, 29).await, []);
    catalog.forget_replaced(&[id(2)]).await.unwrap();
    assert_eq!(failures(DueFor::Expired, 1).await, [(id(2), 0)]);
}

async fn the_oldest_are_due_first_page_by_page(backend: Backend) {
    let catalog = backend.open().await;
    // Kinds and times that run against the ids, and several of one time.
    let created = |number: u64| at(((60 - number) / 4) as i64);
    for number in 0..60 {
        let kind = ArtifactKind::ALL[number as usize % 6];
        let artifact = ArtifactRow { kind, created_at: created(number), ..pending(number) };
        assert!(catalog.announce(&artifact, 99).await.unwrap());
        match number % 5 {
            0 => assert!(catalog.fail(id(number), "no").await.unwrap()),
            1 => {}
            2 => assert!(catalog.remove(&run("r"), id(number), at(0)).await.unwrap()),
            3 => {
                assert!(catalog.set_ready(&run("r"), id(number), &finished(number)).await.unwrap());
                let from = format!("runs/{number}");
                assert!(catalog.replace(id(number), &from, "small", &stored(1), at(5)).await.unwrap());
            }
            _ => assert!(catalog.set_ready(&run("r"), id(number), &finished(number)).await.unwrap()),
        }
    }
    for (reason, kinds) in [
        (DueFor::Expired, [3, 4].as_slice()),
        (DueFor::Abandoned, &[0, 1]),
        (DueFor::Removed, &[2]),
        (DueFor::Replaced, &[3]),
    ] {
        let mut query = query(reason, 100, 12);
        query.limit = 7;
        let mut seen = Vec::new();
        while let page = catalog.due(&query).await.unwrap()
            && let Some(last) = page.last()
        {
            assert!(page.len() <= 7);
            query.after = Some(last.artifact.age());
            seen.extend(page.iter().map(|due| due.artifact.age()));
        }
        let is_due = |number: &u64| {
            let aged = created(*number) <= at(12);
            kinds.contains(&(number % 5))
                && match reason {
                    DueFor::Expired => aged,
                    DueFor::Abandoned => aged || number.is_multiple_of(5),
                    DueFor::Removed | DueFor::Replaced => true,
                }
        };
        let mut want: Vec<_> = (0..60).filter(is_due).map(|number| (created(number), id(number))).collect();
        want.sort();
        assert_eq!(seen, want, "{reason:?}");
        query.limit = 0;
        query.after = None;
        assert_eq!(catalog.due(&query).await.unwrap(), []);
    }
}

async fn totals_count_what_is_there_and_what_is_due(backend: Backend) {
    let catalog = backend.open().await;
    let mut query = query(DueFor::Removed, 100, 3);
    query.limit = 1;
    query.after = Some((at(99), id(99)));
    assert_eq!(catalog.totals(&query).await.unwrap(), Totals::default());
    put_all(&*catalog, 1..=5).await;
    catalog.announce(&pending(6), 99).await.unwrap();
    let there = Totals { artifacts: 5, bytes: 150, stored_bytes: 15, due: 3 };
    assert_eq!(catalog.totals(&query).await.unwrap(), there, "1, 2 and 3 have expired");
    assert!(catalog.replace(id(1), "runs/1", "small/1", &stored(0), at(5)).await.unwrap());
    let there = Totals { stored_bytes: 14, due: 4, ..there };
    assert_eq!(catalog.totals(&query).await.unwrap(), there, "two objects of one artifact may be due");
    catalog.fail(id(6), "no").await.unwrap();
    catalog.remove(&run("r"), id(5), at(1)).await.unwrap();
    let there = Totals { artifacts: 4, bytes: 100, stored_bytes: 9, due: 6 };
    assert_eq!(catalog.totals(&query).await.unwrap(), there);
    catalog.gone(&(1..=6).map(id).collect::<Vec<_>>(), at(1)).await.unwrap();
    assert_eq!(catalog.totals(&query).await.unwrap(), Totals { due: 1, ..Totals::default() }, "the former object of 1");
}
