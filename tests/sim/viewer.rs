//! A client, and the check of everything it receives. It is the plainest one there can be: it keeps every `cursor` that
//! it is told, and counts on from there.

use std::collections::HashSet;

use bytes::Bytes;
use runcast::protocol::{After, Cursor, Epoch, Seq};
use serde_json::Value;

use crate::drain::SPREAD_MS;
use crate::node::worker;
use crate::store::Store;
use crate::trace::{say, seen};
use crate::wire::SimWire;

/// A viewer's end of a connection.
pub(crate) struct Link {
    pub(crate) wire: SimWire,
    pub(crate) node: usize,
    /// The last frame of each of the node's workers.
    pub(crate) screens: [u32; 2],
}

/// One who watches, over any number of connections.
pub(crate) struct Viewer {
    id: usize,
    pub(crate) link: Option<Link>,
    /// What it asks for when it has no cursor.
    pub(crate) wants: After,
    /// All that it keeps.
    pub(crate) cursor: Option<Cursor>,
    /// The epoch it was last told: that of the events that come.
    told: Option<Epoch>,
    /// The first event that `connected` promised.
    promised: Option<Seq>,
    /// Everything it ever got under its cursor.
    got: HashSet<(Epoch, Seq)>,
    buffer: Vec<u8>,
    /// The server has closed this connection.
    closed: bool,
    /// It has been told where it stands on this connection.
    greeted: bool,
    /// It has sent a `ping` message that is not answered.
    asks: bool,
    /// It was told to open its next connection.
    pub(crate) must_leave: bool,
    /// It was told that the run is gone.
    pub(crate) sent_away: bool,
}

impl Viewer {
    pub(crate) fn new(id: usize) -> Self {
        Self {
            id,
            link: None,
            wants: After::Start,
            cursor: None,
            told: None,
            promised: None,
            got: HashSet::new(),
            buffer: Vec::new(),
            closed: false,
            greeted: false,
            asks: false,
            must_leave: false,
            sent_away: false,
        }
    }

    /// Forgets everything and watches anew.
    pub(crate) fn start_anew(&mut self, wants: After) {
        *self = Self { wants, ..Self::new(self.id) };
    }

    /// What it asks for: the cursor it keeps, in the words of a URL.
    pub(crate) fn after(&self) -> After {
        self.cursor.map_or(self.wants, |cursor| After::parse(&cursor.to_string()).expect("a cursor reads back"))
    }

    pub(crate) fn connect(&mut self, link: Link) {
        self.link = Some(link);
        self.buffer.clear();
        self.closed = false;
        self.promised = None;
        (self.greeted, self.asks, self.must_leave) = (false, false, false);
    }

    /// Gives its connection up.
    pub(crate) fn hang_up(&mut self) -> Option<SimWire> {
        self.must_leave = false;
        self.link.take().map(|link| link.wire)
    }

    /// Reads up to `bytes` that have arrived; true when there were any, or the connection was found to be over.
    pub(crate) fn receive(&mut self, bytes: usize, store: &Store) -> bool {
        let Some(link) = &self.link else { return false };
        let data = link.wire.receive(bytes);
        if data.is_empty() {
            let over = link.wire.has_ended() && link.wire.in_transit() == 0;
            if over {
                say!("    viewer {} finds its connection ended", self.id);
                self.link = None;
            }
            return over;
        }
        self.buffer.extend_from_slice(&data);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut from = 0;
        while let Some((op, payload, end)) = frame(&buffer, from) {
            self.message(op, &buffer[payload..end], store);
            from = end;
        }
        buffer.drain(..from);
        self.buffer = buffer;
        true
    }

    fn message(&mut self, op: u8, payload: &[u8], store: &Store) {
        assert!(!self.closed, "viewer {} gets something behind the close frame", self.id);
        match op {
            1 => match payload.strip_prefix(b"{\"seq\":") {
                Some(rest) => self.event(rest, store),
                None => self.word(&serde_json::from_slice(payload).expect("a message is JSON"), store),
            },
            2 => self.screen(payload),
            8 => self.closed(payload),
            // An empty pong, masked with zeros.
            9 => self.answer(&[0x8A, 0x80, 0, 0, 0, 0]),
            _ => {}
        }
    }

