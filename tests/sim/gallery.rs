//! A gallery as the server runs it: its mailbox, its passes over the real audience, its end.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use runcast::actors::floor::Floor;
use runcast::actors::floor::audience::Audience;
use runcast::actors::messages::gallery::TipIs;
use runcast::protocol::Segment;
use runcast::protocol::close::CloseReason;

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

    /// One slice of the pass under way, or of a new one; true while there is more to do.
    fn fan_out(&mut self, slice: usize) -> bool {
        if self.audience.step(slice) {
            return true;
        }
        if self.pending.is_empty() {
            return false;
        }
        if self.pending.len() > 1 {
            seen("several segments in one pass");
        }
        self.audience.begin_pass(std::mem::take(&mut self.pending));
        self.audience.step(slice);
        true
    }

    /// A room's messages on their way are doubled or overtake each other.
    pub(crate) fn muddle(&mut self, dice: &mut Dice) -> bool {
        let Some(index) = self.mailbox.len().checked_sub(1).map(|last| dice.between(0, last)) else { return false };
        if matches!(self.mailbox[index], Mail::Evict(_)) {
            return false;
        }
        if dice.one_in(2) {
            let copy = self.mailbox[index].clone();
            self.mailbox.push_back(copy);
        } else {
            self.mailbox.swap(0, index);
        }
        true
    }
}

impl House {
    /// Lets a gallery run once, as its context would: mail first, then a slice of the fan-out.
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
        if gallery.fan_out(slice) {
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
