//! A broadcaster as the server runs it: its mailbox, its passes over the real subscribers, its end.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use runcast::actors::hub::Hub;
use runcast::actors::hub::subscribers::Subscribers;
use runcast::actors::messages::broadcaster::TipIs;
use runcast::protocol::close::CloseReason;
use runcast::protocol::{Lines, Segment};

use crate::chance::Dice;
use crate::house::House;
use crate::room::Letter;
use crate::site::Sent;
use crate::trace::{say, seen};
use crate::wire::Alarm;

/// A message to a broadcaster.
#[derive(Clone)]
pub(crate) enum Mail {
    Deliver(Arc<[Arc<Segment>]>),
    TipIs(TipIs),
    Show(Bytes),
    Evict(CloseReason),
}

/// The broadcaster actor's fields.
pub(crate) struct Broadcaster {
    subscribers: Rc<Subscribers>,
    hub: Rc<Hub>,
    pub(crate) mailbox: VecDeque<Mail>,
    pending: Vec<Arc<Segment>>,
    ending: CloseReason,
    started: bool,
    alarm: Arc<Alarm>,
}

impl Broadcaster {
    pub(crate) fn new(subscribers: Rc<Subscribers>, hub: Rc<Hub>) -> Self {
        Self {
            subscribers,
            hub,
            mailbox: VecDeque::new(),
            pending: Vec::new(),
            ending: CloseReason::TryAgain,
            started: false,
            alarm: Alarm::ringing(),
        }
    }

    pub(crate) fn has_work(&self) -> bool {
        self.alarm.rings() || !self.mailbox.is_empty()
    }

    /// Takes up to `mails` from the mailbox; false when it was told to end.
    fn read_mail(&mut self, mails: usize) -> bool {
        for _ in 0..mails {
            match self.mailbox.pop_front() {
                Some(Mail::Deliver(segments)) => self.pending.extend(segments.iter().cloned()),
                Some(Mail::TipIs(tip)) => self.subscribers.tip_is(tip),
                Some(Mail::Show(frame)) => self.subscribers.show(&frame),
                Some(Mail::Evict(reason)) => {
                    self.ending = reason;
                    return false;
                }
                None => break,
            }
        }
        true
    }

    fn has_segments(&self) -> bool {
        self.subscribers.in_pass() || !self.pending.is_empty()
    }

    /// One slice of the pass under way, or of a new one.
    fn fan_out(&mut self, slice: usize) {
        if self.subscribers.in_pass() {
            self.subscribers.step(slice);
            return;
        }
        if self.pending.len() > 1 {
            seen("several segments in one pass");
        }
        self.subscribers.begin_pass(std::mem::take(&mut self.pending));
        self.subscribers.step(slice);
    }

    /// A room's messages on their way are doubled, overtake each other, or bring once more what another brought.
    pub(crate) fn muddle(&mut self, dice: &mut Dice) {
        let Some(last) = self.mailbox.len().checked_sub(1) else { return };
        let index = dice.between(0, last);
        match (dice.below(3), &self.mailbox[index]) {
            (_, Mail::Evict(_)) => {}
            (0, _) => self.mailbox.swap(0, index),
            (1, mail) => self.mailbox.push_back(mail.clone()),
            _ => self.overlap(),
        }
    }

    fn overlap(&mut self) {
        for index in 1..self.mailbox.len() {
            if let (Mail::Deliver(first), Mail::Deliver(second)) = (&self.mailbox[index - 1], &self.mailbox[index])
                && let Some(joined) = join(first.iter().chain(second.iter()))
            {
                seen("delivery partly old");
                self.mailbox[index] = Mail::Deliver([Arc::new(joined)].into());
                return;
            }
        }
    }
}

/// One segment of several, if they are one run of events.
fn join<'a>(segments: impl Iterator<Item = &'a Arc<Segment>> + Clone) -> Option<Segment> {
    let first = segments.clone().next()?;
    let mut next = first.first();
    for segment in segments.clone() {
        if segment.epoch() != first.epoch() || segment.first() != next {
            return None;
        }
        next = segment.last() + 1;
    }
    let lines: Vec<_> = segments.map(|segment| segment.lines().bytes().clone()).collect();
    Some(Segment::new(first.epoch(), first.first(), first.at(), Lines::from_stored(lines.join(&b'\n').into())))
}

impl House {
    /// Lets a broadcaster run once, as its context would: mail first, then a slice of the fan-out. With a slice of 0 it rests.
    pub(crate) fn poll_broadcaster(&mut self, id: u64, mails: usize, slice: usize) {
        let Some(broadcaster) = self.site.broadcasters.get_mut(&id) else { return };
        broadcaster.alarm.silence();
        if !broadcaster.started {
            broadcaster.started = true;
            let generation = broadcaster.subscribers.room().generation;
            say!("    broadcaster {id} subscribes to room {generation}");
            if self.post(generation, Letter::Subscribe(id)) != Sent::Taken {
                return self.end_broadcaster(id);
            }
        }
        let Some(broadcaster) = self.site.broadcasters.get_mut(&id) else { return };
        if !broadcaster.read_mail(mails) {
            return self.end_broadcaster(id);
        }
        let rests = slice == 0 && !broadcaster.subscribers.in_pass();
        if !rests && broadcaster.has_segments() {
            broadcaster.fan_out(slice);
        }
        if broadcaster.has_segments() {
            broadcaster.alarm.ring();
        } else if broadcaster.subscribers.closed() {
            self.end_broadcaster(id);
        } else {
            broadcaster.subscribers.keep_waker(&Waker::from(broadcaster.alarm.clone()));
        }
    }

    /// The broadcaster's drop.
    fn end_broadcaster(&mut self, id: u64) {
        let Some(broadcaster) = self.site.broadcasters.remove(&id) else { return };
        say!("    broadcaster {id} ends");
        seen("broadcaster ended");
        broadcaster.hub.forget(&broadcaster.subscribers);
        broadcaster.subscribers.evict(broadcaster.ending);
        self.post(broadcaster.subscribers.room().generation, Letter::Unsubscribe(id));
    }
}
