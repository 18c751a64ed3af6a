//! A gallery as the server runs it: its mailbox, its passes over the real audience, its end.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use runcast::actors::floor::Floor;
use runcast::actors::floor::audience::Audience;
use runcast::actors::messages::gallery::TipIs;
use runcast::protocol::close::CloseReason;
use runcast::protocol::{Lines, Segment};

use crate::chance::Dice;
use crate::house::House;
use crate::room::Letter;
use crate::site::Sent;
use crate::trace::{say, seen};
use crate::wire::Alarm;

/// A message to a gallery.
#[derive(Clone)]
pub(crate) enum Mail {
    Deliver(Arc<[Arc<Segment>]>),
    TipIs(TipIs),
    Show(Bytes),
    Evict(CloseReason),
}

/// The gallery actor's fields.
pub(crate) struct Gallery {
    audience: Rc<Audience>,
    floor: Rc<Floor>,
    pub(crate) mailbox: VecDeque<Mail>,
    pending: Vec<Arc<Segment>>,
    ending: CloseReason,
    started: bool,
    alarm: Arc<Alarm>,
}

impl Gallery {
    pub(crate) fn new(audience: Rc<Audience>, floor: Rc<Floor>) -> Self {
        Self {
            audience,
            floor,
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
                Some(Mail::TipIs(tip)) => self.audience.tip_is(tip),
                Some(Mail::Show(frame)) => self.audience.show(&frame),
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
        self.audience.in_pass() || !self.pending.is_empty()
    }

    /// One slice of the pass under way, or of a new one.
    fn fan_out(&mut self, slice: usize) {
        if self.audience.in_pass() {
            self.audience.step(slice);
            return;
        }
        if self.pending.len() > 1 {
            seen("several segments in one pass");
        }
        self.audience.begin_pass(std::mem::take(&mut self.pending));
        self.audience.step(slice);
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
    /// Lets a gallery run once, as its context would: mail first, then a slice of the fan-out. With a slice of 0 it rests.
    pub(crate) fn poll_gallery(&mut self, id: u64, mails: usize, slice: usize) {
        let Some(gallery) = self.site.galleries.get_mut(&id) else { return };
        gallery.alarm.silence();
        if !gallery.started {
            gallery.started = true;
            let generation = gallery.audience.room().generation;
            say!("    gallery {id} enrols with room {generation}");
            if self.post(generation, Letter::Enrol(id)) != Sent::Taken {
                return self.end_gallery(id);
            }
        }
        let Some(gallery) = self.site.galleries.get_mut(&id) else { return };
        if !gallery.read_mail(mails) {
            return self.end_gallery(id);
        }
        let rests = slice == 0 && !gallery.audience.in_pass();
        if !rests && gallery.has_segments() {
            gallery.fan_out(slice);
        }
        if gallery.has_segments() {
            gallery.alarm.ring();
        } else if gallery.audience.closed() {
            self.end_gallery(id);
        } else {
            gallery.audience.keep_waker(&Waker::from(gallery.alarm.clone()));
        }
    }

    /// The gallery's drop.
    fn end_gallery(&mut self, id: u64) {
        let Some(gallery) = self.site.galleries.remove(&id) else { return };
        say!("    gallery {id} ends");
        seen("gallery ended");
        gallery.floor.forget(&gallery.audience);
        gallery.audience.evict(gallery.ending);
        self.post(gallery.audience.room().generation, Letter::Dismiss(id));
    }
}
