//! What is kept of a run's control, how it is read and listed, and when it goes.

use super::*;

#[tokio::test]
async fn how_producers_stand_is_the_same_on_each_node() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let anonymous = |n, post: Post| Post { producer: ProducerId::own("room"), n, ..post };
    let statuses = [
        (&here, joins("p", 1, None), RunStatus::Running),
        (&there, anonymous(1, joins("room", 1, None)), RunStatus::Running),
        (&here, says("p", 2, RunStatus::Failed), RunStatus::Failing),
        (&there, joins("q", 1, None), RunStatus::Failing),
        (&here, anonymous(2, says("room", 2, RunStatus::Passed)), RunStatus::Failing),
        (&there, post("p", 3..=3), RunStatus::Failing),
        (&here, says("q", 2, RunStatus::Passed), RunStatus::Failed),
    ];
    for (step, (node, post, want)) in statuses.into_iter().enumerate() {
        let stored = store(node, vec![post]).await.unwrap();
        assert_eq!((stored.head.status, stored.outcomes[0].is_ok()), (Some(want), true), "{step}");
        assert_eq!(head(&here).await, stored.head);
    }
    let marks = server.cli(&["HMGET", "t:{r}:marks", "p", "-", "q", "~room"]);
    let ended = |status| format!(r#"{{"joined":true,"status":"{status}"}}"#);
    let want = [
        format!("3:6:{}", ended("failed")),
        format!("0:5:{}", ended("passed")),
        format!("2:7:{}", ended("passed")),
        "2:5".to_owned(),
    ];
    assert_eq!(marks.lines().collect::<Vec<_>>(), want);
}

#[tokio::test]
async fn a_run_that_nobody_steers_has_no_key_more_than_it_had() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    store(&journal, vec![post("p", 1..=3)]).await.unwrap();
    store(&journal, vec![post("p", 4..=4), status_post("s", 1, RunStatus::Running)]).await.unwrap();
    assert_eq!(keys(&server), ["t:runs:open", "t:store", "t:{r}:head", "t:{r}:log", "t:{r}:marks"]);
    assert!(control(&journal, 0, usize::MAX).await.is_empty());
    assert!(due(&journal).await.is_empty());
}

#[tokio::test]
async fn nothing_is_left_of_the_control_of_a_run_that_expires_or_is_buried() {
    let server = RedisServer::start().await;
    let journal = journal_with(server.address(), "a", JournalLimits { tombstone: Duration::from_secs(1), ..ROOMY });
    store(&journal, vec![joins("p", 1, None), says("p", 2, RunStatus::Passed)]).await.unwrap();
    eventually_later(&journal, head(&journal).await.last_at).await;
    let steered = store(&journal, vec![decision("x", head(&journal).await.control, Some(at(5_000)))]).await.unwrap();
    let known = ["t:runs:due", "t:runs:ended", "t:runs:only_steered", "t:store"];
    let of_the_run = ["t:{r}:control", "t:{r}:head", "t:{r}:log", "t:{r}:marks"];
    assert_eq!(keys(&server), [known, of_the_run].concat());
    // A run expires by its activity, however late it was steered.
    let Head { active_at, last_at, .. } = steered.head;
    assert!(active_at < last_at, "{active_at} {last_at}");
    assert!(journal.expire(active_at, 9).await.unwrap().runs.is_empty());
    assert_eq!(journal.expire(active_at.plus_millis(1), 9).await.unwrap().runs, [run("r")]);
    assert_eq!(keys(&server), ["t:runs:gone", "t:store", "t:{r}:head"]);
    let gone = head(&journal).await;
    assert_eq!((gone.control, gone.control_bytes, gone.active_at), (None, 0, active_at));
    journal.settle_due(&run("r"), None, Some(at(5_000))).await.unwrap();
    assert!(due(&journal).await.is_empty());
    // A node of a build that knows no control leaves it.
    for set in ["t:runs:due", "t:runs:only_steered", "t:{r}:control"] {
        server.cli(&["ZADD", set, "1", if set == "t:{r}:control" { "1" } else { "r" }]);
    }
    let is_buried = async || {
        journal.expire(at(0), 9).await.unwrap();
        keys(&server) == ["t:store"]
    };
    eventually!(is_buried().await, |buried| *buried, SOON);
}

#[tokio::test]
async fn a_run_is_not_active_however_soon_after_its_last_event_it_is_steered() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    for n in 1..=50 {
        let active = store(&journal, vec![post("p", n..=n)]).await.unwrap().head;
        assert_eq!(active.active_at, active.last_at);
        let steered = store(&journal, vec![command(&n.to_string())]).await.unwrap().head;
        assert_eq!((steered.active_at, head(&journal).await), (active.active_at, steered));
    }
    store(&journal, vec![post("p", 51..=51)]).await.unwrap();
    assert_eq!(server.cli(&["EXISTS", "t:runs:only_steered"]), "0");
}

