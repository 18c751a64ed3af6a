//! People and workers that steer the runs while nodes, links and Redis fail, and what must be true of it in the end.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::support::{Dice, Reply, Site};

mod audit;
mod people;
mod workers;

pub(crate) use audit::check_steering;
pub(crate) use people::{Steered, nothing_is_open, steer};
pub(crate) use workers::{Worked, Workplace, work};

/// Everything that steers ends within seconds, so that it ends while things fail.
pub(crate) const SETTINGS: [(&str, &str); 6] = [
    ("RUNCAST__CONTROL__LEASE_SECS", "3"),
    ("RUNCAST__CONTROL__RUN_SECS", "5"),
    ("RUNCAST__CONTROL__MAX_PAUSE_SECS", "5"),
    ("RUNCAST__CONTROL__DUE_INTERVAL_MS", "200"),
    ("RUNCAST__CONTROL__COMMANDS_PER_SEC", "1000"),
    ("RUNCAST__CONTROL__COMMAND_BURST", "1000"),
];

/// Longest wait for an answer: longer than a node takes to refuse, shorter than some are frozen.
const ATTEMPT: Duration = Duration::from_secs(4);

/// A request that is repeated, at any node, until its answer says what became of it.
struct Insistence<'a> {
    sites: &'a [Site],
    method: &'static str,
    path: String,
    headers: Vec<(&'a str, &'a str)>,
    body: String,
}

/// Requests without an answer that says something.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Tries {
    pub(crate) refused: u64,
    pub(crate) unanswered: u64,
}

impl Insistence<'_> {
    async fn answered(self, dice: &mut Dice, tries: &mut Tries) -> Reply {
        let Self { sites, method, path, headers, body } = self;
        loop {
            let site = &sites[dice.below(sites.len() as u64) as usize];
            match timeout(ATTEMPT, site.try_send(method, &path, &headers, body.clone())).await {
                // 408: a node that was frozen finds that the request's head was too long in coming.
                Ok(Ok(reply)) if matches!(reply.status, 408 | 429 | 503) => tries.refused += 1,
                Ok(Ok(reply)) => return reply,
                _ => tries.unanswered += 1,
            }
            sleep(Duration::from_millis(20 + dice.below(200))).await;
        }
    }
}

/// The run's log as readers get it.
pub(crate) async fn whole_log(site: &Site, run: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let page = site.get_json(&format!("/api/runs/{run}/events?limit=1000&after={}", events.len())).await;
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        if page["more"] != true {
            return events;
        }
    }
}

/// The members of a run's state that are about its control.
pub(crate) async fn control(site: &Site, run: &str) -> Value {
    let view = site.get_json(&format!("/api/runs/{run}")).await;
    let members = ["control", "commands", "asks", "paused", "producers"];
    members.iter().map(|member| ((*member).to_owned(), view[*member].clone())).collect::<serde_json::Map<_, _>>().into()
}
