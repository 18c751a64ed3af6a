//! How a bridge shows rooms the screens of other nodes: those that come, and those that are kept.

use std::collections::hash_map::Entry;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;
use tracing::{debug, warn};

use super::looking::WantedStreams;
use super::{Bridge, RETRY};
use crate::actors::messages::broadcaster::ShowScreen;
use crate::actors::messages::room::RemoteUpdate;
use crate::protocol::RunId;
use crate::storage::redis::RedisError;
use crate::storage::screens::{StoredScreen, StoredScreenError};

impl Bridge {
    /// Shows a run's room a screen, unless it is this node's own; a kept one may be what the node has forgotten itself.
    pub(super) fn show(&mut self, run: &RunId, payload: &Bytes, kept: bool) {
        let StoredScreen { node, stream, at, frame } = match StoredScreen::parse(payload) {
            Ok(screen) => screen,
            Err(StoredScreenError::NewerFormat(newer)) => {
                if !std::mem::replace(&mut self.newer_logged, true) {
                    warn!(%newer, "screens are not understood: they are not shown here");
                }
                return;
            }
            Err(error) => return debug!(%run, %error, "a screen was not understood"),
        };
        if node == self.ports.node && !kept {
            return;
        }
        let Some(topic) = self.topics.get(&self.ports.journal.notice_channel(run)) else { return };
        // A frame that does not fit into the budget or the mailbox is dropped; a newer one follows. The room counts it.
        if self.ports.shown.has(frame.len()) {
            let _ = topic.port.try_send(RemoteUpdate::Screen(ShowScreen { stream, at, frame }));
        }
    }

    /// Looks whether somebody on this node has begun to look at something.
    pub(super) fn look_on(&mut self, ctx: &mut Context<Self>) {
        if self.ports.interest.version() == self.looked {
            return;
        }
        for run in self.ports.interest.gone(self.looked_at.runs()) {
            self.looked_at.forget(&run);
        }
        let (looked, changed) = self.ports.interest.since(self.looked);
        self.looked = looked;
        for (run, _) in changed {
            self.look(&run, ctx);
        }
    }

    /// Reads what is kept of the streams of a run that somebody on this node has begun to look at, if the room follows
    /// its run. Until it does, nobody can be shown anything.
    pub(super) fn look(&mut self, run: &RunId, ctx: &mut Context<Self>) {
        let is_followed = self.topics.get(&self.ports.journal.notice_channel(run)).is_some();
        if is_followed && let Some(wanted) = self.looked_at.looks(run, self.ports.interest.of(run)) {
            self.want_read(run.clone(), wanted);
            self.read_on(ctx);
        }
    }

    fn want_read(&mut self, run: RunId, wanted: WantedStreams) {
        match self.to_read.entry(run) {
            Entry::Vacant(entry) => _ = entry.insert(wanted),
            Entry::Occupied(mut entry) => entry.get_mut().add(wanted),
        }
    }

    /// Reads the kept screens of the next run. One at a time, so that many who join at once don't occupy Redis.
    fn read_on(&mut self, ctx: &mut Context<Self>) {
        if self.reading_screens {
            return;
        }
        let Some(run) = self.to_read.keys().next().cloned() else { return };
        let Some(wanted) = self.to_read.remove(&run) else { return };
        self.reading_screens = true;
        let (store, bridge) = (self.ports.screens.clone(), ctx.address());
        let (name, names) = (run.clone(), wanted.clone());
        let read = async move {
            let mut streams = store.kept(&name).await?;
            streams.retain(|stream| names.has(stream));
            // What finds no room in the mailbox is overtaken by what comes.
            store.read(&name, &streams, |payload| drop(bridge.try_send(KeptScreen(name.clone(), payload)))).await
        };
        ctx.spawn(wrap_future::<_, Self>(read).map(move |outcome: Result<(), RedisError>, bridge, ctx| {
            let pause = match outcome {
                Ok(()) => Duration::ZERO,
                Err(error) => {
                    debug!(%run, %error, "the kept screens can't be read");
                    if bridge.topics.get(&bridge.ports.journal.notice_channel(&run)).is_some() {
                        bridge.want_read(run, wanted);
                    }
                    RETRY
                }
            };
            ctx.run_later(pause, |bridge, ctx| {
                bridge.reading_screens = false;
                bridge.read_on(ctx);
            });
        }));
    }
}

/// A screen that is kept.
#[derive(Message)]
#[rtype(result = "()")]
struct KeptScreen(RunId, Bytes);

impl Handler<KeptScreen> for Bridge {
    type Result = ();

    fn handle(&mut self, KeptScreen(run, payload): KeptScreen, _: &mut Self::Context) {
        self.show(&run, &payload, true);
    }
}
