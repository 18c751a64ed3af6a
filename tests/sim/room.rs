//! A room as the server runs it (`actors::room`), around the real [`RoomLog`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use runcast::actors::messages::broadcaster::TipIs;
use runcast::actors::messages::room::{Publish, PublishError, Published, Read, ReadError, RoomPort};
use runcast::actors::room::log::RoomLog;
use runcast::protocol::close::CloseReason;
use runcast::protocol::{Cursor, ProducerId, RunId, Segment};
use runcast::storage::journal::{Append, JournalError, OnGap, Post, Refusal, Stored};

use crate::broadcaster::Mail;
use crate::following::Following;
use crate::reading::Reading;
use crate::site::{Ask, Notice, Sent, Site, Told, port};
use crate::store::instant;
use crate::trace::{say, seen};

/// Posts that go as one append.
const MAX_POSTS: usize = 4;
/// Posts that may wait.
const MAX_QUEUE: usize = 6;

/// A message to a room.
pub(crate) enum Letter {
    Publish(Publish),
    Read(Read),
    Subscribe(u64),
    Unsubscribe(u64),
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(request) => write!(f, "a post of {} events", request.lines.len()),
            Self::Read(read) => write!(f, "a read from {:?}", read.from),
            Self::Subscribe(broadcaster) => write!(f, "the subscriptions of broadcaster {broadcaster}"),
            Self::Unsubscribe(broadcaster) => write!(f, "the end of broadcaster {broadcaster}"),
        }
    }
}

/// The room actor's fields.
pub(crate) struct Room {
    run: RunId,
    pub(crate) generation: u64,
    pub(crate) port: Arc<RoomPort>,
    pub(crate) log: RoomLog,
    pub(crate) inbox: VecDeque<Letter>,
    queue: VecDeque<Publish>,
    in_flight: bool,
    own: ProducerId,
    own_next: u64,
    pub(crate) reading: Reading,
    pub(crate) following: Following,
    looking: bool,
    /// Broadcasters, and whether their mailbox was full.
    pub(crate) broadcasters: Vec<(u64, bool)>,
    pub(crate) nudge_due: bool,
    pub(crate) retired: bool,
}

impl Room {
    pub(crate) fn new(run: &RunId, generation: u64, node: usize, site: &mut Site) -> Self {
        site.writes.push_back((generation, Ask::Load));
        Self {
            run: run.clone(),
            generation,
            port: port(run, generation),
            log: RoomLog::new(site.setup.ring_bytes),
            inbox: VecDeque::new(),
            queue: VecDeque::new(),
            in_flight: false,
            own: ProducerId::own(&format!("{node}-{generation}")),
            own_next: 1,
            reading: Reading::default(),
            following: Following::default(),
            looking: false,
            broadcasters: Vec::new(),
            nudge_due: false,
            retired: false,
        }
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.broadcasters.is_empty()
            && self.queue.is_empty()
            && !self.in_flight
            && self.reading.is_idle()
            && !self.retired
    }

    pub(crate) fn evict_broadcasters(&self, site: &mut Site) {
        for (broadcaster, _) in &self.broadcasters {
            site.mail(*broadcaster, Mail::Evict(CloseReason::TryAgain), false);
        }
    }

    pub(crate) fn show(&self, frame: &bytes::Bytes, site: &mut Site) {
        for (broadcaster, _) in &self.broadcasters {
            site.mail(*broadcaster, Mail::Show(frame.clone()), true);
        }
    }

    fn tip_is(&self) -> Mail {
        let (epoch, tip) = self.log.age();
        Mail::TipIs(TipIs { epoch, tip })
    }

    pub(crate) fn tell_galleries_the_tip(&self, site: &mut Site) {
        for (broadcaster, _) in &self.broadcasters {
            site.mail(*broadcaster, self.tip_is(), false);
        }
    }

    // What the mailbox brings.

    pub(crate) fn take(&mut self, letter: Letter, site: &mut Site) {
        say!("    room {} takes {letter}", self.generation);
        match letter {
            Letter::Publish(request) if self.retired => drop(request.reply.send(Err(PublishError::Retired))),
            Letter::Publish(request) if self.queue.len() >= MAX_QUEUE => refuse(request, &JournalError::Saturated),
            Letter::Publish(request) => {
                self.queue.push_back(request);
                self.launch_append(site);
            }
            Letter::Read(read) if self.retired => drop(read.reply.send(Err(ReadError::Retired))),
            Letter::Read(read) => self.take_read(read, site),
            Letter::Subscribe(broadcaster) if self.retired => {
                site.mail(broadcaster, Mail::Evict(CloseReason::TryAgain), false);
            }
            Letter::Subscribe(broadcaster) => {
                self.broadcasters.push((broadcaster, false));
                self.update_following(site);
                if self.log.head().is_some() {
                    self.tell_galleries_the_tip(site);
                }
            }
            Letter::Unsubscribe(broadcaster) => {
                self.broadcasters.retain(|(id, _)| *id != broadcaster);
                self.update_following(site);
            }
        }
    }

    // Appending.

    fn launch_append(&mut self, site: &mut Site) {
        if self.log.head().is_none() || self.in_flight || self.queue.is_empty() {
            return;
        }
        let count = self.queue.len().min(MAX_POSTS);
        let requests: Vec<Publish> = self.queue.drain(..count).collect();
        let posts = requests.iter().map(|request| self.number(request)).collect();
        let deadline = instant(site.now.plus_millis(site.setup.append_millis));
        let append = Append { run: self.run.clone(), posts, precondition: None, deadline };
        self.in_flight = true;
        site.writes.push_back((self.generation, Ask::Append(append, requests, false)));
    }

