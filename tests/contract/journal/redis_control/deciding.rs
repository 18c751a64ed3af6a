//! Nodes that decide at the same time, on old copies, and on a store that has lost writes; and deadlines.

use super::*;

#[tokio::test]
async fn of_two_nodes_that_decide_at_once_one_wins_and_the_plain_posts_of_both_are_stored() {
    const ROUNDS: u64 = 30;
    let server = RedisServer::start().await;
    let nodes = two_nodes(&server).await;
    let mut seen = store(&nodes[0], vec![command("first")]).await.unwrap().head.control;
    for round in 1..=ROUNDS {
        let decide = async |(node, name): (&RedisJournal, &str)| {
            let deciding = decision(&format!("{name}{round}"), seen, None);
            store(node, vec![deciding, post(name, round..=round)]).await.unwrap()
        };
        let both = join_all(nodes.iter().zip(NODES).map(decide)).await;
        let won: Vec<&Stored> = both.iter().filter(|stored| stored.outcomes[0].is_ok()).collect();
        assert_eq!(won.len(), 1, "{both:?}");
        let (_, last) = seqs(won[0], 0).unwrap();
        for stored in &both {
            assert!(stored.outcomes[1].is_ok(), "{stored:?}");
            if let Err(refusal) = &stored.outcomes[0] {
                assert_eq!((refusal, stored.head.control.map(|c| c.seq)), (&Refusal::ControlMoved, Some(last)));
            }
        }
        seen = head(&nodes[0]).await.control;
        assert_eq!(seen.map(|control| control.seq), Some(last));
    }
    let stored = log(&nodes[0], "r").await;
    assert_eq!(stored.iter().filter(|event| event.contains("pause_requested")).count() as u64, 1 + ROUNDS);
    assert_eq!(stored.len() as u64, 1 + 3 * ROUNDS);
    assert_eq!(control(&nodes[1], 0, usize::MAX).await.len() as u64, 1 + ROUNDS);
}

#[tokio::test]
async fn a_stale_copy_of_a_run_decides_nothing_and_brings_no_old_deadline_back() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let first = store(&here, vec![decision("first", None, Some(at(5_000)))]).await.unwrap().head.control;
    assert_eq!((deadline(&server), due(&there).await), ("5000".into(), vec!["r".to_owned()]));
    let second = store(&there, vec![decision("second", first, None)]).await.unwrap().head.control;
    assert!(due(&here).await.is_empty());
    // This node has not seen the second one.
    let refused = store(&here, vec![decision("late", first, Some(at(1))), post("p", 1..=1)]).await.unwrap();
    assert_eq!((&refused.outcomes[0], refused.head.control), (&Err(Refusal::ControlMoved), second));
    assert!(refused.outcomes[1].is_ok());
    assert!(due(&here).await.is_empty());
    let last = store(&there, vec![decision("third", second, None)]).await.unwrap();
    assert_eq!((seqs(&last, 0), last.head.tip), (Some((4, 4)), 4));
}

#[tokio::test]
async fn a_plain_post_only_brings_a_deadline_forward() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let of = |due| Post { control: Some(ControlPost { due: Some(at(due)), ..ControlPost::default() }), ..command("") };
    for (name, lowered, want) in [("1", 5_000, "5000"), ("2", 7_000, "5000"), ("3", 3_000, "3000")] {
        for node in [&here, &there] {
            store(node, vec![Post { producer: ProducerId::own(name), ..of(lowered) }]).await.unwrap();
            assert_eq!(deadline(&server), want);
        }
    }
    let seen = head(&here).await.control;
    store(&here, vec![decision("4", seen, Some(at(9_000)))]).await.unwrap();
    assert_eq!(deadline(&server), "9000");
    let asked = store(&there, vec![reports("p", 1, 1_000)]).await.unwrap().head;
    assert_eq!(deadline(&server), "9000", "the worker's deadline is later");
    let brought = asked.last_at.plus_millis(-1_000_000_000);
    assert_eq!(here.due(at(8_999), 9).await.unwrap(), []);
    assert_eq!(here.due(brought, 9).await.unwrap(), [run("r")]);
}

#[tokio::test]
async fn a_deadline_is_settled_only_while_the_control_that_was_seen_stands() {
    let server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let mut seen = store(&here, vec![decision("first", None, Some(at(1)))]).await.unwrap().head.control;
    here.settle_due(&run("r"), None, None).await.unwrap();
    here.settle_due(&run("r"), Some(Cursor { seq: 2, ..seen.unwrap() }), None).await.unwrap();
    assert_eq!(deadline(&server), "1");
    there.settle_due(&run("r"), seen, Some(at(7))).await.unwrap();
    assert_eq!(deadline(&server), "7");
    // Whichever comes first, the deadline that is stored with the event is kept.
    for round in 2..=40 {
        let asks = reports("p", round - 1, round as i64);
        let (stored, settled) = join(store(&here, vec![asks]), there.settle_due(&run("r"), seen, None)).await;
        settled.unwrap();
        let head = stored.unwrap().head;
        let kept: i64 = deadline(&server).parse().unwrap();
        assert!(kept == 7 || (kept - round as i64) <= head.last_at.as_millis(), "{kept}");
        seen = head.control;
        there.settle_due(&run("r"), seen, None).await.unwrap();
        assert!(due(&here).await.is_empty());
        there.settle_due(&run("r"), seen, Some(at(7))).await.unwrap();
    }
    // A run that is not there has no deadline, and loses one that it should not have.
    server.cli(&["ZADD", "t:runs:due", "1", "unborn"]);
    here.settle_due(&run("unborn"), seen, None).await.unwrap();
    assert_eq!(due(&here).await, ["unborn", "r"]);
    here.settle_due(&run("unborn"), None, Some(at(3))).await.unwrap();
    assert_eq!(due(&here).await, ["r"]);
}

