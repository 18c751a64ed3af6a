//! A room as the server runs it (`actors::room`), around the real [`RoomLog`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use runcast::actors::messages::gallery::TipIs;
use runcast::actors::messages::room::{Publish, PublishError, Published, Read, ReadError, RoomPort};
use runcast::actors::room::log::{Answer, Growth, RoomLog};
use runcast::protocol::close::CloseReason;
use runcast::protocol::cursor::{Judgement, Place};
use runcast::protocol::{Cursor, ProducerId, RunId, Segment, Seq};
use runcast::storage::journal::{Append, Head, JournalError, OnGap, Post, Refusal, Stored};

use crate::gallery::Mail;
use crate::site::{Ask, Bell, Sent, Site, Told, port};
use crate::trace::{say, seen};

/// Posts that go as one append.
const MAX_POSTS: usize = 4;
/// Posts that may wait.
const MAX_QUEUE: usize = 6;

/// A message to a room.
pub(crate) enum Letter {
    Publish(Publish),
    Read(Read),
    Enrol(u64),
    Dismiss(u64),
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish(request) => write!(f, "a post of {} events", request.lines.len()),
            Self::Read(read) => write!(f, "a read from {:?}", read.from),
            Self::Enrol(gallery) => write!(f, "the enrolment of gallery {gallery}"),
            Self::Dismiss(gallery) => write!(f, "the end of gallery {gallery}"),
        }
    }
}

