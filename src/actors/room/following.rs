//! How a room follows its run while other nodes store to it: by doorbells, and by reading what they leave out.
//!
//! It follows while it has viewers or long polls. Otherwise, and while no notice can be heard, what it knows may be old, and
//! it asks the journal before it answers; those who read by pages it always asks for, because a notice may be on its way.

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use tracing::warn;

use super::log::Growth;
use super::{RETRY, Room};
use crate::actors::messages::bridge::{Follow, Mirror};
use crate::actors::messages::room::{RemoteUpdate, ShowScreen};
use crate::actors::supervision::ServiceRecipient;
use crate::protocol::Segment;
use crate::storage::journal::{Head, RunPhase};

/// What lets a room hear of other nodes; a single node has none.
#[derive(Clone)]
pub struct RemoteFeed {
    /// The bridge.
    pub follow: ServiceRecipient<Follow>,
    /// The same, for what this node is shown.
    pub mirror: ServiceRecipient<Mirror>,
    /// How long what is missing before a notice may still come by itself.
    pub reorder: Duration,
}

/// What a room does to follow its run.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// The bridge was asked.
    asked: bool,
    /// Bells are heard, and the tip was read since.
    listening: bool,
    /// A hole is being waited for, or read.
    filling: bool,
    /// Who told last of the log.
    source: UpdateSource,
}

/// From whom a room hears of what other nodes stored.
#[derive(Clone, Copy, Debug, Default)]
enum UpdateSource {
    #[default]
    Doorbell,
    /// The bridge, which asked the journal.
    Check,
}

impl UpdateSource {
    /// Somebody told of what lies behind a hole, which had to be read.
    fn count_repair(self) {
        let by = match self {
            Self::Doorbell => "doorbell",
            Self::Check => "check",
        };
        metrics::counter!("runcast_holes_repaired_total", "source" => by).increment(1);
    }
}

impl Room {
    /// Whether nobody else stores.
    pub(super) fn is_alone(&self) -> bool {
        self.ports.remote_feed.is_none()
    }

    /// Whether what is known is all there is: nothing can be stored elsewhere without a notice being heard.
    pub(super) fn is_current(&self) -> bool {
        self.is_alone() || (self.following.listening && self.log.hole().is_none())
    }

    /// Follows or lets go, as the room's viewers want it.
    pub(super) fn update_following(&mut self, ctx: &mut Context<Self>) {
        let Some(remote_feed) = &self.ports.remote_feed else { return };
        let wanted = !self.retired && (!self.broadcasters.is_empty() || !self.waits.is_empty());
        if wanted == self.following.asked {
            return;
        }
        let heard = wanted.then(|| ctx.address().recipient());
        let follow = Follow { run: self.run.clone(), generation: self.generation, heard };
        match remote_feed.follow.try_send(follow) {
            Ok(()) => self.following.asked = wanted,
            Err(_) => {
                ctx.run_later(RETRY, Self::update_following);
            }
        }
    }

    /// Asks the bridge once more: one that was built anew knows nobody.
    pub(super) fn remind_bridge(&mut self, ctx: &mut Context<Self>) {
        if std::mem::take(&mut self.following.asked) {
            self.update_following(ctx);
        }
    }

    /// The room ends.
    pub(super) fn let_go(&self) {
        if let (true, Some(remote_feed)) = (self.following.asked, &self.ports.remote_feed) {
            let follow = Follow { run: self.run.clone(), generation: self.generation, heard: None };
            // A bridge that does not hear it finds the room gone when the next notice rings.
            let _ = remote_feed.follow.try_send(follow);
        }
    }

    /// Takes what was stored, here or elsewhere. What does not follow yet waits for what is missing, if anybody does.
    pub(super) fn advance(&mut self, segments: Vec<Arc<Segment>>, head: Head, ctx: &mut Context<Self>) {
        let growth =
            if self.following.asked { self.log.hear(segments, head) } else { self.log.advance(segments, head) };
        self.grow(growth, ctx);
        self.update_hole(ctx);
    }

