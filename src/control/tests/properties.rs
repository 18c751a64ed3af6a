//! Whatever people, agents, workers and time do, in any order, and however often they repeat themselves.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::protocol::ServerEvent;

/// Something that happens.
#[derive(Clone, Debug)]
enum Op {
    Command(usize, usize, usize),
    Claim(usize, usize, usize),
    Report(usize, usize, usize),
    Post(usize, usize),
    Pass(i64),
    Due,
    Seen(usize, i64),
    Repeat(usize),
    SecretLost(usize),
    Reset,
    Finish,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (0..4usize, 0..22usize, 0..20usize).prop_map(|(by, kind, which)| Op::Command(by, kind, which)),
        5 => (0..3usize, 0..2usize, 0..20usize).prop_map(|(producer, key, which)| Op::Claim(producer, key, which)),
        5 => (0..3usize, 0..20usize, 0..4usize)
            .prop_map(|(producer, which, status)| Op::Report(producer, which, status)),
        4 => (0..4usize, 0..9usize).prop_map(|(producer, kind)| Op::Post(producer, kind)),
        3 => (0..200_000i64).prop_map(Op::Pass),
        3 => Just(Op::Due),
        2 => (0..6usize, 0..300_000i64).prop_map(|(whose, ago)| Op::Seen(whose, ago)),
        4 => (0..60usize).prop_map(Op::Repeat),
        1 => (0..20usize).prop_map(Op::SecretLost),
        1 => Just(Op::Reset),
    ];
    let op = prop_oneof![60 => op, 1 => Just(Op::Finish)];
    proptest::collection::vec(op, 1..80)
}

const PRODUCERS: [&str; 4] = ["w0", "w1", "w2", ""];

/// What happens, with everything that was asked, so that it can be asked again.
struct Play {
    run: TestRun,
    asked: Vec<ControlRequest>,
    ids: Vec<String>,
    claims: HashMap<String, (Arc<str>, Arc<str>)>,
}

impl Play {
    fn ask(&mut self, request: &ControlRequest) {
        // Whoever's signs are wanted was not seen, unless the test says so.
        for _ in 0..3 {
            let Decision::NeedSigns(signs) = self.run.state.decide(request, &self.run.facts()) else { break };
            for sign in signs {
                self.run.see(sign, Seen::At(Timestamp::from_millis(START)));
            }
        }
        let answer = self.run.ask(request);
        if let (ControlRequest::Claim(claim), Ok(Answer::Claim(_))) = (request, &answer) {
            let claimant = (claim.producer.clone(), claim.key_hash.clone());
            let known = self.claims.entry(claim.command_id.to_string()).or_insert(claimant.clone());
            assert_eq!(*known, claimant, "two have one act");
        }
        if let (ControlRequest::Command(_), Ok(given)) = (request, &answer) {
            let Answer::Command(given) = given else { panic!("{given:?}") };
            assert!(given.cursor.seq <= self.run.log.len() as u64);
        }
    }

    fn id(&self, which: usize) -> String {
        self.ids.get(which % self.ids.len().max(1)).cloned().unwrap_or_else(|| "x".to_owned())
    }

    fn give(&mut self, by: usize, kind: usize, which: usize) {
        let by = [person("ann"), person("bob"), agent("bot"), agent("robot")][by].clone();
        let target = json!({"producer": PRODUCERS[which % 3]});
        let ask = format!("a{}", which % 4);
        let command = match kind {
            0 => json!({"type": "pause", "maxSecs": which + 1}),
            1 => json!({"type": "pause", "target": target}),
            2 => json!({"type": "resume"}),
            3 => json!({"type": "resume", "target": target}),
            4 => json!({"type": "cancel", "testId": "t"}),
            5 => json!({"type": "hold", "when": if which.is_multiple_of(2) { "failure" } else { "never" }}),
            6 => json!({"type": "update_instructions", "instructions": "i", "mode": "append"}),
            7 => json!({"type": "update_instructions", "instructions": "i", "mode": "replace"}),
            8 => json!({"type": "step"}),
            9..=11 => json!({"type": "step", "target": target, "expiresInSecs": which + 1}),
            12 => json!({"type": "manual_action", "action": {"action": "fill", "secretMac": "m"}, "target": target}),
            13 => json!({"type": "answer", "askId": ask, "value": which}),
            14 => json!({"type": "answer", "askId": ask, "secretMac": "m"}),
            15 => json!({"type": "answer", "askId": ask, "resolution": "cancelled"}),
            16 => json!({"type": "extend", "askId": ask, "secs": 100}),
            17 => json!({"type": "withdraw", "withdraws": self.id(which)}),
            18 => json!({"type": "take_control"}),
            19 => json!({"type": "take_control", "steal": true}),
            20 if which == 0 => json!({"type": "cancel"}),
            _ => json!({"type": "release_control"}),
        };
        let request = self.run.request(&by, command);
        let ControlRequest::Command(asked) = &request else { unreachable!() };
        let value: Value = serde_json::from_slice(&asked.command).unwrap();
        self.ids.push(value["commandId"].as_str().unwrap().to_owned());
        self.asked.push(request.clone());
        self.ask(&request);
    }