#[tokio::test]
async fn a_run_that_was_only_steered_last_is_told_once_where_its_last_event_is() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let (mut nodes, mut last) = ([&here, &there].into_iter().cycle(), at(0));
    // Each event is stored later than the one before.
    let mut put = async |name: &str, post: Post| {
        let node = nodes.next().unwrap();
        eventually_later(node, last).await;
        last = node.append(append(node, name, vec![post])).await.unwrap().head.last_at;
    };
    for name in ["a", "b", "c", "d"] {
        put(name, post("p", 1..=1)).await;
    }
    for name in ["a", "c", "a"] {
        put(name, command(&uuid::Uuid::now_v7().to_string())).await;
    }
    let told = async |limit| {
        let (mut after, mut told) = (None, String::new());
        loop {
            let page = here.changed_since(at(0), after.as_ref(), limit).await.unwrap();
            told.extend(page.runs.iter().map(|one| one.run.as_str()));
            after = page.next;
            if after.is_none() {
                return told;
            }
        }
    };
    let idle = async || {
        let page = there.idle_since(here.now().plus_millis(60_000), false, None, 9).await.unwrap();
        page.runs.iter().map(|one| one.run.as_str().to_owned()).collect::<String>()
    };
    for limit in 1..=8 {
        assert_eq!(told(limit).await, "bdca", "{limit}");
    }
    assert_eq!(idle().await, "abcd");
    let since = head_of(&here, "d").await.last_at.plus_millis(1);
    let late = here.changed_since(since, None, 9).await.unwrap();
    assert_eq!(late.runs.iter().map(|one| one.run.as_str()).collect::<String>(), "ca");
    for (name, want_told, want_idle) in [("a", "bdca", "bcda"), ("c", "bdac", "bdac")] {
        put(name, post("p", 2..=2)).await;
        for limit in 1..=8 {
            assert_eq!(told(limit).await, want_told, "{limit}");
        }
        assert_eq!(idle().await, want_idle);
    }
    assert_eq!(server.cli(&["EXISTS", "t:runs:only_steered"]), "0");
}

#[tokio::test]
async fn control_is_read_by_bytes_also_over_more_segments_than_one_script_reads() {
    const COMMANDS: u64 = 1_100;
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    let posts = (1..=COMMANDS).flat_map(|n| [post("p", n..=n), command(&format!("{n:04}"))]).collect();
    let stored = store(&journal, posts).await.unwrap();
    assert!(stored.segments.iter().all(|segment| segment.is_control() == (segment.first() % 2 == 0)));
    let all: Vec<_> = (1..=COMMANDS).map(|n| (2 * n, 2 * n)).collect();
    assert_eq!(control(&journal, 0, usize::MAX).await, all);
    let bytes = command("0000").lines.bytes().len();
    for count in [1, 2, 499, 500, 501, 999, 1_000, 1_001] {
        assert_eq!(control(&journal, 0, count * bytes).await, all[..count], "{count}");
        assert_eq!(control(&journal, 0, count * bytes + bytes - 1).await, all[..count], "{count}");
    }
    assert_eq!(control(&journal, 0, 0).await, all[..1], "at least one");
    assert_eq!(control(&journal, 201, usize::MAX).await, all[100..]);
    assert!(control(&journal, 2 * COMMANDS, usize::MAX).await.is_empty());
    assert!(control(&journal, Seq::MAX, usize::MAX).await.is_empty());
    // What is missing from the log is passed over.
    server.cli(&["XDEL", "t:{r}:log", "2-0"]);
    assert_eq!(control(&journal, 0, 0).await, all[1..2]);
}

#[tokio::test]
async fn no_segment_is_dated_before_its_events_however_far_the_clock_goes_back() {
    let clock = WallClock::new();
    let server = RedisServer::start_by(&clock).await;
    let journal = journal(server.address(), "a");
    let mut last = store(&journal, vec![post("p", 1..=1)]).await.unwrap().head.last_at;
    for (name, back) in [("r", "-0.7"), ("s", "-8d")] {
        eventually_later(&journal, last.plus_millis(50)).await;
        clock.set(back);
        let stored = journal.append(append(&journal, name, vec![joins("q", 1, None)])).await.unwrap();
        let (dated, events) = (stored.segments[0].at(), log(&journal, name).await);
        let says = events.last().unwrap();
        assert!(dated > last && says.contains(&format!(r#""at":"{dated}""#)), "{says} is dated {dated}");
        assert_eq!((stored.head.last_at, stored.head.active_at), (dated, dated));
        last = dated;
    }
}
async fn head_of(journal: &RedisJournal, name: &str) -> Head {
    journal.head(&run(name)).await.unwrap()
}
