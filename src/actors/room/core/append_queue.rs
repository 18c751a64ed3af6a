//! What waits to be appended: while one append is in flight, further posts queue and go as the next. Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::actors::messages::room::Publish;
use crate::protocol::status::RunStatus;
use crate::protocol::{Lines, ProducerId};
use crate::storage::journal::{ControlPost, OnGap, Post, Precondition};

/// Posts that go as one append, at most.
const MAX_POSTS: usize = 1_024;
/// Bytes that go as one append, at least one post apart. 4 MiB.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The room's queue, bounded in bytes.
pub(super) struct AppendQueue {
    queue: VecDeque<Publish>,
    bytes: usize,
    limit: usize,
    /// Numbers the posts that no producer numbered, so that the room may repeat them safely. One per room generation.
    own: ProducerId,
    own_next: u64,
    in_flight: bool,
}

/// What is decided on the run's control, to be stored.
pub(super) struct ControlChange {
    pub(super) lines: Lines,
    pub(super) status: Option<RunStatus>,
    pub(super) control: ControlPost,
}

/// An append to be made and the requests that wait for it, in the same order.
pub(super) struct AppendBatch {
    /// One per request, behind the one that was decided, if there is one.
    pub(super) posts: Vec<Post>,
    pub(super) precondition: Option<Precondition>,
    pub(super) requests: Vec<Publish>,
    /// When the oldest of them reached the node; `None` without requests.
    pub(super) arrived: Option<Instant>,
}

impl AppendQueue {
    pub(super) fn new(limit: usize, own: ProducerId) -> Self {
        Self { queue: VecDeque::new(), bytes: 0, limit, own, own_next: 1, in_flight: false }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.in_flight
    }

    /// Whether a request still fits; an empty queue takes any.
    pub(super) fn has_room_for(&self, request: &Publish) -> bool {
        self.queue.is_empty() || self.bytes + request.lines.bytes().len() <= self.limit
    }

    /// Queues a request.
    pub(super) fn push(&mut self, request: Publish) {
        self.bytes += request.lines.bytes().len();
        self.queue.push_back(request);
    }

    /// The next append, unless one is in flight: first what was decided, then what waits. [`AppendQueue::landed`] must
    /// follow.
    pub(super) fn launch(&mut self, decided: Option<ControlChange>) -> Option<AppendBatch> {
        if self.in_flight || (self.queue.is_empty() && decided.is_none()) {
            return None;
        }
        let posts: Vec<_> = decided.map(|change| self.control_post(change)).into_iter().collect();
        let mut bytes = posts.iter().map(|post| post.lines.bytes().len()).sum();
        let decided_bytes: usize = bytes;
        let first = self.queue.front();
        let precondition = first.filter(|_| posts.is_empty()).and_then(|first| first.if_tip).map(Precondition::TipIs);
        let arrived = first.map(|first| first.arrived);
        let mut batch = AppendBatch { posts, precondition, requests: Vec::new(), arrived };
        while let Some(next) = self.queue.front() {
            let size = next.lines.bytes().len();
            let alone = next.if_tip.is_some() || precondition.is_some();
            if !batch.posts.is_empty() && (alone || bytes + size > MAX_BYTES || batch.posts.len() == MAX_POSTS) {
                break;
            }
            let Some(request) = self.queue.pop_front() else { break };
            bytes += size;
            batch.posts.push(self.post(&request));
            batch.requests.push(request);
        }
        self.bytes -= bytes - decided_bytes;
        self.in_flight = true;
        Some(batch)
    }

    /// The append in flight has been answered.
    pub(super) fn landed(&mut self) {
        self.in_flight = false;
    }

    /// Everything that waits, to be refused.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Publish> {
        self.bytes = 0;
        self.queue.drain(..)
    }

    /// The room's own number for so many events.
    fn number(&mut self, events: usize) -> (ProducerId, u64, OnGap) {
        let n = self.own_next;
        self.own_next += events as u64;
        (self.own.clone(), n, OnGap::Allow)
    }

    fn control_post(&mut self, ControlChange { lines, status, control }: ControlChange) -> Post {
        let (producer, n, on_gap) = self.number(lines.len());
        let control = Some(control);
        Post { producer, n, on_gap, lines, status, privileged: false, seals: false, stamps: Arc::default(), control }
    }

    fn post(&mut self, request: &Publish) -> Post {
        let (producer, n, on_gap) = match &request.numbered {
            Some(numbered) => (numbered.producer.clone(), numbered.n, numbered.on_gap),
            None => self.number(request.lines.len()),
        };
        Post {
            producer,
            n,
            on_gap,
            lines: request.lines.clone(),
            status: request.status,
            privileged: request.is_privileged(),
            seals: request.seals(),
            stamps: request.stamps.clone(),
            control: request.control(),
        }
    }
}