    fn post(&mut self, producer: usize, kind: usize) {
        let producer = PRODUCERS[producer];
        let ask = format!("a{}", kind % 4);
        let event = match kind {
            0 | 1 => json!({"type": "worker", "state": "joined", "can": ["pause", "resume", "step", "cancel"]}),
            2 => json!({"type": "worker", "state": "joined", "shard": {"current": 1, "total": 2}}),
            3 => json!({"type": "worker", "state": "left"}),
            4 => json!({"type": "run_status", "status": "failing"}),
            5 if producer == "w2" => json!({"type": "run_status", "status": "passed"}),
            5 | 6 => json!({"type": "ai_stuck", "askId": ask, "needs": "text", "expiresInSecs": 30}),
            7 => json!({"type": "ai_stuck", "askId": ask, "needs": "credential"}),
            _ => json!({"type": "ai_stuck", "askId": ask, "needs": "click", "onTimeout": {"action": "wait"}}),
        };
        self.run.post(producer, event);
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Command(by, kind, which) => self.give(by, kind, which),
            Op::Claim(producer, key, which) => {
                let request = ControlRequest::Claim(ClaimRequest {
                    command_id: self.id(which).into(),
                    producer: PRODUCERS[producer].into(),
                    key_hash: format!("k{key}").into(),
                });
                self.asked.push(request.clone());
                self.ask(&request);
            }
            Op::Report(producer, which, status) => {
                let id = self.id(which);
                self.run.report(PRODUCERS[producer], &id, ["accepted", "done", "failed", "rejected"][status]);
            }
            Op::Post(producer, kind) => self.post(producer, kind),
            Op::Pass(ms) => self.run.pass(ms),
            Op::Due => {
                self.ask(&ControlRequest::Due);
                let due = self.run.state.next_due(&self.run.facts());
                let ended = self.run.status.is_some_and(RunStatus::is_final);
                assert!(ended || due.is_none_or(|due| due > self.run.now), "{due:?}");
            }
            Op::Seen(whose, ago) => {
                let signs = ["w0", "w1", "w2"].map(|id| Sign::Producer(id.into()));
                let signs = [signs.as_slice(), &["ann", "bob", "bot"].map(|id| Sign::Subject(id.into()))].concat();
                self.run.see(signs[whose].clone(), Seen::At(self.run.now.plus_millis(-ago)));
            }
            Op::Repeat(which) => {
                if let Some(request) = self.asked.get(which % self.asked.len().max(1)).cloned() {
                    self.ask(&request);
                }
            }
            Op::SecretLost(which) => self.ask(&ControlRequest::SecretLost(self.id(which).into())),
            Op::Reset => {
                let (epoch, now) = (self.run.epoch.0, self.run.now);
                self.run.epoch = Epoch(epoch + 1);
                self.run.fold(&format!(r#"{{"type":"control_reset","timestamp":"{now}","at":"{now}"}}"#));
            }
            Op::Finish => self.ask(&ControlRequest::Finish(None)),
        }
    }

    /// What must be so at any time.
    fn check(&self) {
        let run = &self.run;
        let ended = run.status.is_some_and(RunStatus::is_final);
        let due = run.state.next_due(&run.facts());
        for command in run.state.commands.open() {
            assert!(!ended, "{command:?} is open in a run that has ended");
            let ends = command.is_claimable() || command.kind == CommandKind::Cancel && command.reports.is_empty();
            assert!(!ends || due.is_some(), "{command:?} has no deadline");
            assert!(command.is_claimable() || command.stands, "{command:?} is open for ever");
        }
        for ask in run.state.asks.all_open() {
            assert!(!ended && ask.expires_at.is_none_or(|at| due.is_some_and(|due| due <= at)), "{ask:?}");
        }
    }

    /// What the log must say.
    fn audit(&self) {
        let (mut lease, mut asks, mut claims) = (None, HashMap::new(), HashMap::<String, u32>::new());
        for (cursor, event) in &self.run.log {
            let event: Value = serde_json::from_str(event).unwrap();
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            match event["type"].as_str().unwrap() {
                "control_taken" => assert_eq!(lease.replace(cursor.to_string()), None, "two leases"),
                "control_released" => assert_eq!(lease.take(), Some(text("lease"))),
                "control_reset" => lease = None,
                "ask_answered" | "ask_expired" => {
                    let ends: &mut u32 = asks.entry(text("askId")).or_default();
                    *ends += 1;
                    assert_eq!(*ends, 1, "{event} is a second end");
                }
                "ask_reopened" => drop(asks.remove(&text("askId"))),
                "command_status" if event.get("keyHash").is_some() => {
                    *claims.entry(text("commandId")).or_default() += 1
                }
                _ => {}
            }
        }
        assert!(claims.values().all(|claims| *claims == 1), "{claims:?}");
        let (mut folded, mut doubled) = (ControlState::default(), ControlState::default());
        for (cursor, event) in &self.run.log {
            folded.apply(*cursor, event.as_bytes());
            for _ in 0..2 {
                doubled.apply(*cursor, event.as_bytes());
            }
        }
        assert!(folded == self.run.state && doubled == self.run.state, "the log folds to another state");
    }
}

/// Members of events, right and wrong.
fn any_event() -> impl Strategy<Value = Value> {
    let types: Vec<&str> =
        ServerEvent::ALL.iter().map(|event| event.as_str()).chain(["worker", "ai_stuck", "run_status"]).collect();
    let time = |ms: i64| json!(Timestamp::from_millis(START + ms));
    let id = |n: u8| json!(format!("019aa700-0000-7000-8000-00000000000{}", n % 6));
    let words = prop::sample::select(vec![
        "joined",
        "left",
        "accepted",
        "done",
        "failed",
        "rejected",
        "interrupted",
        "passed",
        "running",
        "cancelled",
        "silent",
        "back",
        "lost",
        "released",
        "expired",
        "timeout",
        "append",
        "failure",
        "secret_lost",
        "7:3",
        "w",
        "",
    ]);
    let value = prop_oneof![
        2 => any::<u8>().prop_map(id),
        2 => words.prop_map(|word| json!(word)),
        2 => (-1_000_000..1_000_000i64).prop_map(time),
        1 => Just(json!(true)),
        1 => any::<i64>().prop_map(|number| json!(number)),
        1 => Just(json!({"subject": "ann", "kind": "human", "producer": "w", "action": "wait", "total": 0})),
        1 => Just(json!([{"id": "c"}, 1, null])),
        1 => Just(Value::Null),
    ];
    let names = prop::sample::select(vec![
        "commandId",
        "at",
        "by",
        "expiresAt",
        "target",
        "producer",
        "status",
        "state",
        "askId",
        "needs",
        "claim",
        "lease",
        "reason",
        "withdraws",
        "shard",
        "can",
        "secret",
        "keyHash",
        "testId",
        "mode",
        "when",
        "onTimeout",
        "candidates",
        "detail",
        "result",
        "digest",
        "action",
        "stale",
        "variant",
        "slots",
        "timestamp",
    ]);
    let right = (any::<u8>(), any::<u8>(), -100_000..100_000i64).prop_map(move |(command, ask, at)| {
        json!({
            "commandId": id(command), "at": time(at), "expiresAt": time(at + 60_000), "askId": format!("a{}", ask % 3),
            "by": {"subject": "ann", "name": "Ann", "kind": "human", "via": "ws", "verified": false},
            "needs": "text", "withdraws": id(ask), "lease": format!("7:{ask}"),
        })
    });
    let wrong = proptest::collection::vec((names, value), 0..6);
    (prop::sample::select(types), right, wrong, any::<bool>()).prop_map(|(name, right, wrong, is_right)| {
        let mut event = if is_right { right } else { json!({}) };
        for (name, value) in wrong {
            event[name] = value;
        }
        event["type"] = name.into();
        event
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold(workers in 0..3usize, ops in ops()) {
        let run = TestRun::with_workers(&PRODUCERS[..workers]);
        let mut play = Play { run, asked: Vec::new(), ids: Vec::new(), claims: HashMap::new() };
        for op in &ops {
            play.step(op);
            play.check();
        }
        play.audit();
    }

    #[test]
    fn any_events_fold_alike_and_break_nothing(events in proptest::collection::vec((any_event(), 0..3u64), 0..60)) {
        let mut run = TestRun::new();
        let mut again = run.state.clone();
        for (event, skipped) in &events {
            let seq = run.state.cursor().map_or(1, |cursor| cursor.seq) + skipped;
            let cursor = Cursor { epoch: Some(run.epoch), seq };
            run.state.apply(cursor, event.to_string().as_bytes());
            again.apply(cursor, event.to_string().as_bytes());
        }
        prop_assert!(run.state == again);
        for seen in [None, Some(0), Some(10_000_000)] {
            if let Some(ms) = seen {
                run.pass(ms);
                run.see(Sign::Producer("w".into()), Seen::At(run.now.plus_millis(-ms)));
            }
            for request in [ControlRequest::Due, ControlRequest::Look, ControlRequest::Finish(None)] {
                let decision = run.state.decide(&request, &run.facts());
                prop_assert!(!matches!(decision, Decision::Refuse(_)), "{decision:?}");
            }
            run.told("w", None);
            prop_assert!(run.state.held_bytes() < 1_000_000);
        }
    }

    #[test]
    fn bytes_that_are_no_event_change_nothing(bytes in any::<Vec<u8>>(), text in "\\PC{0,40}") {
        let run = TestRun::new();
        let mut state = run.state.clone();
        let cursor = Cursor { epoch: Some(Epoch(7)), seq: 9 };
        state.apply(cursor, &bytes);
        state.apply(cursor, text.as_bytes());
        prop_assert!(state == run.state);
    }
}
