//! Pins, leases and notes; and that whatever text there is comes back as it was.

use runcast::protocol::{ArtifactName, Pin};
use runcast::storage::catalog::artifacts::{ArtifactRow, Finished};

use crate::catalog::artifacts::fixture::{Backend, at, contract, finished, id, pending, pin, row, run};

contract! {
    a_run_has_one_pin_until_it_is_taken_away
    a_lease_is_one_holders_until_it_runs_out_or_is_given_back
    a_note_is_the_text_last_kept
    every_text_comes_back_as_it_was
}

async fn a_run_has_one_pin_until_it_is_taken_away(backend: Backend) {
    let catalog = backend.open().await;
    assert_eq!(catalog.pinned(&run("r")).await.unwrap(), None);
    assert!(!catalog.unpin(&run("r")).await.unwrap());
    for pin in [pin(None), pin(Some(at(5))), Pin { reason: "other".into(), until: None, since: at(7) }] {
        catalog.pin(&run("r"), &pin).await.unwrap();
        assert_eq!(catalog.pinned(&run("r")).await.unwrap(), Some(pin));
    }
    assert_eq!(catalog.pinned(&run("R")).await.unwrap(), None);
    assert!(!catalog.unpin(&run("R")).await.unwrap());
    assert!(catalog.unpin(&run("r")).await.unwrap());
    assert!(!catalog.unpin(&run("r")).await.unwrap());
    assert_eq!(catalog.pinned(&run("r")).await.unwrap(), None);
}

async fn a_lease_is_one_holders_until_it_runs_out_or_is_given_back(backend: Backend) {
    let catalog = backend.open().await;
    let lease = async |holder: &str, now, until| catalog.lease("cleanup", holder, at(now), at(until)).await.unwrap();
    assert!(lease("a", 0, 10).await);
    assert!(!lease("b", 9, 100).await);
    assert!(lease("a", 5, 20).await, "extended");
    assert!(!lease("b", 19, 100).await);
    assert!(catalog.lease("audit", "b", at(5), at(10)).await.unwrap(), "another lease");
    assert!(lease("b", 20, 30).await, "it has run out");
    assert!(!lease("a", 29, 100).await);
    catalog.release("cleanup", "a").await.unwrap();
    assert!(!lease("a", 29, 100).await, "who has it not does not give it back");
    catalog.release("cleanup", "b").await.unwrap();
    catalog.release("nothing", "b").await.unwrap();
    assert!(lease("a", 29, 100).await);
    assert!(!catalog.lease("audit", "a", at(9), at(10)).await.unwrap());
    assert!(!lease("b", 30, 65).await);
    assert!(lease("b", 30, 64).await, "a clock that was ahead took it for so long");
}

async fn a_note_is_the_text_last_kept(backend: Backend) {
    let catalog = backend.open().await;
    assert_eq!(catalog.noted("n").await.unwrap(), None);
    for text in ["", "one", "{\"two\":2}"] {
        catalog.note("n", text).await.unwrap();
        assert_eq!(catalog.noted("n").await.unwrap().as_deref(), Some(text));
    }
    catalog.note("m", "other").await.unwrap();
    assert_eq!(catalog.noted("n").await.unwrap().as_deref(), Some("{\"two\":2}"));
    assert_eq!(catalog.noted("N").await.unwrap(), None);
}

async fn every_text_comes_back_as_it_was(backend: Backend) {
    let catalog = backend.open().await;
    let long = "🦀".repeat(255);
    let texts = [
        "'; DROP TABLE runcast_artifacts; --",
        "\"quoted\" 'twice' `x`",
        "100 % _ * ? $1 :a {b} \\n \\",
        "видео – e\u{301} é 👩‍👩‍👧",
        " ",
        &long,
    ];
    for (number, text) in (1..).zip(texts) {
        let artifact = ArtifactRow {
            name: ArtifactName::parse(text).unwrap(),
            content_type: text.into(),
            test: Some(text.into()),
            key: format!("incoming/{text}"),
            ..pending(number)
        };
        assert!(catalog.announce(&artifact, 99).await.unwrap());
        assert_eq!(row(&*catalog, number).await, Some(artifact.clone()));
        catalog.note_upload(id(number), text).await.unwrap();
        let key = format!("runs/{text}");
        assert!(
            catalog.set_ready(&run("r"), id(number), &Finished { key: key.clone(), ..finished(number) }).await.unwrap()
        );
        assert_eq!(catalog.see(&[text.to_owned(), key], at(1)).await.unwrap(), [false, true]);

        let failed = ArtifactRow { id: id(number + 50), ..artifact };
        assert!(catalog.announce(&failed, 99).await.unwrap());
        assert!(catalog.fail(failed.id, text).await.unwrap());
        assert_eq!(row(&*catalog, number + 50).await.unwrap().failure.as_deref(), Some(text));

        catalog.note(text, text).await.unwrap();
        assert_eq!(catalog.noted(text).await.unwrap().as_deref(), Some(text));
        catalog.pin(&run("r"), &Pin { reason: text.into(), ..pin(None) }).await.unwrap();
        assert_eq!(catalog.pinned(&run("r")).await.unwrap().unwrap().reason, text);
        assert!(catalog.lease(text, text, at(0), at(9)).await.unwrap());
        assert!(!catalog.lease(text, "other", at(0), at(9)).await.unwrap());
        catalog.release(text, text).await.unwrap();
        assert!(catalog.lease(text, "other", at(0), at(9)).await.unwrap());
    }
    assert_eq!(catalog.of_run(&run("r"), None, 99).await.unwrap().len(), 2 * texts.len());
}
