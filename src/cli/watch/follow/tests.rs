use super::*;

const CONNECTED: &str = r#"{"type":"connected","runId":"r","sessionId":"s","nodeId":"n","timestamp":"t",
    "epoch":"7","from":1,"tip":3,"cursor":"7:0","heartbeatSecs":20}"#;

fn connected(after: After) -> FollowedRun {
    let mut follow = FollowedRun::new(after);
    let heartbeat = Duration::from_secs(20);
    assert_eq!(follow.take(CONNECTED), FollowedMessage::Connected { heartbeat, is_part: false, is_empty: false });
    follow
}

fn event(seq: Seq) -> String {
    format!(r#"{{"seq":{seq},"type":"log","epoch":{{}},"cursor":9}}"#)
}

fn cursor(follow: &FollowedRun) -> String {
    crate::cli::server_url::after_text(follow.after())
}

#[test]
fn the_cursor_follows_each_event_and_repeats_are_not_shown() {
    let mut follow = connected(After::Last(100));
    assert_eq!(cursor(&follow), "7:0");
    assert_eq!(follow.take(&event(1)), FollowedMessage::Event);
    assert_eq!(follow.take(&event(2)), FollowedMessage::Event);
    assert_eq!(cursor(&follow), "7:2");
    assert_eq!(follow.take(&event(1)), FollowedMessage::Nothing);
    assert_eq!(follow.take(&event(2)), FollowedMessage::Nothing);
    assert_eq!(cursor(&follow), "7:2");
}

#[test]
fn a_second_connection_that_starts_earlier_does_not_set_the_viewer_back() {
    let mut follow = connected(After::Start);
    for seq in 1..=3 {
        follow.take(&event(seq));
    }
    follow.take(&CONNECTED.replace("7:0", "7:1"));
    assert_eq!(cursor(&follow), "7:3");
    assert_eq!(follow.take(&event(2)), FollowedMessage::Nothing);
}

#[test]
fn an_epoch_is_kept_for_the_next_connection_and_an_older_one_does_not_set_the_viewer_back() {
    let mut follow = FollowedRun::new(After::Start);
    follow.take(&CONNECTED.replace("7:0", "0"));
    assert_eq!(cursor(&follow), "0");
    assert_eq!(follow.take(r#"{"type":"epoch","epoch":"7","cursor":"7:0"}"#), FollowedMessage::Nothing);
    follow.take(&event(1));
    assert_eq!(cursor(&follow), "7:1");
    follow.take(r#"{"type":"epoch","epoch":"8","cursor":"8:1"}"#);
    follow.take(&event(2));
    follow.take(&CONNECTED.replace("7:0", "7:1"));
    assert_eq!(cursor(&follow), "8:2");
}

#[test]
fn a_gap_and_a_reset_move_the_cursor_and_are_told() {
    let mut follow = connected(After::Start);
    let gap = follow.take(r#"{"type":"gap","from":1,"to":19,"reason":"expired"}"#);
    assert!(matches!(gap, FollowedMessage::Notice(text) if text.contains("1 to 19")));
    assert_eq!(cursor(&follow), "7:19");
    let reset = follow.take(r#"{"type":"reset","epoch":"8","from":11,"cursor":"8:10"}"#);
    assert!(matches!(reset, FollowedMessage::Notice(text) if text.contains("from 11 on")));
    assert_eq!(cursor(&follow), "8:10");
    assert_eq!(follow.take(&event(11)), FollowedMessage::Event, "the same seq, told anew");
    assert_eq!(cursor(&follow), "8:11");
}

#[test]
fn a_cursor_beyond_the_end_is_no_loss_and_one_of_another_epoch_is() {
    let told = |after: &str, reset: &str| {
        let mut follow = FollowedRun::new(After::parse(after).unwrap());
        follow.take(&CONNECTED.replace("7:0", after));
        follow.learn(Some(RunStatus::Passed));
        assert!(!follow.is_over(), "it is about to be told");
        match follow.take(reset) {
            FollowedMessage::Notice(text) => {
                assert!(follow.is_over(), "nothing more comes");
                follow.reaches(9);
                assert!(!follow.is_over(), "the server has more");
                (text, cursor(&follow))
            }
            other => panic!("{other:?}"),
        }
    };
    let beyond = "the run has 3 events, and nothing behind 99 yet: what comes behind 3 is shown";
    let reset = r#"{"type":"reset","epoch":"7","from":4,"cursor":"7:3"}"#;
    assert_eq!(told("7:99", reset), (beyond.to_owned(), "7:3".to_owned()));
    assert_eq!(told("99", reset), (beyond.to_owned(), "7:3".to_owned()));
    assert!(told("6:99", reset).0.starts_with("reset: the store lost events"));
}

#[test]
fn the_server_knows_how_a_run_stands_and_whoever_ends_late_may_end_it() {
    let mut follow = connected(After::Start);
    follow.take(r#"{"seq":3,"type":"run_status","status":"passed"}"#);
    assert!(follow.is_over());
    follow.learn(Some(RunStatus::Running));
    assert!(!follow.is_over(), "other workers of it have not ended");
    follow.take(r#"{"seq":4,"type":"worker","state":"left"}"#);
    assert!(follow.is_over(), "it may have been the last: the server is asked again");
    follow.learn(Some(RunStatus::Failed));
    assert!(follow.is_over() && follow.status() == Some(RunStatus::Failed));
}

#[test]
fn a_run_is_over_with_a_final_status_once_everything_up_to_the_tip_was_seen() {
    let mut follow = connected(After::Start);
    let status = |seq, status| format!(r#"{{"seq":{seq},"type":"run_status","status":"{status}"}}"#);
    follow.take(&status(1, "failed"));
    assert!(!follow.is_over(), "two more events are known to follow");
    follow.take(&status(2, "running"));
    follow.take(&event(3));
    assert!(!follow.is_over(), "it goes on");
    follow.take(&status(4, "stalled"));
    assert!(!follow.is_over(), "it may go on");
    follow.take(&status(5, "passed"));
    assert!(follow.is_over());
}

#[test]
fn an_event_with_half_of_a_surrogate_pair_is_an_event_and_a_status_is_one() {
    let mut follow = connected(After::Start);
    for seq in 1..=2 {
        let event = follow.take(&format!(r#"{{"seq":{seq},"\ud83d":"\udc00","type":"\ud83d","step":["\udc00"]}}"#));
        assert_eq!(event, FollowedMessage::Event);
    }
    assert_eq!(cursor(&follow), "7:2");
    follow.take(r#"{"seq":3,"type":"run_status","\ud83d":1,"status":"passed","data":{"note":"\ud83d"}}"#);
    assert!(follow.is_over());
}

#[test]
fn an_event_is_no_message_of_the_servers_whatever_its_type_says() {
    let mut follow = connected(After::Start);
    for (seq, name) in (1..).zip(["epoch", "gap", "reset", "draining", "error"]) {
        let event = format!(r#"{{"seq":{seq},"type":"{name}","epoch":"9","from":1,"to":7,"cursor":"9:99"}}"#);
        assert_eq!(follow.take(&event), FollowedMessage::Event);
        assert_eq!(cursor(&follow), format!("7:{seq}"));
    }
}

#[test]
fn draining_and_expiring_are_told_with_their_times_and_unknown_messages_are_let_pass() {
    let mut follow = connected(After::Start);
    let draining = follow.take(r#"{"type":"draining","reconnectAfterMs":1234}"#);
    assert_eq!(draining, FollowedMessage::Draining(Duration::from_millis(1234)));
    let error = |rest: &str| format!(r#"{{"type":"error","code":"c","error":"why"{rest}}}"#);
    let text = "the server says: c: why".to_owned();
    let come_back = FollowedMessage::ComeBack(text.clone(), Duration::from_millis(1234));
    assert_eq!(follow.take(&error(r#","reconnectAfterMs":1234"#)), come_back);
    assert_eq!(follow.take(&error("")), FollowedMessage::Notice(text));
    let expiring = follow.take(r#"{"type":"expiring","inSecs":60,"reconnectAfterMs":20000}"#);
    let (left, delay) = (Duration::from_secs(60), Duration::from_secs(20));
    assert_eq!(expiring, FollowedMessage::Expiring { left, delay });
    assert_eq!(follow.take(r#"{"type":"pong","timestamp":"t"}"#), FollowedMessage::Nothing);
    assert_eq!(follow.take(r#"{"type":"of a later version","x":{}}"#), FollowedMessage::Nothing);
    assert!(matches!(follow.take("no json"), FollowedMessage::Notice(_)));
}
