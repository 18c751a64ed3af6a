//! A producer that posts events, repeats what it is not sure of, and remembers what was acknowledged.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use runcast::actors::messages::room::{Numbered, Publish, PublishError, Published};
use runcast::budget::{Budget, Held};
use runcast::protocol::event::EventBatch;
use runcast::protocol::{Lines, ProducerId, ServerEvent};
use runcast::storage::journal::{OnGap, Refusal};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::chance::Dice;
use crate::store::Store;
use crate::trace::{say, seen};

/// Events under their producer's number of the first.
#[derive(Clone, Debug)]
struct Batch {
    n: u64,
    events: Vec<Bytes>,
    seals: bool,
}

/// See the module.
pub(crate) struct Producer {
    /// `None`: it does not number its events, and does not repeat them.
    id: Option<ProducerId>,
    name: usize,
    next_n: u64,
    /// Posted, not answered.
    waiting: Option<(Batch, oneshot::Receiver<Result<Published, PublishError>>)>,
    /// Not known to be stored: to be repeated.
    doubtful: Option<Batch>,
    /// Its last acknowledged batch, which a late duplicate repeats.
    last: Option<Batch>,
    accepts_gap: bool,
    acknowledged: Vec<Bytes>,
    /// What it was told is not stored, and did not post again.
    refused: Vec<Bytes>,
    made: u64,
    /// It posted the end of the run, or was told of it.
    pub(crate) done: bool,
    held: Arc<Held>,
}