    /// A frame says how many its node was shown before, and which node that is. Those of a worker of the viewer's own
    /// node come in order, and each once.
    fn screen(&mut self, payload: &[u8]) {
        assert!(self.greeted, "viewer {} is shown a screen before it is greeted", self.id);
        seen("screen shown");
        let text = str::from_utf8(payload).expect("text");
        let (count, node) = text.split_once(' ').expect("two numbers");
        let (count, node): (u32, usize) = (count.parse().expect("a number"), node.parse().expect("a number"));
        let Some(link) = &mut self.link else { return };
        if link.node != node {
            return seen("screen of another node shown");
        }
        let last = &mut link.screens[worker(count)];
        assert!(count > *last, "viewer {} is shown frame {count} behind {last}", self.id);
        *last = count;
    }

    /// Sends a `ping` message.
    pub(crate) fn ask(&mut self) {
        const PING: &[u8] = br#"{"type":"ping"}"#;
        if self.link.is_some() && !self.closed && !self.asks {
            self.asks = true;
            if !self.greeted {
                seen("asked before the greeting");
            }
            self.answer(&[&[0x81, 0x80 | PING.len() as u8, 0, 0, 0, 0], PING].concat());
        }
    }

    fn answer(&self, frame: &[u8]) {
        if let Some(link) = &self.link {
            link.wire.send(frame);
        }
    }

