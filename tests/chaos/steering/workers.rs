//! A worker that only posts and polls: it claims acts, reports states, and asks.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::{Insistence, Tries};
use crate::support::{Dice, Reply, Site};

/// Where a worker works.
#[derive(Clone)]
pub(crate) struct Workplace {
    pub(crate) sites: Arc<[Site]>,
    pub(crate) run: String,
    /// Its name as a producer.
    pub(crate) id: String,
    /// Whether it says that it has joined.
    pub(crate) joins: bool,
}

/// All that one worker did.
#[derive(Default)]
pub(crate) struct Worked {
    pub(crate) id: String,
    /// The acts that it was given: their ids and claims.
    pub(crate) claimed: Vec<(String, String)>,
    /// Those of them that it has reported as done, and whether it was told that the report counted. The answer to a
    /// repeated post does not say.
    pub(crate) done: Vec<(String, Option<bool>)>,
    /// Acts that others had, or that were too late.
    pub(crate) refused: u64,
    /// Questions that it has asked.
    pub(crate) asked: Vec<String>,
    pub(crate) tries: Tries,
}

struct Worker {
    place: Workplace,
    dice: Dice,
    worked: Worked,
    /// The number of its next event.
    next: u64,
    /// What it has acknowledged.
    after: String,
    /// Commands that it has acted on.
    known: HashSet<String>,
}

/// Works until told to stop.
pub(crate) async fn work(place: Workplace, stop: Arc<AtomicBool>, dice: Dice) -> Worked {
    let worked = Worked { id: place.id.clone(), ..Worked::default() };
    let mut worker = Worker { place, dice, worked, next: 1, after: String::new(), known: HashSet::new() };
    let begins = match worker.place.joins {
        true => json!({"type": "worker", "state": "joined"}),
        false => json!({"type": "run_status", "status": "running"}),
    };
    worker.post(begins).await;
    while !stop.load(Ordering::Relaxed) {
        if worker.dice.below(6) == 0 {
            worker.ask().await;
        }
        let wait = worker.dice.below(3);
        for event in worker.poll(wait).await {
            worker.take(&event).await;
        }
    }
    worker.worked
}

impl Worker {
    async fn insist(&mut self, method: &'static str, path: &str, headers: &[(&str, &str)], body: String) -> Reply {
        let own = [("runcast-producer", self.place.id.as_str())];
        let request = Insistence {
            sites: &self.place.sites,
            method,
            path: format!("/api/runs/{}{path}", self.place.run),
            headers: [&own[..], headers].concat(),
            body,
        };
        request.answered(&mut self.dice, &mut self.worked.tries).await
    }

    /// Posts an event of its own, numbered; no two are alike.
    async fn post(&mut self, mut event: Value) -> Value {
        event["from"] = format!("{} {}", self.place.id, self.next).into();
        let (n, after) = (self.next.to_string(), self.after.clone());
        let headers = [
            ("content-type", "application/x-ndjson"),
            ("runcast-producer-seq", n.as_str()),
            ("runcast-commands-after", after.as_str()),
        ];
        let reply = self.insist("POST", "/events", &headers, event.to_string()).await;
        assert_eq!(reply.status, 202, "{}: {event}: {reply:?}", self.place.id);
        self.next += 1;
        reply.json()
    }

    async fn poll(&mut self, wait: u64) -> Vec<Value> {
        let path = format!("/commands?wait={wait}&after={}", self.after);
        let reply = self.insist("GET", &path, &[], String::new()).await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", self.place.id);
        let answer = reply.json();
        if let Some(cursor) = answer["cursor"].as_str() {
            self.after = cursor.to_owned();
        }
        answer["commands"].as_array().unwrap().iter().map(|entry| entry["event"].clone()).collect()
    }

    async fn ask(&mut self) {
        let id = format!("{}-{}", self.place.id, self.next);
        let action = ["fail", "skip", "continue"][self.dice.below(3) as usize];
        self.post(json!({
            "type": "ai_stuck", "askId": id, "needs": "text", "expiresInSecs": 5, "onTimeout": {"action": action},
        }))
        .await;
        self.worked.asked.push(id);
    }

    async fn take(&mut self, event: &Value) {
        let Some(id) = event["commandId"].as_str().map(str::to_owned) else { return };
        if !self.known.insert(id.clone()) {
            return;
        }
        match event["type"].as_str().unwrap() {
            "step_requested" | "action_queued" => self.act(id).await,
            "pause_requested" | "resume_requested" | "hold_requested" => {
                self.post(json!({"type": "command_status", "commandId": id, "status": "done"})).await;
            }
            _ => {}
        }
    }

    /// Claims an act; mostly it is done then, sometimes it is forgotten.
    async fn act(&mut self, id: String) {
        let key = format!("{:016x}{:016x}", self.dice.roll(), self.dice.roll());
        let path = format!("/commands/{id}/claim");
        let reply = self.insist("POST", &path, &[("runcast-claim-key", key.as_str())], String::new()).await;
        match reply.status {
            200 => {
                let claim = reply.json()["claim"].as_str().unwrap().to_owned();
                self.worked.claimed.push((id.clone(), claim.clone()));
                if self.dice.below(5) > 0 {
                    let report = json!({"type": "command_status", "commandId": id, "status": "done", "claim": claim});
                    let answer = self.post(report).await;
                    let counted = (answer["stored"] == 1).then(|| answer["ignored"].is_null());
                    self.worked.done.push((id, counted));
                }
            }
            409 | 410 => self.worked.refused += 1,
            _ => panic!("{}: {reply:?}", self.place.id),
        }
    }
}
