//! What workers say about themselves, and what they learn with each post of events.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use tracing::debug;

use super::super::super::edge::Bodies;
use super::super::super::problem::Problem;
use super::super::events::run_id;
use super::poll::MAX_BYTES;
use super::{body, cursor, named_producer};
use crate::actors::messages::room::Published;
use crate::control::CommandEntry;
use crate::protocol::event::EventBatch;
use crate::protocol::json_text::{readable, without_bom};
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, ProducerId, RunId};
use crate::steering::{CommandReport, Steering, poll_of};

/// Most bytes of commands in the answer to a post whose producer does not say what it has: 4 KiB.
const FEW_BYTES: usize = 4 * 1024;

/// What the producer of a post says about commands.
pub(in crate::http::api) struct Given {
    /// The producer, if it has a name.
    pub(in crate::http::api) producer: Option<ProducerId>,
    /// `Runcast-Commands-After`: the last control event that it has acknowledged.
    after: Option<Cursor>,
    /// What it reports in the post.
    reports: Vec<CommandReport>,
    /// Whether something in the post may change nothing, which it is told then.
    may_be_ignored: bool,
}

/// What a producer learns with the answer to a post.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::api) struct Learned {
    /// The commands that are open for it, the most urgent first.
    commands: Vec<CommandEntry>,
    /// There are more, or they could not be had now: ask for them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_commands: bool,
    /// What it acknowledges by `Runcast-Commands-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    commands_cursor: Option<Cursor>,
    /// What was decided last may have been lost: `commands` has all that are open.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    commands_reset: bool,
    /// Its reports that changed nothing, by their commands' ids, and its questions that opened nothing, by theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<Arc<str>>,
    /// The variant that it counts as, if it is not the one that it announced; the outer `None`: that was not looked at.
    #[serde(skip)]
    variant: Option<Option<Arc<str>>>,
}

impl Learned {
    /// The variant that the producer counts as, if it is not the one that it announced; the outer `None`: that was not
    /// looked at.
    pub(in crate::http::api) fn variant(&self) -> Option<Option<Arc<str>>> {
        self.variant.clone()
    }
}

impl Given {
    /// What a post's headers say.
    pub(in crate::http::api) fn of(request: &HttpRequest, producer: Option<ProducerId>) -> Result<Self, Problem> {
        let after = request.headers().get("runcast-commands-after");
        let after = cursor("Runcast-Commands-After", after.map(|value| value.to_str().unwrap_or("\u{fffd}")))?;
        Ok(Self { producer, after, reports: Vec::new(), may_be_ignored: false })
    }

    /// Takes note of what the post says.
    pub(in crate::http::api) fn read(&mut self, batch: &EventBatch) {
        self.reports = CommandReport::all(batch);
        self.may_be_ignored = CommandReport::may_be_ignored(batch);
    }

    /// What its producer learns now that the post is stored. A run that was never steered costs nothing.
    pub(in crate::http::api) async fn learn(self, steering: &Steering, run: &RunId, published: &Published) -> Learned {
        let tip = published.control;
        if !tip.steered {
            return Learned { variant: Some(None), ..Learned::default() };
        }
        let producer = self.producer.as_ref().map(ProducerId::as_str);
        if let Some(producer) = producer {
            steering.heard(run, &producer.into());
        }
        let ignored = match published.appended.seqs.filter(|_| self.may_be_ignored) {
            Some(seqs) => steering.reported(run, producer, &self.reports, seqs, tip.cursor).await,
            None => Vec::new(),
        };
        if self.after.is_some() && self.after == tip.cursor {
            return Learned { commands_cursor: tip.cursor, ignored, ..Learned::default() };
        }
        let most = if self.after.is_some() { MAX_BYTES } else { FEW_BYTES };
        match steering.poll(run, poll_of(producer, self.after, most), tip.cursor).await {
            Ok((commands, _)) => Learned {
                commands: commands.commands,
                more_commands: commands.more,
                commands_cursor: commands.cursor,
                commands_reset: commands.reset,
                ignored,
                variant: Some(commands.variant),
            },
            // The events are stored, and that is what the answer has to say.
            Err(error) => {
                debug!(%run, %error, "a producer gets its commands later");
                Learned { more_commands: error.status() == 503, ignored, ..Learned::default() }
            }
        }
    }
}

/// The body of [`finish`].
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finish {
    status: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finished<'a> {
    run_id: &'a RunId,
    status: RunStatus,
}

/// `POST /api/runs/{runId}/finish`
pub(in crate::http) async fn finish(
    (bodies, steering): (web::Data<Bodies>, web::Data<Steering>),
    request: HttpRequest,
    path: web::Path<String>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let body = body(&bodies, &request, &mut payload).await?;
    let text = readable(without_bom(&body).trim_ascii());
    let Finish { status } = match text.is_empty() {
        true => Finish::default(),
        false => serde_json::from_slice(&text).map_err(|error| {
            Problem::bad_request("invalid_body", format!("the body must be {{\"status\"?}}: {error}"))
        })?,
    };
    let status = status.map(|text| {
        let known = RunStatus::parse(&text).filter(|status| status.is_final());
        known.ok_or_else(|| {
            Problem::bad_request("invalid_status", format!("status {text:?} is not one that ends a run"))
        })
    });
    let status = steering.finish(&run, status.transpose()?).await?;
    Ok(HttpResponse::Ok().json(Finished { run_id: &run, status }))
}

/// `POST /api/runs/{runId}/alive`
pub(in crate::http) async fn alive(
    steering: web::Data<Steering>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    steering.alive(&run, &named_producer(&request)?.as_str().into()).await;
    Ok(HttpResponse::NoContent().finish())
}