/// The room actor's fields.
pub(crate) struct Room {
    run: RunId,
    generation: u64,
    pub(crate) port: Arc<RoomPort>,
    pub(crate) log: RoomLog,
    pub(crate) inbox: VecDeque<Letter>,
    queue: VecDeque<Publish>,
    in_flight: bool,
    own: ProducerId,
    own_next: u64,
    reads: Vec<Read>,
    reading: bool,
    looking: bool,
    /// Galleries, and whether their mailbox was full.
    galleries: Vec<(u64, bool)>,
    pub(crate) nudge_due: bool,
    checking: bool,
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
            reads: Vec::new(),
            reading: false,
            looking: false,
            galleries: Vec::new(),
            nudge_due: false,
            checking: false,
            retired: false,
        }
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.galleries.is_empty() && self.queue.is_empty() && !self.in_flight && self.reads.is_empty() && !self.retired
    }

    pub(crate) fn evict_galleries(&self, site: &mut Site) {
        for (gallery, _) in &self.galleries {
            site.mail(*gallery, Mail::Evict(CloseReason::TryAgain), false);
        }
    }

    pub(crate) fn show(&self, frame: &bytes::Bytes, site: &mut Site) {
        for (gallery, _) in &self.galleries {
            site.mail(*gallery, Mail::Show(frame.clone()), true);
        }
    }

    fn tip_is(&self) -> Mail {
        Mail::TipIs(TipIs { epoch: self.log.epoch(), tip: self.log.tip() })
    }

    fn tell_galleries_the_tip(&self, site: &mut Site) {
        for (gallery, _) in &self.galleries {
            site.mail(*gallery, self.tip_is(), false);
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
            Letter::Read(read) => {
                self.reads.push(read);
                self.serve_reads(site);
            }
            Letter::Enrol(gallery) if self.retired => {
                site.mail(gallery, Mail::Evict(CloseReason::TryAgain), false);
            }
            Letter::Enrol(gallery) => {
                if self.log.head().is_some() {
                    site.mail(gallery, self.tip_is(), false);
                }
                self.galleries.push((gallery, false));
            }
            Letter::Dismiss(gallery) => self.galleries.retain(|(id, _)| *id != gallery),
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
        let deadline = site.now.plus_millis(site.setup.append_millis);
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
        let Publish { lines, status, privileged, seals, .. } = request;
        Post { producer, n, on_gap, lines: lines.clone(), status: *status, privileged: *privileged, seals: *seals }
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
        if unknown && site.now < append.deadline {
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

    fn look_again(&mut self, site: &mut Site) {
        if !std::mem::replace(&mut self.looking, true) {
            seen("looked again");
            site.writes.push_back((self.generation, Ask::LookAgain));
        }
    }

    fn answer(&mut self, stored: Stored, requests: Vec<Publish>, site: &mut Site) {
        let Stored { outcomes, segments, head } = stored;
        if let (Some(first), Some(last)) = (segments.first(), segments.last()) {
            let (epoch, first, last) = (first.epoch(), first.first(), last.last());
            site.bells.push(Bell { epoch, first, last, segments: Some(segments.clone()) });
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

    // Growing.

    fn advance(&mut self, segments: Vec<Arc<Segment>>, head: Head, site: &mut Site) {
        match self.log.advance(segments, head) {
            Growth::None => {}
            Growth::Follows(segments) => self.deliver(segments, site),
            Growth::Elsewhere => {
                seen("log grew elsewhere");
                self.tell_galleries_the_tip(site);
            }
        }
    }

    fn deliver(&mut self, segments: Vec<Arc<Segment>>, site: &mut Site) {
        let segments: Arc<[Arc<Segment>]> = segments.into();
        let mut nudge = false;
        self.galleries.retain_mut(|(gallery, behind)| {
            let sent = site.mail(*gallery, Mail::Deliver(segments.clone()), true);
            nudge |= sent == Sent::Full && !*behind;
            *behind |= sent == Sent::Full;
            sent != Sent::Closed
        });
        self.nudge_due |= nudge;
    }

    /// Tells the tip to galleries whose mailbox was full, until they have taken it.
    pub(crate) fn nudge(&mut self, site: &mut Site) {
        let tip = self.tip_is();
        for (gallery, behind) in self.galleries.iter_mut().filter(|(_, behind)| *behind) {
            *behind = site.mail(*gallery, tip.clone(), true) != Sent::Taken;
        }
        self.nudge_due = self.galleries.iter().any(|(id, behind)| *behind && site.galleries.contains_key(id));
    }

    // Reading.

    fn serve_reads(&mut self, site: &mut Site) {
        if self.reading {
            return;
        }
        for read in std::mem::take(&mut self.reads) {
            if self.reading {
                self.reads.push(read);
            } else {
                self.serve_read(read, false, site);
            }
        }
    }

    fn serve_read(&mut self, read: Read, vouched: bool, site: &mut Site) {
        if read.reply.is_closed() {
            return;
        }
        match self.log.read(read.from, read.max_bytes, vouched) {
            Answer::Page(page) => drop(read.reply.send(Ok(page))),
            Answer::Unknown => self.reads.push(read),
            Answer::Beyond => {
                seen("claim beyond the tip");
                site.writes.push_back((self.generation, Ask::Consult(read)));
            }
            Answer::Missing(next) => {
                self.reads.push(read);
                if !self.reading {
                    self.fetch(next, site);
                }
            }
        }
    }

    fn fetch(&mut self, next: Seq, site: &mut Site) {
        self.reading = true;
        site.reads.push((self.generation, Ask::Fetch(next)));
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
                self.reads.drain(..).for_each(|read| unavailable(read, &error));
                site.writes.push_back((self.generation, Ask::Load));
            }
            Told::Appended(outcome, append, requests, doubt) => self.appended(outcome, append, requests, doubt, site),
            Told::Looked(Ok(head)) => {
                self.looking = false;
                self.advance(Vec::new(), head, site);
                self.serve_reads(site);
            }
            Told::Looked(Err(_)) => site.writes.push_back((self.generation, Ask::LookAgain)),
            Told::Consulted(Ok(head), read) => {
                self.advance(Vec::new(), head, site);
                self.serve_read(read, true, site);
            }
            Told::Consulted(Err(error), read) => unavailable(read, &error),
            Told::Fetched(fetched) => {
                self.reading = false;
                match fetched {
                    Ok(segments) if segments.is_empty() => return self.consult_anew(site),
                    Ok(segments) => {
                        if !self.log.keep_page(segments) {
                            seen("page of another life");
                            return self.look_again(site);
                        }
                    }
                    Err(error) => self.reads.drain(..).for_each(|read| unavailable(read, &error)),
                }
                self.serve_reads(site);
            }
            Told::Tip(head) => {
                self.checking = false;
                if let Ok(head) = head {
                    self.advance(Vec::new(), head, site);
                }
            }
        }
    }

    fn consult_anew(&mut self, site: &mut Site) {
        seen("head learned anew");
        let error = JournalError::Unavailable("the run's events are expiring".into());
        self.reads.drain(..).for_each(|read| unavailable(read, &error));
        self.log.forget();
        site.writes.push_back((self.generation, Ask::Load));
    }

    // What other nodes tell: the part of the server that is yet to be built, as small as it can be.

    pub(crate) fn hear_bell(&mut self, bell: Bell, site: &mut Site) {
        let Some(head) = self.log.head() else { return };
        let place = Place { epoch: head.lineage.epoch(), next: head.tip + 1 };
        match (place.judge(bell.epoch, bell.first, bell.last), bell.segments) {
            (Judgement::Skip, _) => seen("doorbell skipped"),
            (Judgement::Take, Some(segments)) => {
                seen("doorbell taken");
                let mut head = Head { tip: bell.last, ..head.clone() };
                head.lineage.open(bell.epoch, bell.first);
                self.advance(segments, head, site);
            }
            _ => {
                seen("doorbell for a hole");
                self.check_tip(site);
            }
        }
    }

    /// Asks the journal for the tip, as rooms with viewers do from time to time.
    pub(crate) fn check_tip(&mut self, site: &mut Site) {
        if self.log.head().is_some() && !std::mem::replace(&mut self.checking, true) {
            say!("    room {} asks the journal for the tip", self.generation);
            site.reads.push((self.generation, Ask::CheckTip));
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

fn unavailable(read: Read, error: &JournalError) {
    let _ = read.reply.send(Err(ReadError::Unavailable(error.to_string())));
}