    fn closed(&mut self, payload: &[u8]) {
        let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
        say!("    viewer {} is closed with {code}", self.id);
        self.closed = true;
        self.must_leave = false;
        match code {
            1012 => seen("closed for a restart"),
            1013 => seen("closed to try again"),
            _ => {}
        }
        self.sent_away = code == 4410;
        self.answer(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]);
    }

    /// An event, from behind `{"seq":` on.
    fn event(&mut self, rest: &[u8], store: &Store) {
        let comma = rest.iter().position(|byte| *byte == b',').expect("something follows seq");
        let seq: Seq = std::str::from_utf8(&rest[..comma]).unwrap().parse().expect("seq is a number");
        let body = [b"{", &rest[comma + 1..]].concat();
        let (id, told) = (self.id, self.told);
        let Some(epoch) = told else { panic!("viewer {id} gets event {seq} and was never told an epoch") };
        say!("    viewer {id} gets {epoch}:{seq}");
        if let Some(promised) = self.promised.take() {
            assert_eq!(seq, promised, "viewer {id} was promised another first event");
        }
        let cursor = self.cursor.expect("a cursor comes with `connected`");
        assert_eq!(seq, cursor.seq + 1, "viewer {id} holds {cursor} and gets {seq}: not consecutive");
        self.move_to(Cursor { epoch: Some(epoch), seq: cursor.seq }, store);
        self.cursor = Some(Cursor { epoch: Some(epoch), seq });
        let held = store.event(epoch, seq);
        assert_eq!(Some(&Bytes::from(body)), held, "viewer {id} got an event that is not {epoch}:{seq}");
        assert!(self.got.insert((epoch, seq)), "viewer {id} got {epoch}:{seq} twice");
    }

    /// Takes another cursor at the same seq: allowed only if both incarnations tell the same up to there.
    fn move_to(&mut self, cursor: Cursor, store: &Store) {
        let id = self.id;
        if let Some(Cursor { epoch: Some(mine), seq }) = self.cursor {
            let epoch = cursor.epoch.unwrap_or_else(|| panic!("viewer {id} is to forget its epoch"));
            assert_eq!(cursor.seq, seq, "viewer {id} is moved from {mine}:{seq} to {cursor} without gap or reset");
            assert!(
                seq <= store.shared(mine, epoch),
                "viewer {id} holds {mine}:{seq}, of which a part was lost, and is moved to {cursor} without a reset"
            );
        }
        self.cursor = Some(cursor);
    }

    /// A message of the server's own.
    fn word(&mut self, word: &Value, store: &Store) {
        let id = self.id;
        let epoch = word["epoch"].as_str().and_then(Epoch::parse);
        let cursor = word["cursor"].as_str().map(|text| match After::parse(text) {
            Ok(After::Cursor(cursor)) => cursor,
            other => panic!("viewer {id} is told the cursor {other:?}"),
        });
        let (from, to) = (word["from"].as_u64().unwrap_or(0), word["to"].as_u64().unwrap_or(0));
        say!("    viewer {id} is told {word}");
        match (word["type"].as_str().unwrap_or_default(), cursor) {
            ("connected", Some(cursor)) => {
                seen("connected");
                self.greeted = true;
                self.connected(epoch, from, cursor, store);
            }
            ("epoch", Some(cursor)) => {
                seen("epoch told");
                self.told = epoch;
                self.move_to(cursor, store);
            }
            ("gap", Some(cursor)) => {
                seen("gap");
                let held = self.cursor.expect("a cursor comes with `connected`");
                assert_eq!(from, held.seq + 1, "viewer {id} holds {held}: the gap starts elsewhere");
                assert!(store.is_gone() && to <= store.tip(), "viewer {id}: {from} to {to} are still there");
                self.move_to(Cursor { epoch: self.told, seq: held.seq }, store);
                assert_eq!(cursor, Cursor { epoch: self.told, seq: to }, "viewer {id}: a gap's cursor is behind it");
                self.cursor = Some(cursor);
            }
            ("reset", Some(cursor)) => {
                seen("reset");
                self.reset(epoch, from, cursor, store);
            }
            ("pong", None) => {
                assert!(self.greeted, "viewer {id} is answered before it is greeted");
                assert!(std::mem::take(&mut self.asks), "viewer {id} is answered and has not asked");
                seen("ping answered");
            }
            ("error", None) => {
                assert_eq!(word["code"], "room_failed");
                seen("room in quarantine");
            }
            ("draining", None) => {
                seen("drain announced");
                assert!(!self.must_leave, "viewer {id} is told twice that its node drains");
                assert!(word["reconnectAfterMs"].as_u64().is_some_and(|millis| millis < SPREAD_MS));
                self.must_leave = true;
            }
            (other, _) => panic!("viewer {id} is told {other:?}: {word}"),
        }
    }

    fn connected(&mut self, epoch: Option<Epoch>, from: Seq, cursor: Cursor, store: &Store) {
        let id = self.id;
        self.told = epoch;
        self.promised = Some(from);
        match (self.cursor, self.wants) {
            (None, After::Start) => assert_eq!(cursor.seq, 0, "viewer {id} asked for everything"),
            (None, After::Cursor(wanted)) => {
                assert_eq!(cursor.seq, wanted.seq, "viewer {id} is moved without gap or reset");
            }
            _ => {}
        }
        if self.cursor.is_some() && epoch.is_some() {
            seen("resumed");
        }
        match (self.cursor, cursor.epoch) {
            // An unborn run has no epoch to tell; whoever holds one is about to be reset.
            (Some(held), None) if held.epoch.is_some() => assert_eq!(held.seq, cursor.seq),
            _ => self.move_to(cursor, store),
        }
    }

    fn reset(&mut self, epoch: Option<Epoch>, from: Seq, cursor: Cursor, store: &Store) {
        let id = self.id;
        let held = self.cursor.expect("a cursor comes with `connected`");
        assert_eq!(cursor.seq + 1, from, "viewer {id}: a reset's cursor is what is left");
        assert!(from <= held.seq, "viewer {id} holds {held} and is reset from {from}: nothing to drop");
        if let (Some(mine), Some(epoch)) = (held.epoch, epoch)
            && !self.got.is_empty()
        {
            let shared = store.shared(mine, epoch);
            assert_eq!(from, shared.saturating_add(1), "viewer {id} holds {held}; {epoch} shares it up to {shared}");
        }
        self.told = epoch;
        self.promised = None;
        self.cursor = Some(cursor);
    }

    /// At rest it has everything, and nothing that is not so.
    pub(crate) fn check_at_rest(&self, store: &Store) {
        let id = self.id;
        let Some(cursor) = self.cursor else { panic!("viewer {id} was never connected") };
        assert_eq!(
            cursor.seq,
            store.tip(),
            "viewer {id} rests at {cursor} and the log at {:?}:{}",
            store.epoch(),
            store.tip()
        );
        if let (Some(mine), Some(epoch)) = (cursor.epoch, store.epoch()) {
            assert!(cursor.seq <= store.shared(mine, epoch), "viewer {id} rests at {cursor}; a part of that was lost");
        }
    }
}

/// The frame at `from` of what a server sent: its opcode, where its payload starts, where it ends.
fn frame(bytes: &[u8], from: usize) -> Option<(u8, usize, usize)> {
    let head = bytes.get(from..from + 2)?;
    assert_eq!(head[0] & 0xF0, 0x80, "a server's frames are whole and have no reserved bits");
    let (length, size) = match head[1] {
        126 => (usize::from(u16::from_be_bytes(bytes.get(from + 2..from + 4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(from + 2..from + 10)?.try_into().ok()?) as usize, 10),
        short => {
            assert!(short < 126, "a server's frames are not masked");
            (usize::from(short), 2)
        }
    };
    let end = from + size + length;
    (end <= bytes.len()).then_some((head[0] & 0x0F, from + size, end))
}
