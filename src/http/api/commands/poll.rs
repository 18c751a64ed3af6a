//! A worker's question for commands, with long polls.
//!
//! A long poll ends when there are commands, and when the hints are other than those that the worker has. While what
//! viewers on other nodes look at is not known, no poll ends for it. Nobody looks at the hints while nothing has changed:
//! the room's board and presence wake the polls of a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::super::super::edge::ViewersEdge;
use super::super::super::problem::Problem;
use super::super::super::rooms::Rooms;
use super::super::events::run_id;
use super::super::hints::Addressee;
use super::{cursor, producer};
use crate::actors::messages::room::RoomPort;
use crate::control::Commands;
use crate::node::Node;
use crate::protocol::{Cursor, Hints, RunId};
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
    hints: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Polled<'a> {
    run_id: &'a RunId,
    #[serde(flatten)]
    commands: Commands,
    hints: Arc<Hints>,
}

/// `GET /api/runs/{runId}/commands`
pub(in crate::http) async fn poll(
    (node, steering): (web::Data<Node>, web::Data<Steering>),
    (rooms, viewers): (web::Data<Rooms>, web::Data<ViewersEdge>),
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<PollQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let after = cursor("after", query.after.as_deref())?;
    let producer = producer(&request)?;
    let wait = wait_secs(query.wait.as_deref().unwrap_or("0"))?;
    let until = Instant::now() + Duration::from_secs(wait);
    let (mut known, mut tag) = (None, query.into_inner().hints.map(Arc::from));
    let addressee = Addressee::of(&request);
    let (commands, hints) = loop {
        let asked = poll_of(producer.as_ref().map(|producer| producer.as_str()), after, MAX_BYTES);
        let (commands, tip) = steering.poll(&run, asked, known).await?;
        let room = rooms.find(&run).await?;
        let addressee = addressee.clone().counted_as(commands.variant.clone(), producer.as_ref(), &room);
        let audience = viewers.audience(&room);
        let hints = audience.hints(&addressee);
        let tag: &Arc<str> = tag.get_or_insert_with(|| hints.tag.clone());
        let is_news = !commands.commands.is_empty() || commands.reset || (audience.is_whole && hints.tag != *tag);
        if is_news || wait == 0 {
            break (commands, hints);
        }
        let (node, steering, viewers) = (&node, &steering, &viewers);
        let waiting = Waiting { node, steering, viewers, room: &room, addressee: &addressee, tag, until };
        if !waiting.moves(tip).await? {
            break (commands, viewers.audience(&room).hints(&addressee));
        }
        known = tip;
    };
    Ok(HttpResponse::Ok().json(Polled { run_id: &run, commands, hints }))
}

/// How long to wait, in seconds.
fn wait_secs(text: &str) -> Result<u64, Problem> {
    let secs = text.parse().ok().filter(|secs| *secs <= MAX_WAIT_SECS);
    secs.ok_or_else(|| {
        Problem::bad_request("invalid_wait", format!("wait must be a whole number, 0 to {MAX_WAIT_SECS}, not {text:?}"))
    })
}

/// A long poll that has nothing to tell yet.
struct Waiting<'a> {
    node: &'a Node,
    steering: &'a Steering,
    viewers: &'a ViewersEdge,
    room: &'a RoomPort,
    /// Who asks.
    addressee: &'a Addressee,
    /// The hints that the worker has.
    tag: &'a str,
    until: Instant,
}

impl Waiting<'_> {
    /// Waits until the run's control moves on from `tip`, or the hints are others; false when the time is over, or the
    /// node drains: the worker asks again elsewhere, and later its connection would be cut.
    async fn moves(&self, tip: Option<Cursor>) -> Result<bool, SteeringError> {
        let moved = self.steering.moved(&self.room.run, tip);
        let over = actix_web::rt::time::sleep_until(self.until.into());
        tokio::pin!(moved, over);
        loop {
            let changes = self.viewers.audience_changes(self.room);
            let audience = self.viewers.audience(self.room);
            if audience.is_whole && *audience.hints(self.addressee).tag != *self.tag {
                return Ok(true);
            }
            tokio::select! {
                moved = &mut moved => return moved,
                () = &mut over => return Ok(false),
                () = self.node.drains() => return Ok(false),
                () = changes => {}
            }
        }
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