    fn number(&mut self, request: &Publish) -> Post {
        let (producer, n, on_gap) = match &request.numbered {
            Some(numbered) => (numbered.producer.clone(), numbered.n, numbered.on_gap),
            None => {
                self.own_next += request.lines.len() as u64;
                (self.own.clone(), self.own_next - request.lines.len() as u64, OnGap::Allow)
            }
        };
        let (own, seals) = (request.is_privileged(), request.seals());
        Post { producer, n, on_gap, lines: request.lines.clone(), status: request.status, own, seals }
    }

    /// `append_until`, and what follows it. `doubt`: an earlier attempt may have stored it.
    fn appended(
        &mut self,
        outcome: Result<Stored, JournalError>,
        append: Append,
        requests: Vec<Publish>,
        doubt: bool,
        site: &mut Site,
    ) {
        let unknown = match &outcome {
            Ok(stored) => doubt && stored.outcomes.contains(&Err(Refusal::DeadlinePassed)),
            Err(error) => doubt || matches!(error, JournalError::OutcomeUnknown(_)),
        };
        if unknown && instant(site.now) < append.deadline {
            seen("append repeated");
            site.writes.push_back((self.generation, Ask::Append(append, requests, true)));
            return;
        }
        self.in_flight = false;
        match outcome {
            _ if unknown => {
                let error = JournalError::OutcomeUnknown("in doubt".into());
                requests.into_iter().for_each(|request| refuse(request, &error));
                self.look_again(site);
            }
            Ok(stored) => self.answer(stored, requests, site),
            Err(error) => requests.into_iter().for_each(|request| refuse(request, &error)),
        }
        self.launch_append(site);
    }

    pub(crate) fn look_again(&mut self, site: &mut Site) {
        if !std::mem::replace(&mut self.looking, true) {
            seen("looked again");
            site.writes.push_back((self.generation, Ask::LookAgain));
        }
    }

    fn answer(&mut self, stored: Stored, requests: Vec<Publish>, site: &mut Site) {
        let Stored { outcomes, segments, head } = stored;
        if !segments.is_empty() {
            site.notices.push(Notice { head: head.clone(), segments: segments.clone() });
        }
        self.advance(segments, head, site);
        for (request, outcome) in requests.into_iter().zip(outcomes) {
            let answer = outcome.map_err(PublishError::Refused).map(|appended| {
                let seq = appended.seqs.map_or(self.log.tip(), |(_, last)| last);
                Published { cursor: Cursor { epoch: Some(appended.epoch), seq }, appended }
            });
            let _ = request.reply.send(answer);
        }
    }

    // Handing out.

    pub(crate) fn deliver(&mut self, segments: Vec<Arc<Segment>>, site: &mut Site) {
        let segments: Arc<[Arc<Segment>]> = segments.into();
        let mut nudge = false;
        self.broadcasters.retain_mut(|(broadcaster, behind)| {
            let sent = site.mail(*broadcaster, Mail::Deliver(segments.clone()), true);
            nudge |= sent == Sent::Full && !*behind;
            *behind |= sent == Sent::Full;
            sent != Sent::Closed
        });
        self.nudge_due |= nudge;
    }

    /// Tells the tip to broadcasters whose mailbox was full, until they have taken it.
    pub(crate) fn nudge(&mut self, site: &mut Site) {
        let tip = self.tip_is();
        for (broadcaster, behind) in self.broadcasters.iter_mut().filter(|(_, behind)| *behind) {
            *behind = site.mail(*broadcaster, tip.clone(), true) != Sent::Taken;
        }
        self.nudge_due = self.broadcasters.iter().any(|(id, behind)| *behind && site.broadcasters.contains_key(id));
    }

    // What the journal answers.

    pub(crate) fn hear(&mut self, told: Told, site: &mut Site) {
        say!("    room {} is answered: {told}", self.generation);
        match told {
            Told::Loaded(Ok(head)) => {
                self.log.learn(head);
                self.tell_galleries_the_tip(site);
                self.launch_append(site);
                self.serve_reads(site);
            }
            Told::Loaded(Err(error)) => {
                self.queue.drain(..).for_each(|request| refuse(request, &error));
                self.reading.fail_waiting(&error);
                site.writes.push_back((self.generation, Ask::Load));
            }
            Told::Appended(outcome, append, requests, doubt) => self.appended(outcome, append, requests, doubt, site),
            Told::Looked(Ok(head)) => {
                self.looking = false;
                self.jump(head, site);
                self.serve_reads(site);
            }
            Told::Looked(Err(_)) => site.writes.push_back((self.generation, Ask::LookAgain)),
            Told::Consulted(head, reads) => self.consulted(head, reads, site),
            Told::Fetched(fetched) => self.fetched(fetched, site),
            Told::Filled(read) => self.filled(read, site),
            Told::Tip(Ok(head), asked) => self.hear_tip(head, asked, site),
            // It asks again.
            Told::Tip(Err(_), _) => site.ask_tip(),
        }
    }
}

fn refuse(request: Publish, error: &JournalError) {
    let answer = match error {
        JournalError::Unavailable(why) => PublishError::Unavailable(why.clone()),
        JournalError::OutcomeUnknown(why) => PublishError::OutcomeUnknown(why.clone()),
        JournalError::Saturated => PublishError::Saturated,
    };
    let _ = request.reply.send(Err(answer));
}