    /// The journal told the head to those who asked. Who hears notices gives them a moment to bring what is new, and reads it
    /// if they do not; else it holds at once, and readers pull what they miss.
    pub(super) fn consulted(&mut self, head: Head, ctx: &mut Context<Self>) {
        if self.following.listening { self.advance(Vec::new(), head, ctx) } else { self.jump(head, ctx) }
    }

    /// The head holds at once, and readers pull what they miss.
    pub(super) fn jump(&mut self, head: Head, ctx: &mut Context<Self>) {
        let growth = self.log.advance(Vec::new(), head);
        self.grow(growth, ctx);
    }

    /// Gives what is missing a moment to come, then reads it.
    fn update_hole(&mut self, ctx: &mut Context<Self>) {
        if self.log.hole().is_none() || self.following.filling {
            return;
        }
        let Some(remote_feed) = &self.ports.remote_feed else { return };
        self.following.filling = true;
        ctx.run_later(remote_feed.reorder, |room, ctx| match room.log.hole() {
            Some(next) => room.fill(next - 1, ctx),
            None => {
                room.following.filling = false;
                room.serve_reads(ctx);
            }
        });
    }

    /// Reads once, for all viewers. A hole that this does not close is left to the viewers, each at its own pace.
    fn fill(&mut self, tip: u64, ctx: &mut Context<Self>) {
        let (journal, run, max_bytes) = (self.ports.journal.clone(), self.run.clone(), self.limits.page_bytes);
        let read = async move { journal.read(&run, tip, max_bytes).await };
        ctx.spawn(wrap_future::<_, Self>(read).map(|read, room, ctx| {
            room.following.filling = false;
            match read {
                Ok(segments) => match room.log.fill(segments) {
                    Some(growth) => {
                        if !matches!(growth, Growth::None) {
                            room.following.source.count_repair();
                        }
                        room.grow(growth, ctx);
                    }
                    None => return room.look_again(ctx),
                },
                Err(error) => warn!(run = %room.run, %error, "a hole could not be read"),
            }
            if room.log.hole().is_some() {
                let growth = room.log.leap();
                room.grow(growth, ctx);
            }
            room.serve_reads(ctx);
        }));
    }

    /// Hands out what is new, as far as it follows; else tells where the log ends.
    fn grow(&mut self, growth: Growth, ctx: &mut Context<Self>) {
        match growth {
            Growth::None => return,
            Growth::Follows(segments) => self.hand_out(segments, ctx),
            Growth::Elsewhere => {
                self.tell_tip(ctx);
                // The log may have been cut back below what they wait for.
                for wait in self.waits.drain(..) {
                    let _ = wait.reply.send(());
                }
            }
        }
        self.note_tip();
        self.record_growth(ctx);
    }
}

impl Handler<RemoteUpdate> for Room {
    type Result = ();

    fn handle(&mut self, heard: RemoteUpdate, ctx: &mut Self::Context) {
        let (head, segments) = match heard {
            RemoteUpdate::NotSubscribed => {
                self.following.listening = false;
                return;
            }
            RemoteUpdate::Forgotten => {
                self.following.listening = false;
                return self.remind_bridge(ctx);
            }
            RemoteUpdate::Screen(frame) => return self.broadcasters.show(&ShowScreen(frame)),
            RemoteUpdate::Notice { head, segments } => {
                self.following.source = UpdateSource::Doorbell;
                (head, segments)
            }
            RemoteUpdate::Tip(head) => {
                self.following.listening = self.following.asked;
                self.following.source = UpdateSource::Check;
                (head, Vec::new())
            }
        };
        if head.phase == RunPhase::Gone && !self.is_gone() {
            return self.learn_anew(ctx);
        }
        self.advance(segments, head, ctx);
        self.serve_reads(ctx);
    }
}
