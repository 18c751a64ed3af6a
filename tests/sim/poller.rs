//! A reader by pages, with long polls, as `GET /events?wait=` reads (`http::api::events`): each page is asked for as
//! stored, and one that is empty is followed by a wait. Everything that it is answered is checked.

use bytes::Bytes;
use runcast::actors::messages::room::{
    Fold, Folded, Freshness, Page, Read, ReadError, ReadFrom, Verdict, WaitForEvents,
};
use runcast::actors::room::core::RoomInput;
use runcast::protocol::cursor::Place;
use runcast::protocol::{After, Cursor, Epoch, StatePart};
use runcast::storage::journal::RunPhase;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::chance::Dice;
use crate::registry::NodeRooms;
use crate::store::{Acknowledged, Store};
use crate::surroundings::Sent;
use crate::trace::{say, seen};

/// What a poller waits for.
enum Awaited {
    Nothing,
    /// With what was acknowledged before it was asked for.
    Page(oneshot::Receiver<Result<Page, ReadError>>, Acknowledged),
    State(oneshot::Receiver<Result<Folded, ReadError>>, Acknowledged),
    /// News behind this cursor.
    News(oneshot::Receiver<()>, Cursor),
}

/// See the module.
pub(crate) struct Poller {
    id: usize,
    /// Where it stands, once it has been told.
    place: Option<Place>,
    awaited: Awaited,
    /// Its last page was empty: it waits next. With the node and the generation of the room that answered.
    at_tip: Option<(usize, u64)>,
    asked: (usize, u64),
}

