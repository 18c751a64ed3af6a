//! A worker's question for commands, with long polls.

use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::{cursor, producer};
use crate::control::Commands;
use crate::node::Node;
use crate::protocol::{Cursor, RunId};
use crate::steering::{Steering, SteeringError, poll_of};

/// Most bytes of commands in an answer, if a worker says what it has: 64 KiB.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// Longest long poll.
const MAX_WAIT_SECS: u64 = 25;

/// Query parameters.
#[derive(Deserialize)]
pub(in crate::http) struct PollQuery {
    after: Option<String>,
    wait: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Polled<'a> {
    run_id: &'a RunId,
    #[serde(flatten)]
    commands: Commands,
}

/// `GET /api/runs/{runId}/commands`
pub(in crate::http) async fn poll(
    node: web::Data<Node>,
    steering: web::Data<Steering>,
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<PollQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let after = cursor("after", query.after.as_deref())?;
    let producer = producer(&request)?;
    let wait = wait_secs(query.wait.as_deref().unwrap_or("0"))?;
    let until = Instant::now() + Duration::from_secs(wait);
    let mut known = None;
    let commands = loop {
        let asked = poll_of(producer.as_ref().map(|producer| producer.as_str()), after, MAX_BYTES);
        let (commands, tip) = steering.poll(&run, asked, known).await?;
        let is_news = !commands.commands.is_empty() || commands.reset;
        if is_news || wait == 0 || !moves(&node, &steering, &run, tip, until).await? {
            break commands;
        }
        known = tip;
    };
    Ok(HttpResponse::Ok().json(Polled { run_id: &run, commands }))
}

/// How long to wait, in seconds.
fn wait_secs(text: &str) -> Result<u64, Problem> {
    let secs = text.parse().ok().filter(|secs| *secs <= MAX_WAIT_SECS);
    secs.ok_or_else(|| {
        Problem::bad_request("invalid_wait", format!("wait must be a whole number, 0 to {MAX_WAIT_SECS}, not {text:?}"))
    })
}

/// Waits until the run's control moves on from `tip`; false when the time is over, or the node drains: the worker asks
/// again elsewhere, and later its connection would be cut.
async fn moves(
    node: &Node,
    steering: &Steering,
    run: &RunId,
    tip: Option<Cursor>,
    until: Instant,
) -> Result<bool, SteeringError> {
    tokio::select! {
        moved = steering.moved(run, tip) => moved,
        () = actix_web::rt::time::sleep_until(until.into()) => Ok(false),
        () = node.drains() => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_wait_that_is_none_is_refused_by_its_name() {
        assert_eq!(wait_secs("0").unwrap(), 0);
        assert_eq!(wait_secs("25").unwrap(), 25);
        for wrong in ["26", "-1", "1.5", "x", ""] {
            let refused = wait_secs(wrong).unwrap_err().to_string();
            assert!(refused.contains("invalid_wait") && refused.contains("wait must be"), "{refused}");
        }
    }
}