impl Producer {
    pub(crate) fn new(name: usize, numbers: bool) -> Self {
        Self {
            id: numbers.then(|| ProducerId::parse(&format!("p{name}")).expect("a good id")),
            name,
            next_n: 1,
            waiting: None,
            doubtful: None,
            last: None,
            accepts_gap: false,
            acknowledged: Vec::new(),
            refused: Vec::new(),
            made: 0,
            done: false,
            held: Arc::new(Budget::new(usize::MAX).hold()),
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    pub(crate) fn has_doubts(&self) -> bool {
        self.doubtful.is_some()
    }

    fn event(&mut self, dice: &mut Dice) -> Bytes {
        self.made += 1;
        let pad = match dice.below(60) {
            0 => dice.between(1_000, 4_000),
            1..10 => dice.between(100, 400),
            _ => dice.between(0, 40),
        };
        format!(r#"{{"type":"t","p":{},"i":{},"x":"{}"}}"#, self.name, self.made, "x".repeat(pad)).into()
    }

    /// What it posts next: what it is in doubt about (and perhaps more), or something new.
    fn batch(&mut self, dice: &mut Dice) -> Batch {
        if let Some(mut batch) = self.doubtful.take() {
            seen("post repeated");
            if !batch.seals && dice.one_in(4) {
                batch.events.push(self.event(dice));
            }
            return batch;
        }
        let count = if dice.one_in(150) { 600 } else { dice.between(1, 4) };
        Batch { n: self.next_n, events: (0..count).map(|_| self.event(dice)).collect(), seals: false }
    }

    /// A request for a room, if it is free to post.
    pub(crate) fn post(&mut self, dice: &mut Dice) -> Option<Publish> {
        if self.is_waiting() || self.done {
            return None;
        }
        let batch = self.batch(dice);
        Some(self.request(batch))
    }

    /// A duplicate of what was acknowledged long ago; its answer reaches nobody.
    pub(crate) fn post_again(&mut self) -> Option<Publish> {
        let (batch, _) = (self.last.clone()?, self.id.as_ref()?);
        seen("late duplicate");
        let waiting = self.waiting.take();
        let request = self.request(batch);
        self.waiting = waiting;
        Some(request)
    }

    /// The run's last event.
    pub(crate) fn finish(&mut self, dice: &mut Dice) -> Option<Publish> {
        if self.is_waiting() || self.done || self.has_doubts() || self.id.is_none() {
            return None;
        }
        let batch = Batch { n: self.next_n, events: vec![self.event(dice)], seals: true };
        Some(self.request(batch))
    }

    fn request(&mut self, batch: Batch) -> Publish {
        let (reply, answer) = oneshot::channel();
        let on_gap = if self.accepts_gap { OnGap::Announce } else { OnGap::Refuse };
        let numbered = self.id.clone().map(|producer| Numbered { producer, n: batch.n, on_gap });
        say!(
            "    p{} posts {} events from n = {}{}",
            self.name,
            batch.events.len(),
            batch.n,
            if batch.seals { ", the last" } else { "" }
        );
        let (line, seals) = (Bytes::from(batch.events.join(&b'\n')), batch.seals);
        self.waiting = Some((batch, answer));
        if seals {
            // The world has no lifecycle actor: its producers number the event that seals.
            let mut request = Publish::from_server(ServerEvent::Sealed, line, self.held.clone(), reply);
            request.numbered = numbered;
            return request;
        }
        let batch = EventBatch { lines: Lines::from_stored(line), status: None, stamps: Default::default() };
        Publish::from_producer(batch, numbered, Instant::now(), self.held.clone(), reply)
    }

    /// The network loses the request or its answer.
    pub(crate) fn lose_answer(&mut self) -> bool {
        let Some((batch, _)) = self.waiting.take() else { return false };
        self.doubt(batch);
        true
    }

    fn doubt(&mut self, batch: Batch) {
        if self.id.is_some() {
            self.doubtful = Some(batch);
        }
    }

    /// Reads the answer if it has come.
    pub(crate) fn take_answer(&mut self, store: &Store) -> bool {
        let Some((batch, mut answer)) = self.waiting.take() else { return false };
        match answer.try_recv() {
            Err(TryRecvError::Empty) => {
                self.waiting = Some((batch, answer));
                return false;
            }
            Ok(Ok(published)) => self.acknowledge(batch, &published, store),
            Ok(Err(PublishError::Refused(Refusal::ProducerGap { .. }))) => {
                seen("producer gap");
                self.accepts_gap = true;
                self.doubt(batch);
            }
            Ok(Err(PublishError::Refused(Refusal::RunSealed | Refusal::RunGone { .. }))) => self.done = true,
            Ok(Err(PublishError::OutcomeUnknown(_))) | Err(TryRecvError::Closed) => self.doubt(batch),
            Ok(Err(_)) if self.id.is_none() => self.refused.extend(batch.events),
            Ok(Err(_)) => self.doubt(batch),
        }
        true
    }

    fn acknowledge(&mut self, batch: Batch, published: &Published, store: &Store) {
        let appended = &published.appended;
        say!("    p{} is answered {appended:?}", self.name);
        self.accepts_gap = false;
        self.done |= batch.seals;
        if self.id.is_some() {
            self.next_n = batch.n + batch.events.len() as u64;
            assert_eq!(appended.producer_high, self.next_n - 1, "the mark is what was posted");
        }
        assert_eq!(appended.stored + appended.duplicates, batch.events.len() as u64);
        if let Some((_, last)) = appended.seqs {
            store.acknowledge(appended.epoch, last);
            let stored = batch.events.iter().skip(appended.duplicates as usize);
            for (seq, event) in (last + 1 - appended.stored..).zip(stored) {
                assert_eq!(store.event(appended.epoch, seq), Some(event), "p{} was told a wrong seq {seq}", self.name);
            }
        }
        self.acknowledged.extend(batch.events.iter().cloned());
        self.last = Some(batch);
    }

    /// At rest whatever was acknowledged is in the log once, unless the store has lost it.
    pub(crate) fn check_at_rest(&self, store: &Store) {
        let counts = store.counts();
        for event in &self.acknowledged {
            let count = counts.get(event.as_ref()).copied().unwrap_or(0);
            let fits = count == 1 || (count == 0 && store.lost.contains(event));
            assert!(fits, "an acknowledged event is in the log {count} times: {}", String::from_utf8_lossy(event));
        }
        for event in &self.refused {
            let stored = counts.contains_key(event.as_ref()) || store.lost.contains(event);
            assert!(!stored, "an event that was refused is in the log: {}", String::from_utf8_lossy(event));
        }
    }
}
