//! The stream of changes of the list to one listener.

use std::convert::Infallible;
use std::future::ready;
use std::rc::Rc;

use actix_web::http::{Method, header};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::super::access::{AccessPolicy, RequestRights};
use super::super::edge::{RunsEdge, WatchEdge};
use super::super::limits::OverLimit;
use super::super::problem::{Problem, saturated};
use super::super::transfer::{Outgoing, Pipe, pipe};
use super::{FeedLimits, FeedListener, visible};
use crate::actors::session::RightsEnd;
use crate::node::{Node, NodePhase};
use crate::protocol::RunPatterns;
use crate::tasks::spawn_local;

/// How long a listener that was sent away waits, in milliseconds, before it comes back.
const COME_BACK_MS: u64 = 5_000;
/// The same of one that was only too slow, or whose node goes.
const COME_BACK_SOON_MS: u64 = 1_000;
/// What keeps proxies from closing a stream in which nothing is said.
const COMMENT: &[u8] = b":\n\n";

/// `GET /api/runs/stream`
pub(in crate::http) async fn stream(
    edge: web::Data<RunsEdge>,
    watch: web::Data<WatchEdge>,
    (rights, policy): (RequestRights, web::Data<AccessPolicy>),
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if request.method() == Method::HEAD {
        return Ok(head().streaming(stream::empty::<Result<Bytes, Infallible>>()));
    }
    if watch.node.is_crowded() || watch.node.phase() == NodePhase::Draining {
        return Ok(come_back(COME_BACK_MS));
    }
    if let Some(exceeded) = request.extensions().get::<OverLimit>() {
        return Ok(come_back(exceeded.wait_ms().max(COME_BACK_MS)));
    }
    let outgoing = request.conn_data::<Rc<Outgoing>>().cloned().ok_or_else(saturated)?;
    let Some(listener) = edge.feed.listen().await else {
        return Ok(come_back(COME_BACK_MS));
    };
    let (ours, body) = pipe(outgoing);
    // It ends with its connection, whose end it finds when it next writes.
    let access = ListenerAccess { names: rights.visible(), until: policy.end_of(&rights) };
    drop(spawn_local("run_feed_listener", tell(listener, access, ours, watch.node.clone(), edge.feed.limits())));
    Ok(head().body(body))
}

/// What a listener may see.
struct ListenerAccess {
    /// Runs with these names; `None`: all.
    names: Option<RunPatterns>,
    /// When it may see nothing any more; `None`: never.
    until: Option<RightsEnd>,
}

/// Tells a listener what is new, until it goes, is too slow, may see nothing any more, or the node goes.
async fn tell(listener: FeedListener, access: ListenerAccess, mut pipe: Pipe, node: Node, limits: FeedLimits) {
    let FeedListener { first, mut told, _permit } = listener;
    let ListenerAccess { names, until } = access;
    let seen = |record: Bytes| match &names {
        Some(names) => visible(&record, names).unwrap_or(Bytes::from_static(COMMENT)),
        None => record,
    };
    let mut next = Ok(seen(first));
    let drains = node.drains();
    let ended = async move {
        match until {
            Some(until) => until.reached().await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(drains, ended);
    loop {
        let (piece, is_last) = match next {
            Ok(piece) => (piece, false),
            Err(retry_ms) => (Bytes::from(format!("retry: {retry_ms}\n\n")), true),
        };
        let written = timeout(limits.stall, pipe.write_all(&piece)).await;
        if is_last || !matches!(written, Ok(Ok(()))) {
            return;
        }
        next = tokio::select! {
            () = &mut drains => Err(COME_BACK_SOON_MS),
            () = &mut ended => Err(COME_BACK_SOON_MS),
            news = timeout(limits.comment, told.recv()) => match news {
                Ok(Ok(Some(record))) => Ok(seen(record)),
                Ok(Ok(None) | Err(RecvError::Closed)) => Err(COME_BACK_MS),
                Ok(Err(RecvError::Lagged(_))) => Err(COME_BACK_SOON_MS),
                Err(_) => Ok(Bytes::from_static(COMMENT)),
            },
        };
    }
}

fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("X-Accel-Buffering", "no"));
    response
}

/// A stream that ends at once. An `EventSource` reconnects after it, whereas an error status would stop it for good.
fn come_back(after_ms: u64) -> HttpResponse {
    let retry = Bytes::from(format!("retry: {after_ms}\n\n"));
    head().force_close().streaming(stream::once(ready(Ok::<_, Infallible>(retry))))
}
