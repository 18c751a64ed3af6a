//! API keys, share links, sessions, and what was revoked.

use runcast::protocol::{PrincipalKind, Rights, RunId, RunPatterns, Sha256};
use runcast::storage::catalog::access::{CredentialFilter, CredentialKind, CredentialRow, Maker, Revocation, Revoked};

use crate::catalog::artifacts::fixture::{Backend, at, contract};

contract! { in sqlite postgres: {
    a_credential_is_found_by_its_digest_and_by_its_id_as_it_was_added
    credentials_are_listed_newest_first_page_by_page_by_kind_and_by_run
    what_one_subject_has_made_and_is_not_over_is_counted_no_further_than_needed
    the_later_one_of_two_revocations_holds_until_it_is_to_be_forgotten
    credentials_go_once_they_have_been_expired_for_long
} }

fn credential(number: u8, kind: CredentialKind, runs: &str, expires: Option<i64>) -> CredentialRow {
    CredentialRow {
        id: format!("c{number}"),
        kind,
        digest: Sha256([number; 32]),
        subject: format!("key:c{number}"),
        name: "it's \"Ann\" %_".to_owned(),
        holder: if number.is_multiple_of(2) { PrincipalKind::Agent } else { PrincipalKind::Human },
        rights: Rights {
            scopes: "view publish".parse().unwrap(),
            runs: RunPatterns::parse(&[runs]).unwrap(),
            expires: expires.map(at),
        },
        maker: "key:first".to_owned(),
        made_with: (1..number).map(|earlier| format!("c{earlier}").into()).collect(),
        makers: vec![Maker { subject: "corp:ann".into(), issued_at: at(-5) }],
        created_at: at(i64::from(number)),
        used_at: None,
    }
}

async fn a_credential_is_found_by_its_digest_and_by_its_id_as_it_was_added(backend: Backend) {
    let catalog = backend.open().await;
    let rows = [credential(1, CredentialKind::Key, "*", None), credential(2, CredentialKind::Session, "a-*", Some(9))];
    for row in &rows {
        catalog.add_credential(row).await.unwrap();
        assert_eq!(catalog.credential(row.digest).await.unwrap().as_ref(), Some(row));
        assert_eq!(catalog.credential_by_id(&row.id).await.unwrap().as_ref(), Some(row));
        assert!(catalog.add_credential(row).await.is_err(), "no second one takes its place");
    }
    assert_eq!(catalog.credential(Sha256([9; 32])).await, Ok(None));
    catalog.used(&["c1".to_owned(), "none".to_owned()], at(7)).await.unwrap();
    let used = async |id| catalog.credential_by_id(id).await.unwrap().unwrap().used_at;
    assert_eq!((used("c1").await, used("c2").await), (Some(at(7)), None));
}

async fn credentials_are_listed_newest_first_page_by_page_by_kind_and_by_run(backend: Backend) {
    let catalog = backend.open().await;
    for (number, kind, runs) in [
        (1, CredentialKind::Key, "*"),
        (2, CredentialKind::Share, "r"),
        (3, CredentialKind::Key, "r"),
        (4, CredentialKind::Share, "r2"),
        (5, CredentialKind::Key, "a"),
    ] {
        catalog.add_credential(&credential(number, kind, runs, None)).await.unwrap();
    }
    let ids = async |filter: CredentialFilter| {
        let rows = catalog.credentials(&filter).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let all = |limit| CredentialFilter { limit, ..CredentialFilter::default() };
    assert_eq!(ids(all(2)).await, ["c5", "c4"]);
    assert_eq!(ids(CredentialFilter { after: Some((at(4), "c4".to_owned())), ..all(9) }).await, ["c3", "c2", "c1"]);
    assert_eq!(ids(CredentialFilter { kind: Some(CredentialKind::Key), ..all(9) }).await, ["c5", "c3", "c1"]);
    let of_run =
        CredentialFilter { kind: Some(CredentialKind::Share), run: Some(RunId::parse("r").unwrap()), ..all(9) };
    assert_eq!(ids(of_run).await, ["c2"]);
}

async fn what_one_subject_has_made_and_is_not_over_is_counted_no_further_than_needed(backend: Backend) {
    let catalog = backend.open().await;
    for (number, expires) in [(1, None), (2, Some(9)), (3, Some(5)), (4, Some(4))] {
        catalog.add_credential(&credential(number, CredentialKind::Key, "*", expires)).await.unwrap();
    }
    let others = CredentialRow { maker: "key:c1".to_owned(), ..credential(5, CredentialKind::Key, "*", None) };
    catalog.add_credential(&others).await.unwrap();
    let made = async |maker, now, most| catalog.count_made(maker, at(now), most).await.unwrap();
    assert_eq!([made("key:first", 4, 9).await, made("key:first", 5, 9).await], [3, 2]);
    assert_eq!([made("key:first", 0, 2).await, made("key:c1", 0, 9).await, made("nobody", 0, 9).await], [2, 1, 0]);
}

async fn the_later_one_of_two_revocations_holds_until_it_is_to_be_forgotten(backend: Backend) {
    let catalog = backend.open().await;
    let subject = Revoked::Subject("corp:a:b".to_owned());
    let revocation = |what: &Revoked, until, forget: Option<i64>| Revocation {
        what: what.clone(),
        issued_until: at(until),
        revoked_at: at(until),
        forget_at: forget.map(at),
    };
    let credential = Revoked::Credential("c1".to_owned());
    for one in [revocation(&subject, 5, None), revocation(&subject, 3, None), revocation(&credential, 4, Some(9))] {
        catalog.revoke(&one).await.unwrap();
    }
    let mut listed = catalog.revocations(at(8)).await.unwrap();
    listed.sort_unstable_by_key(|revocation| std::cmp::Reverse(revocation.revoked_at));
    assert_eq!(listed, [revocation(&subject, 5, None), revocation(&credential, 4, Some(9))]);
    assert_eq!(catalog.revocation_page(None, 1).await.unwrap(), listed[..1]);
    assert_eq!(catalog.revocation_page(Some((at(5), subject.text())), 9).await.unwrap(), listed[1..]);
    assert_eq!(catalog.revocations(at(9)).await.unwrap().len(), 1);
    catalog.forget_access(at(9), at(0)).await.unwrap();
    assert_eq!(catalog.revocations(at(0)).await.unwrap(), [revocation(&subject, 5, None)]);
}

async fn credentials_go_once_they_have_been_expired_for_long(backend: Backend) {
    let catalog = backend.open().await;
    for (number, expires) in [(1, None), (2, Some(5)), (3, Some(6))] {
        catalog.add_credential(&credential(number, CredentialKind::Key, "*", expires)).await.unwrap();
    }
    catalog.forget_access(at(100), at(5)).await.unwrap();
    let left = catalog.credentials(&CredentialFilter { limit: 9, ..CredentialFilter::default() }).await.unwrap();
    assert_eq!(left.into_iter().map(|row| row.id).collect::<Vec<_>>(), ["c3", "c1"]);
}