#[tokio::test]
async fn due_runs_are_told_earliest_first_up_to_a_time_and_a_number() {
    let server = RedisServer::start().await;
    let journal = journal(server.address(), "a");
    for (name, due) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] {
        let posts = vec![decision("x", None, Some(at(due)))];
        journal.append(append(&journal, name, posts)).await.unwrap();
    }
    let due = async |now, limit| {
        let due = journal.due(at(now), limit).await.unwrap();
        due.iter().map(|run| run.as_str().to_owned()).collect::<String>()
    };
    assert_eq!((due(9, 9).await, due(30, 9).await, due(99, 2).await), ("".into(), "abc".into(), "ab".into()));
}

#[tokio::test]
async fn a_deciding_append_whose_answer_is_cut_off_hears_that_it_had_won_and_its_deadline_is_stored() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let (cut, direct) = (journal(proxy.address(), "a"), journal(server.address(), "b"));
    let seen = store(&cut, vec![command("first")]).await.unwrap().head.control;
    proxy.cut_behind("pause_requested");
    let wins = || vec![decision("second", seen, Some(at(5_000)))];
    let unknown = store(&cut, wins()).await;
    assert!(matches!(unknown, Err(JournalError::OutcomeUnknown(_))), "{unknown:?}");
    eventually!(head(&direct).await.tip, |tip| *tip == 2, SOON);
    assert_eq!(deadline(&server), "5000");
    store(&direct, vec![decision("third", head(&direct).await.control, Some(at(6_000)))]).await.unwrap();
    let again = eventually!(store(&cut, wins()).await, |stored| stored.is_ok(), SOON).unwrap();
    assert_eq!((seqs(&again, 0), again.head.tip), (None, 3));
    assert_eq!(deadline(&server), "6000", "it is not set twice");
}

#[tokio::test]
async fn a_store_put_back_to_an_older_copy_tells_that_control_is_reset() {
    let mut server = RedisServer::start().await;
    let [here, there] = two_nodes(&server).await;
    let first = store(&here, vec![decision("first", None, Some(at(5_000)))]).await.unwrap().head;
    let older = server.snapshot();
    let lost = store(&there, vec![decision("lost", first.control, None)]).await.unwrap().head;
    server.restart_with(&older).await;
    let (cut, _) = (head(&here).await, head(&there).await);
    assert_eq!((cut.control, deadline(&server)), (first.control, "5000".into()));
    // It is settled by what is stored, and not by what was lost.
    here.settle_due(&run("r"), lost.control, None).await.unwrap();
    assert_eq!(due(&here).await, ["r"]);
    let next = store(&there, vec![decision("late", lost.control, None), post("p", 1..=1)]).await.unwrap();
    assert_eq!((&next.outcomes[0], seqs(&next, 1)), (&Err(Refusal::ControlMoved), Some((3, 3))));
    let reset = Cursor { epoch: next.head.lineage.epoch(), seq: 2 };
    assert!(reset.epoch > first.lineage.epoch());
    assert_eq!((next.head.control, head(&here).await.control), (Some(reset), Some(reset)));
    let defeated = store(&here, vec![decision("before", first.control, None)]).await.unwrap();
    assert_eq!(defeated.outcomes, [Err(Refusal::ControlMoved)]);
    assert!(log(&here, "r").await[1].contains(r#""type":"control_reset""#));
    assert_eq!(control(&here, 0, usize::MAX).await, [(1, 1), (2, 2)]);
    store(&here, vec![decision("goes on", Some(reset), None)]).await.unwrap().outcomes[0].as_ref().unwrap();
}

#[tokio::test]
async fn a_promoted_replica_has_the_control_of_the_writes_that_reached_it() {
    let (master, replica) = (RedisServer::start().await, RedisServer::start().await);
    let proxy = FaultProxy::start(master.address()).await;
    let journal = journal(proxy.address(), "a");
    store(&journal, vec![joins("p", 1, None)]).await.unwrap();
    replica.follow(&master).await;
    let reached = store(&journal, vec![decision("reaches it", head(&journal).await.control, Some(at(5_000)))]).await;
    let reached = reached.unwrap().head.control;
    eventually!(replica.cli(&["XLEN", "t:{r}:log"]), |length| length == "2", SOON);
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    let lost = store(&journal, vec![decision("is lost", reached, None)]).await.unwrap().head.control;
    proxy.retarget(replica.address());
    proxy.cut();
    let cut = eventually!(journal.head(&run("r")).await, |head| head.as_ref().is_ok_and(|h| h.tip == 2), SOON).unwrap();
    assert_eq!((cut.control, due(&journal).await), (reached, vec!["r".to_owned()]));
    assert_eq!(control(&journal, 0, usize::MAX).await, [(1, 1), (2, 2)]);
    let late = store(&journal, vec![decision("late", lost, None)]).await.unwrap();
    assert_eq!((&late.outcomes[0], late.head.control.map(|c| c.seq)), (&Err(Refusal::ControlMoved), Some(3)));
    // The worker that had joined is still one.
    let ended = store(&journal, vec![says("p", 2, RunStatus::Passed)]).await.unwrap();
    assert_eq!(ended.head.status, Some(RunStatus::Passed));
}