impl Poller {
    pub(crate) fn new(id: usize) -> Self {
        Self { id, place: None, awaited: Awaited::Nothing, at_tip: None, asked: (0, 0) }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.awaited, Awaited::Nothing)
    }

    pub(crate) fn waits_for_news(&self) -> bool {
        matches!(self.awaited, Awaited::News(..))
    }

    /// The node whose room it waits in next, if it waits next.
    pub(crate) fn wants_news_of(&self) -> Option<usize> {
        self.at_tip.map(|(node, _)| node)
    }

    /// Reads on, or waits if there was nothing.
    pub(crate) fn ask(&mut self, node_rooms: &mut NodeRooms, store: &Store, dice: &mut Dice) {
        match self.at_tip.take() {
            Some((node, generation)) if node == node_rooms.node => self.wait(generation, node_rooms),
            _ if dice.one_in(6) => self.ask_state(node_rooms, store),
            _ => self.read(node_rooms, store, dice),
        }
    }

    fn read(&mut self, node_rooms: &mut NodeRooms, store: &Store, dice: &mut Dice) {
        let generation = node_rooms.find_room().generation;
        let from = self.place.map_or(ReadFrom::After(After::Start), ReadFrom::Place);
        let (reply, page) = oneshot::channel();
        let read = Read { from, max_bytes: dice.between(50, 2_000), freshness: Freshness::AsStored, reply };
        if node_rooms.post(generation, RoomInput::Read(read)) == Sent::Taken {
            say!("    poller {} reads from {from:?} in room {generation} of node {}", self.id, node_rooms.node);
            self.awaited = Awaited::Page(page, store.acknowledged());
            self.asked = (node_rooms.node, generation);
        }
    }

    fn ask_state(&mut self, node_rooms: &mut NodeRooms, store: &Store) {
        let generation = node_rooms.find_room().generation;
        let (reply, folded) = oneshot::channel();
        if node_rooms.post(generation, RoomInput::Fold(Fold { part: StatePart::Overview, reply })) == Sent::Taken {
            self.awaited = Awaited::State(folded, store.acknowledged());
        }
    }

    fn wait(&mut self, generation: u64, node_rooms: &mut NodeRooms) {
        let Some(place) = self.place else { return };
        let (after, (reply, news)) = (place.cursor(), oneshot::channel());
        if node_rooms.post(generation, RoomInput::Wait(WaitForEvents { after, reply })) == Sent::Taken {
            say!("    poller {} waits for what follows {after}", self.id);
            self.awaited = Awaited::News(news, after);
        }
    }

    /// Its patience is over.
    pub(crate) fn give_up(&mut self) {
        if self.waits_for_news() {
            self.awaited = Awaited::Nothing;
        }
    }

    /// Takes what it waits for, if that has come.
    pub(crate) fn take_answer(&mut self, store: &Store) -> bool {
        match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::Nothing => return false,
            Awaited::Page(mut page, before) => match page.try_recv() {
                Err(TryRecvError::Empty) => self.awaited = Awaited::Page(page, before),
                Ok(Ok(page)) => self.take_page(&page, before, store),
                Ok(Err(_)) | Err(TryRecvError::Closed) => {}
            },
            Awaited::State(mut folded, before) => match folded.try_recv() {
                Err(TryRecvError::Empty) => self.awaited = Awaited::State(folded, before),
                Ok(Ok(folded)) => self.take_state(&folded, before, store),
                Ok(Err(_)) | Err(TryRecvError::Closed) => {}
            },
            Awaited::News(mut news, after) => match news.try_recv() {
                Err(TryRecvError::Empty) => self.awaited = Awaited::News(news, after),
                Ok(()) => seen("long poll told"),
                Err(TryRecvError::Closed) => seen("long poll dropped"),
            },
        }
        self.is_idle()
    }

    fn take_page(&mut self, page: &Page, before: Acknowledged, store: &Store) {
        let id = self.id;
        say!("    poller {id} gets {:?} from {:?}, tip {}", page.verdict, page.place, page.tip);
        seen("page read");
        before.check(page.epoch, page.tip, store, "a page");
        let held = self.place.unwrap_or(Place { epoch: None, next: 1 });
        let next = page.place.next;
        match page.verdict {
            Verdict::Continue => {
                assert_eq!(next, held.next, "poller {id} is moved without gap or reset");
                check_move(id, held, page.epoch, store);
            }
            Verdict::Gap { from, to } => {
                assert_eq!(
                    (from, to + 1),
                    (held.next, next),
                    "poller {id}: a gap leads from where it stands to where it goes"
                );
                check_move(id, held, page.epoch, store);
            }
            Verdict::Reset { from } => {
                assert!(from == next && from < held.next, "poller {id} at {held:?} is reset from {from}");
                if let (Some(mine), Some(epoch)) = (held.epoch, page.epoch) {
                    let shared = store.shared(mine, epoch);
                    assert_eq!(from, shared.saturating_add(1), "poller {id} at {held:?} is reset elsewhere");
                }
            }
        }
        self.place = Some(Place { epoch: page.epoch, next });
        self.take_events(page, store);
        let is_end = page.segments.is_empty() && page.verdict == Verdict::Continue;
        self.at_tip = is_end.then_some(self.asked);
    }

    fn take_events(&mut self, page: &Page, store: &Store) {
        let Some(place) = &mut self.place else { return };
        for segment in &page.segments {
            for (seq, line) in
                (segment.first()..).zip(segment.lines().iter()).filter(|(seq, _)| *seq >= page.place.next)
            {
                let epoch = page.epoch.expect("an event has an epoch");
                assert_eq!(seq, place.next, "poller {} gets a page that is not consecutive", self.id);
                let held = store.event(epoch, seq);
                assert_eq!(held, Some(&Bytes::copy_from_slice(line)), "poller {} got another {epoch}:{seq}", self.id);
                place.next = seq + 1;
            }
        }
    }

    fn take_state(&mut self, folded: &Folded, before: Acknowledged, store: &Store) {
        seen("state folded");
        if folded.phase == RunPhase::Gone {
            return; // nothing of it is left
        }
        before.check(folded.cursor.epoch, folded.cursor.seq, store, "a state");
    }

    /// At rest it waits behind the last event.
    pub(crate) fn check_at_rest(&self, store: &Store) {
        let id = self.id;
        assert!(self.waits_for_news(), "poller {id} does not wait at rest");
        let place = self.place.expect("who waits has a place");
        assert_eq!(place.next, store.tip() + 1, "poller {id} waits at {place:?} and the log ends at {}", store.tip());
        check_move(id, place, store.epoch(), store);
    }
}

/// Another epoch at the same place is allowed only if both incarnations tell the same up to there.
fn check_move(id: usize, held: Place, epoch: Option<Epoch>, store: &Store) {
    if let (Some(mine), Some(epoch)) = (held.epoch, epoch) {
        let shared = store.shared(mine, epoch);
        assert!(held.next - 1 <= shared, "poller {id} holds {held:?}, of which a part was lost, and hears of {epoch}");
    }
}
