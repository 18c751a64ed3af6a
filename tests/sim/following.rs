//! How a room follows its run while other nodes store to it: what `actors::room::following` does.

use std::sync::Arc;

use runcast::actors::room::log::Growth;
use runcast::protocol::Segment;
use runcast::storage::journal::{Head, JournalError, RunPhase};

use crate::bridge::Asked;
use crate::room::Room;
use crate::schedule::Kind;
use crate::site::{Ask, Notice, Site};
use crate::trace::{say, seen};

/// What a room does to follow its run.
#[derive(Default)]
pub(crate) struct Following {
    asked: bool,
    pub(crate) listening: bool,
    filling: bool,
    /// What is missing may still come by itself.
    pub(crate) fill_due: bool,
}

impl Room {
    pub(crate) fn is_current(&self, site: &Site) -> bool {
        site.setup.kind == Kind::OneNode || (self.following.listening && self.log.hole().is_none())
    }

    pub(crate) fn update_following(&mut self, site: &mut Site) {
        let wanted = !self.retired && !self.broadcasters.is_empty();
        if site.setup.kind == Kind::OneNode || wanted == self.following.asked {
            return;
        }
        self.following.asked = wanted;
        if wanted { site.follow(self.generation) } else { site.bridge.let_go(self.generation) }
    }

    pub(crate) fn advance(&mut self, segments: Vec<Arc<Segment>>, head: Head, site: &mut Site) {
        let growth =
            if self.following.asked { self.log.hear(segments, head) } else { self.log.advance(segments, head) };
        self.grow(growth, site);
        self.update_hole(site);
    }

    pub(crate) fn jump(&mut self, head: Head, site: &mut Site) {
        let growth = self.log.advance(Vec::new(), head);
        self.grow(growth, site);
    }

    fn update_hole(&mut self, site: &Site) {
        if self.log.hole().is_none() || self.following.filling || site.setup.kind == Kind::OneNode {
            return;
        }
        self.following.filling = true;
        self.following.fill_due = true;
    }

    /// The moment that was given to what is missing is over.
    pub(crate) fn fill(&mut self, site: &mut Site) {
        self.following.fill_due = false;
        match self.log.hole() {
            Some(next) => site.reads.push((self.generation, Ask::Fill(next))),
            None => {
                seen("hole closed by itself");
                self.following.filling = false;
                self.serve_reads(site);
            }
        }
    }

    pub(crate) fn filled(&mut self, read: Result<Vec<Arc<Segment>>, JournalError>, site: &mut Site) {
        self.following.filling = false;
        if let Ok(segments) = read {
            match self.log.fill(segments) {
                Some(growth) => {
                    if matches!(growth, Growth::Follows(_)) {
                        seen("hole filled");
                    }
                    self.grow(growth, site);
                }
                None => {
                    seen("hole of another incarnation");
                    return self.look_again(site);
                }
            }
        }
        if self.log.hole().is_some() {
            seen("hole leapt over");
            let growth = self.log.leap();
            self.grow(growth, site);
        }
        self.serve_reads(site);
    }

    fn grow(&mut self, growth: Growth, site: &mut Site) {
        match growth {
            Growth::None => {}
            Growth::Follows(segments) => self.deliver(segments, site),
            Growth::Elsewhere => {
                seen("log grew elsewhere");
                self.tell_galleries_the_tip(site);
            }
        }
    }

    // What the bridge tells.

    pub(crate) fn hear_notice(&mut self, Notice { head, segments }: Notice, site: &mut Site) {
        let known = self.log.age();
        let hole = segments.first().is_some_and(|first| first.first() > known.1 + 1);
        seen(match (head.age() > known, hole) {
            (false, _) => "doorbell skipped",
            (true, true) => "doorbell for a hole",
            (true, false) => "doorbell taken",
        });
        self.heard(head, segments, site);
    }

    pub(crate) fn hear_tip(&mut self, head: Head, asked: Asked, site: &mut Site) {
        if site.bridge.vouches(asked) && site.bridge.follower() == Some(self.generation) {
            self.following.listening = self.following.asked;
        }
        if head.tip == 0 && self.log.tip() > 0 && head.age() > self.log.age() {
            seen("run lost whole");
        }
        self.heard(head, Vec::new(), site);
    }

    fn heard(&mut self, head: Head, segments: Vec<Arc<Segment>>, site: &mut Site) {
        let is_gone = self.log.head().is_some_and(|head| head.phase == RunPhase::Gone);
        if head.phase == RunPhase::Gone && !is_gone {
            say!("    room {} hears that the run is gone", self.generation);
            return self.learn_anew(site);
        }
        self.advance(segments, head, site);
        self.serve_reads(site);
    }
}
