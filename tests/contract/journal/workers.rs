//! What is written into producers' events, and how producers stand.

use runcast::protocol::event::stamp::StampKind;
use runcast::protocol::status::RunStatus;
use runcast::protocol::{ProducerId, Timestamp};
use runcast::storage::journal::{ControlPost, Post};

use crate::journal::fixture::*;
use crate::journal::words::*;

const PLAIN: &str = r#"{ "type":"log" }"#;
const ASK: &str = r#"{"type":"ai_stuck","askId":"q"}"#;

/// The time that the server wrote into an event as this member.
fn time(event: &str, member: &str) -> Timestamp {
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    event[member].as_str().and_then(Timestamp::parse).unwrap_or_else(|| panic!("{member} in {event}"))
}

pub(crate) async fn events_say_who_posted_them_and_when(kind: Kind) {
    let f = kind.open().await;
    let before = f.journal.now();
    let asks = |sent_at| Some(StampKind::Ask { expires_ms: 5_000, sent_at });
    let old = before.plus_millis(-20 * 60_000);
    let events = [
        (PLAIN, None),
        (r#"{ "type" : "run_status","status":"running"}"#, Some(StampKind::RunStatus(RunStatus::Running))),
        (r#"{"type":"test_status"}"#, Some(StampKind::TestStatus)),
        (ASK, asks(None)),
        (ASK, asks(Some(old))),
        (PLAIN, None),
    ];
    f.post("r", stamped_post("p", 1, &events)).await.unwrap();
    let log = f.log("r").await;
    let at = time(&log[1], "at");
    assert!(at >= before && at <= f.journal.now());
    let wanted = [
        PLAIN.to_owned(),
        format!(r#"{{"producer":"p","at":"{at}", "type" : "run_status","status":"running"}}"#),
        format!(r#"{{"producer":"p","at":"{at}","type":"test_status"}}"#),
        format!(
            r#"{{"producer":"p","at":"{at}","expiresAt":"{}","type":"ai_stuck","askId":"q"}}"#,
            at.plus_millis(5_000)
        ),
        format!(r#"{{"producer":"p","at":"{at}","stale":true,"type":"ai_stuck","askId":"q"}}"#),
        PLAIN.to_owned(),
    ];
    assert_eq!(log, wanted);

    f.later().await;
    let anonymous = Post { producer: ProducerId::own("room"), ..stamped_post("x", 1, &events[..2]) };
    f.post("r", anonymous).await.unwrap();
    let log = f.log("r").await;
    let later = time(&log[7], "at");
    assert!(later > at);
    assert_eq!(log[7], format!(r#"{{"producer":"-","at":"{later}", "type" : "run_status","status":"running"}}"#));
}

pub(crate) async fn what_is_posted_again_keeps_its_time_and_only_the_rest_gets_one(kind: Kind) {
    let f = kind.open().await;
    let test = (r#"{"type":"test_status"}"#, Some(StampKind::TestStatus));
    let events = [test.clone(), (PLAIN, None), test.clone(), (PLAIN, None), test];
    f.post("r", stamped_post("p", 1, &events[..3])).await.unwrap();
    let before = f.log("r").await;
    f.later().await;
    let again = f.post("r", stamped_post("p", 1, &events)).await.unwrap();
    assert_eq!((again.duplicates, again.stored), (3, 2));
    assert_eq!(f.post("r", stamped_post("p", 1, &events)).await.unwrap().duplicates, 5);
    let log = f.log("r").await;
    assert_eq!(log[..3], before);
    assert_eq!(log[3], PLAIN);
    assert!(time(&log[4], "at") > time(&log[2], "at"));
    assert_eq!(log.len(), 5);
}

pub(crate) async fn how_producers_stand_is_kept_beside_their_marks(kind: Kind) {
    use RunStatus::{Failed, Failing, Interrupted, Passed, Running};
    let mut f = kind.open().await;
    let anonymous = |n, post: Post| Post { producer: ProducerId::own("room"), n, ..post };
    let steps = [
        (says("lone", 1, Passed), Passed, "the last status counts while there are no workers"),
        (joins("a", 1, None), Running, "the run goes on"),
        (anonymous(1, joins("room", 1, None)), Running, ""),
        (says("a", 2, Failed), Failing, ""),
        (says("lone", 2, Passed), Failing, "it has not joined"),
        (joins("b", 1, None), Failing, ""),
        (anonymous(2, says("room", 1, Passed)), Failing, "b is open"),
        (post("a", 3..=9), Failing, "a mark that rises takes no state with it"),
        (leaves("b", 2), Failed, "the worst end"),
        (says("b", 3, Passed), Failed, "it has left"),
        (leaves("b", 4), Failed, ""),
        (joins("a", 10, None), Running, "it joined anew"),
        (says("a", 11, Passed), Interrupted, "b had left without an end"),
    ];
    for (one, status, why) in steps {
        let stored = f.append("r", vec![one]).await;
        assert_eq!((stored.head.status, stored.outcomes[0].is_ok()), (Some(status), true), "{why}: {stored:?}");
        f = f.reopened().await;
        assert_eq!(f.head("r").await, stored.head);
    }
    let again = f.append("r", vec![joins("a", 1, None), leaves("b", 2), says("a", 2, Failed)]).await;
    assert!(again.outcomes.iter().all(|outcome| outcome.as_ref().unwrap().duplicates == 1), "{again:?}");
    assert_eq!(again.head.status, Some(Interrupted), "what is posted again changes nothing");
    let rest = f.append("r", vec![post("a", 12..=12), post("lone", 3..=3), says("b", 5, Running)]).await;
    assert_eq!((rest.head.status, rest.outcomes[0].is_ok()), (Some(Interrupted), true));
}

pub(crate) async fn the_servers_word_is_the_runs_until_somebody_joins_anew(kind: Kind) {
    use RunStatus::{Cancelled, Interrupted, Passed, Running};
    let mut f = kind.open().await;
    f.append("r", vec![joins("a", 1, None), joins("b", 1, Some((1, 2))), says("a", 2, Passed)]).await;
    assert_eq!(f.head("r").await.status, Some(Running));
    let word = |n, status: Option<RunStatus>, gives_up_shards| {
        let control = ControlPost { gives_up_shards, ..ControlPost::default() };
        Post { status, control: Some(control), ..command(n) }
    };
    let steps = [
        (word(1, Some(Cancelled), false), Cancelled),
        (says("b", 2, Passed), Cancelled),
        (leaves("b", 3), Cancelled),
        (leaves("a", 3), Cancelled),
        (word(2, None, true), Cancelled),
        (joins("a", 4, None), Running),
        (says("a", 5, Passed), Interrupted),
    ];
    for (step, (one, status)) in steps.into_iter().enumerate() {
        f = f.reopened().await;
        assert_eq!(f.append("r", vec![one]).await.head.status, Some(status), "step {step}");
    }
}

pub(crate) async fn shards_are_waited_for_until_they_are_given_up(kind: Kind) {
    use RunStatus::{Passed, Running};
    let mut f = kind.open().await;
    f.append("r", vec![joins("a", 1, Some((1, 3))), says("a", 2, Passed), leaves("a", 3)]).await;
    f = f.reopened().await;
    assert_eq!(f.head("r").await.status, Some(Running), "two are to come");
    f.append("r", vec![joins("b", 1, Some((2, 3))), says("b", 2, Passed)]).await;
    assert_eq!(f.head("r").await.status, Some(Running));
    let control = ControlPost { gives_up_shards: true, ..ControlPost::default() };
    let given_up = f.append("r", vec![Post { control: Some(control), ..command(1) }]).await;
    assert_eq!(given_up.head.status, Some(Passed));
    f = f.reopened().await;
    assert_eq!(f.append("r", vec![leaves("b", 3)]).await.head.status, Some(Passed), "they stay given up");
    assert_eq!(f.append("r", vec![joins("c", 1, Some((3, 3)))]).await.head.status, Some(Running), "it came after all");
    let ended = f.append("r", vec![says("c", 2, Passed)]).await.head.status;
    assert_eq!(ended, Some(Running), "and announces the others anew");
}

pub(crate) async fn whoever_joins_with_a_shard_takes_the_place_of_the_one_that_had_it(kind: Kind) {
    use RunStatus::{Failing, Passed, Running};
    let mut f = kind.open().await;
    let steps = [
        (joins("a", 1, Some((1, 2))), Running, ""),
        (says("a", 2, Failing), Failing, ""),
        (joins("b", 1, Some((2, 2))), Failing, ""),
        (joins("c", 1, Some((1, 2))), Running, "what the first one reported does not count"),
        (says("a", 3, Passed), Running, "it was replaced"),
        (says("b", 2, Passed), Running, "c runs"),
        (says("c", 2, Passed), Passed, "nobody waits for the one that was replaced"),
    ];
    for (one, status, why) in steps {
        let stored = f.append("r", vec![one]).await;
        assert_eq!((stored.head.status, stored.outcomes[0].is_ok()), (Some(status), true), "{why}: {stored:?}");
        f = f.reopened().await;
        assert_eq!(f.head("r").await, stored.head);
    }
}
