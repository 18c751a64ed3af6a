//! A person who gives commands, each with an id, and repeats each at any node until it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Insistence, Tries, control};
use crate::support::{Dice, Site};

/// All that one person did.
#[derive(Default)]
pub(crate) struct Steered {
    pub(crate) name: String,
    /// The commands that were taken, with their answers.
    pub(crate) taken: Vec<(Value, Value)>,
    /// The commands that were refused, with the code, and whether that was the answer to the first request: an earlier
    /// one may still be on its way, in a node that was frozen, and be taken after a later one was refused.
    pub(crate) refused: Vec<(Value, String, bool)>,
    pub(crate) tries: Tries,
}

/// Gives commands to `run` until told to stop, and finishes the one that it is at. Acts are for one of `targets`; when
/// there are none nobody has joined.
pub(crate) async fn steer(
    sites: Arc<[Site]>,
    run: String,
    name: String,
    targets: Vec<String>,
    stop: Arc<AtomicBool>,
    mut dice: Dice,
) -> Steered {
    let mut steered = Steered { name: name.clone(), ..Steered::default() };
    while !stop.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(dice.below(400))).await;
        let mut command = wanted(&sites, &run, &targets, &mut dice).await;
        command["commandId"] = uuid::Uuid::now_v7().to_string().into();
        let request = Insistence {
            sites: &sites,
            method: "POST",
            path: format!("/api/runs/{run}/commands"),
            headers: vec![("content-type", "application/json"), ("runcast-user", &name)],
            body: command.to_string(),
        };
        let before = steered.tries;
        let reply = request.answered(&mut dice, &mut steered.tries).await;
        let is_first = steered.tries == before;
        let answer = reply.json();
        match reply.status {
            202 => {
                assert_eq!(answer["commandId"], command["commandId"], "{run}: {answer}");
                steered.taken.push((command, answer));
            }
            404 => assert_eq!(answer["code"], "run_not_found", "{run}: {command}: {answer}"),
            409 => {
                let code = answer["code"].as_str().unwrap().to_owned();
                steered.refused.push((command, code, is_first));
            }
            status => panic!("{run}: {command}: {status} {answer}"),
        }
    }
    steered
}

/// Any command; an answer only if somebody asks.
async fn wanted(sites: &[Site], run: &str, targets: &[String], dice: &mut Dice) -> Value {
    let act = |mut command: Value, dice: &mut Dice| {
        command["expiresInSecs"] = (1 + dice.below(8)).into();
        if !targets.is_empty() {
            command["target"] = json!({"producer": targets[dice.below(targets.len() as u64) as usize]});
        }
        command
    };
    match dice.below(12) {
        0 => json!({"type": "take_control"}),
        1 => json!({"type": "take_control", "steal": true}),
        2 => json!({"type": "release_control"}),
        3 => json!({"type": "pause", "maxSecs": 1 + dice.below(4)}),
        4 => json!({"type": "resume"}),
        5 => json!({"type": "hold", "when": (["failure", "never"][dice.below(2) as usize])}),
        6..9 => act(json!({"type": "step"}), dice),
        9 => act(json!({"type": "manual_action", "action": {"action": "click", "selector": "#a"}}), dice),
        _ => {
            let site = &sites[dice.below(sites.len() as u64) as usize];
            let asked = tokio::time::timeout(super::ATTEMPT, try_asks(site, run)).await.ok().flatten();
            match asked {
                Some(ask) => json!({"type": "answer", "askId": ask, "value": "yes"}),
                None => json!({"type": "resume"}),
            }
        }
    }
}

/// A question that is open, as far as this node answers.
async fn try_asks(site: &Site, run: &str) -> Option<String> {
    let reply = site.try_send("GET", &format!("/api/runs/{run}"), &[], "").await.ok()?;
    let view: Value = serde_json::from_str(&reply.text).ok()?;
    Some(view["asks"].as_array()?.first()?["askId"].as_str()?.to_owned())
}

/// What a node shows when everything has ended that ends by time.
pub(crate) async fn nothing_is_open(site: &Site, run: &str) -> Result<Value, Value> {
    let view = control(site, run).await;
    let is_act = |command: &&Value| !command["expiresAt"].is_null() && command["type"] != "pause";
    let is_open = |command: &&Value| matches!(command["state"].as_str(), Some("queued" | "accepted"));
    let acts = view["commands"].as_array().unwrap().iter().filter(is_act).filter(is_open).count();
    let asks = view["asks"].as_array().unwrap().len();
    if acts + asks == 0 && view["paused"].is_null() { Ok(view) } else { Err(view) }
}
