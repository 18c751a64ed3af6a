//! The simulated world: a store, nodes, producers, viewers, and doorbells between the nodes; what a step does to it.

use runcast::actors::messages::room::{Reclaim, RemoteUpdate, ShowScreen};
use runcast::actors::room::core::{PageFor, RoomInput};
use runcast::protocol::{After, Cursor, RunId};
use runcast::storage::journal::{JournalError, Stored};

use crate::chance::Dice;
use crate::drain::Drain;
use crate::node::Node;
use crate::poller::Poller;
use crate::producer::Producer;
use crate::registry::NodeRooms;
use crate::schedule::{Act, Kind, Setup, Step};
use crate::session::Session;
use crate::steering::Steering;
use crate::store::{Store, instant};
use crate::surroundings::{Answer, Ask, Notice, Surroundings};
use crate::trace::{say, seen};
use crate::viewer::{Link, Viewer};
use crate::wire::SimWire;

/// See the module.
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) store: Store,
    pub(crate) nodes: Vec<Node>,
    pub(crate) producers: Vec<Producer>,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) pollers: Vec<Poller>,
    /// Doorbells under way, each with the node that it goes to.
    pub(crate) notices: Vec<(usize, Notice)>,
    /// Screens under way to other nodes.
    pub(crate) mirrors: Vec<(usize, ShowScreen)>,
    pub(crate) steering: Steering,
    next_session: u64,
    pub(crate) secs: u32,
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let run = RunId::parse("r").expect("a good id");
        let node = |node| Node::new(NodeRooms::new(node, run.clone(), Surroundings::new(setup)));
        Self {
            setup,
            store: Store::new(setup.kind == Kind::Cluster),
            nodes: (0..setup.nodes).map(node).collect(),
            // Some do not number their events.
            producers: (0..setup.producers).map(|name| Producer::new(name, name % 2 == 0)).collect(),
            viewers: (0..setup.viewers).map(Viewer::new).collect(),
            pollers: (0..setup.pollers).map(Poller::new).collect(),
            notices: Vec::new(),
            mirrors: Vec::new(),
            steering: Steering::new(&setup),
            next_session: 1,
            secs: 1,
        }
    }

    /// Takes a step, or passes it over when there is nothing for it to do.
    pub(crate) fn step(&mut self, step: Step) {
        let mut dice = Dice::new(step.dice);
        let dice = &mut dice;
        let millis = if step.act == Act::Wait { dice.between(5, 100) } else { 1 };
        self.store.now = self.store.now.plus_millis(millis as i64);
        self.set_clocks();
        let able: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_able(step.act)).collect();
        if able.is_empty() {
            return;
        }
        say!("{:?}", step.act);
        let node = *dice.pick(&able);
        match step.act {
            Act::Post | Act::PostAgain | Act::Finish => self.post(step.act, node, dice),
            Act::LoseAnswer => {
                let producer = dice.below(self.producers.len());
                self.producers[producer].lose_answer();
            }
            Act::TakeAnswer => {
                let producer = dice.below(self.producers.len());
                self.producers[producer].take_answer(&self.store);
            }
            Act::Journal => self.write(node, Some(dice)),
            Act::JournalRead => self.read(node, Some(dice)),
            Act::Break | Act::Connect | Act::Hop | Act::Leave | Act::Ask | Act::Widen | Act::Stall | Act::Receive => {
                self.network(step.act, node, dice);
            }
            Act::RingBell | Act::DropNotice | Act::DoubleNotice | Act::StripNotice => self.notice(step.act, dice),
            Act::LoseWrites => self.lose_writes(dice),
            Act::Drain => self.drain(node, dice),
            Act::Mirror => self.mirror(dice),
            Act::Poll | Act::TakePoll | Act::GiveUpPoll => self.poll(step.act, node, dice),
            Act::Expire => self.expire(dice),
            Act::Steer
            | Act::TakeSteered
            | Act::LoseSteered
            | Act::Work
            | Act::TakeWork
            | Act::Crash
            | Act::Deadlines
            | Act::Watch
            | Act::Later
            | Act::StepClock => self.steer(step.act, node, dice),
            Act::Pulse => {
                self.secs += 1;
                self.nodes
                    .iter()
                    .flat_map(|node| &node.node_rooms.surroundings.hubs)
                    .for_each(|hub| hub.pulse(self.secs, instant(self.store.now)));
            }
            _ => self.nodes[node].step(step.act, dice),
        }
        self.ring_out();
    }

    pub(crate) fn set_clocks(&mut self) {
        for node in &mut self.nodes {
            node.node_rooms.surroundings.now = self.store.now;
            node.node_rooms.surroundings.jumped_ms = self.store.jumped_ms;
        }
    }

    /// The run expires if it has ended; rooms are told so if they have room to hear it.
    fn expire(&mut self, dice: &mut Dice) {
        if !self.store.expire() {
            return;
        }
        say!("    the run expires");
        seen("expired");
        for node in self.nodes.iter_mut().filter(|_| dice.one_in(2)) {
            node.node_rooms.post_mapped(RoomInput::Reclaim(Reclaim::Expired));
        }
    }

    /// A screen arrives at another node, or is lost.
    fn mirror(&mut self, dice: &mut Dice) {
        let Some(last) = self.mirrors.len().checked_sub(1) else { return };
        let (node, frame) = self.mirrors.swap_remove(dice.between(0, last));
        if !dice.one_in(4) {
            self.nodes[node].node_rooms.tell_follower(RemoteUpdate::Screen(frame));
        }
    }

    fn poll(&mut self, act: Act, node: usize, dice: &mut Dice) {
        if self.pollers.is_empty() {
            return;
        }
        let index = dice.below(self.pollers.len());
        let poller = &mut self.pollers[index];
        match act {
            Act::Poll if poller.is_idle() => {
                let node = poller.wants_news_of().filter(|_| !dice.one_in(4)).unwrap_or(node);
                poller.ask(&mut self.nodes[node].node_rooms, &self.store, dice);
            }
            Act::TakePoll => _ = poller.take_answer(&self.store),
            Act::GiveUpPoll => poller.give_up(),
            _ => {}
        }
    }

    fn post(&mut self, act: Act, node: usize, dice: &mut Dice) {
        let producer = dice.below(self.producers.len());
        let producer = &mut self.producers[producer];
        let request = match act {
            Act::PostAgain => producer.post_again(),
            Act::Finish => producer.finish(dice),
            _ => producer.post(dice),
        };
        let Some(request) = request else { return };
        let node_rooms = &mut self.nodes[node].node_rooms;
        let room = node_rooms.find_room();
        // A full mailbox is a 503 of which the producer hears when it looks for its answer: the reply is dropped.
        node_rooms.post(room.generation, RoomInput::Publish(request));
    }

    /// The journal takes the next of a node's writes. Without dice all goes well.
    pub(crate) fn write(&mut self, node: usize, dice: Option<&mut Dice>) {
        let surroundings = &mut self.nodes[node].node_rooms.surroundings;
        let Some((room, ask)) = surroundings.writes.pop_front() else { return };
        let luck = dice.map_or(usize::MAX, |dice| dice.below(24));
        let unavailable = || JournalError::Unavailable("simulated".into());
        let told = match ask {
            Ask::Ghost(append) => {
                seen("append ran late");
                self.store.append(&append);
                return;
            }
            Ask::Append(append) => {
                let unknown = || Err(JournalError::OutcomeUnknown("simulated".into()));
                let outcome = match luck {
                    0 => Err(unavailable()),
                    1 => unknown(),
                    2 => {
                        self.store.append(&append);
                        unknown()
                    }
                    // On one node nothing is behind the write queue: what has been answered does not run any more.
                    3 if self.setup.kind == Kind::Cluster => {
                        surroundings.writes.push_back((room, Ask::Ghost(append)));
                        unknown()
                    }
                    _ => Ok(self.store.append(&append)),
                };
                say!("    append of room {room} on node {node}: {:?}", outcome.as_ref().map(|stored| stored.head.tip));
                if let Ok(Stored { segments, head, .. }) = &outcome
                    && !segments.is_empty()
                {
                    surroundings.notices.push(Notice { head: head.clone(), segments: segments.clone() });
                }
                RoomInput::Appended(outcome)
            }
            Ask::Head(purpose) => {
                RoomInput::Head(purpose, if luck == 0 { Err(unavailable()) } else { Ok(self.store.head()) })
            }
            Ask::Page(..) | Ask::Tip(_) => unreachable!("reads go past the write queue"),
        };
        surroundings.answers.push((room, Answer::Room(told)));
    }

    /// The journal answers one of a node's reads.
    pub(crate) fn read(&mut self, node: usize, dice: Option<&mut Dice>) {
        let surroundings = &mut self.nodes[node].node_rooms.surroundings;
        if surroundings.reads.is_empty() {
            return;
        }
        let (index, luck) = dice.map_or((0, usize::MAX), |dice| (dice.below(surroundings.reads.len()), dice.below(20)));
        let (room, ask) = surroundings.reads.remove(index);
        let lucky = |luck| if luck == 0 { Err(JournalError::Unavailable("simulated".into())) } else { Ok(()) };
        let told = match ask {
            Ask::Page(purpose, after, max_bytes) => {
                let page = match purpose {
                    PageFor::Control => self.store.read_control(after, max_bytes),
                    _ => self.store.read(after, max_bytes),
                };
                say!("    room {room} on node {node} gets a page behind {after}: {:?}", page.last().map(|s| s.last()));
                Answer::Room(RoomInput::Page(purpose, lucky(luck).map(|()| page)))
            }
            Ask::Tip(asked) => Answer::Tip(lucky(luck).map(|()| self.store.head()), asked),
            _ => unreachable!("writes go through the queue"),
        };
        surroundings.answers.push((room, told));
    }

    fn network(&mut self, act: Act, node: usize, dice: &mut Dice) {
        let index = dice.below(self.viewers.len());
        let viewer = &mut self.viewers[index];
        match act {
            Act::Connect if viewer.link.is_none() => {
                if dice.one_in(3) {
                    viewer.start_anew(wish(dice, &self.store));
                }
                self.connect(index, node, Some(dice));
            }
            Act::Hop if viewer.link.is_some() => {
                // The new connection is open before the old one goes.
                let old = viewer.hang_up();
                self.connect(index, node, Some(dice));
                old.into_iter().for_each(|wire| wire.break_off());
            }
            Act::Leave => {
                if let Some(wire) = viewer.hang_up() {
                    say!("    viewer {index} says good-bye");
                    wire.send(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8]);
                    wire.widen(usize::MAX);
                }
            }
            Act::Break => {
                if let Some(wire) = viewer.hang_up() {
                    say!("    viewer {index}'s connection breaks");
                    wire.break_off();
                }
            }
            Act::Ask => viewer.ask(),
            Act::Receive => {
                viewer.receive(dice.between(1, 400), &self.store);
                if viewer.must_leave && dice.one_in(3) {
                    self.leave_draining(index, dice);
                }
            }
            Act::Widen | Act::Stall => {
                let Some(link) = &viewer.link else { return };
                if act == Act::Stall {
                    link.wire.stall();
                } else {
                    link.wire.widen(if dice.one_in(3) { 1 << 20 } else { dice.between(1, 600) });
                }
            }
            _ => {}
        }
    }

    /// Connects a viewer to a node; the end of the link that it holds.
    pub(crate) fn connect(&mut self, viewer: usize, node: usize, dice: Option<&mut Dice>) {
        let mut dice = dice.map_or(Dice::new(viewer as u64), |dice| Dice::new(dice.next()));
        let window = if dice.one_in(3) { dice.between(0, 300) } else { 1 << 20 };
        let wire = SimWire::new(window, Dice::new(dice.next()));
        let id = self.next_session;
        self.next_session += 1;
        let Node { node_rooms, sessions, drain, .. } = &mut self.nodes[node];
        if matches!(drain, Drain::Closing(_)) {
            seen("newcomer closed");
        }
        let after = self.viewers[viewer].after();
        say!("    viewer {viewer} connects to node {node} with {after:?}: session {id}");
        let hub = node_rooms.surroundings.hubs[dice.below(self.setup.hubs)].clone();
        sessions.insert(id, Session::launch(id, wire.clone(), after, hub, node_rooms));
        self.viewers[viewer].connect(Link { wire, node, screens: [0; 2] });
    }

    fn notice(&mut self, act: Act, dice: &mut Dice) {
        let Some(last) = self.notices.len().checked_sub(1) else { return };
        let index = dice.between(0, last);
        match act {
            Act::DropNotice => drop(self.notices.swap_remove(index)),
            Act::DoubleNotice => self.notices.push(self.notices[index].clone()),
            Act::StripNotice => self.notices[index].1.segments.clear(),
            _ => self.ring_notice(index),
        }
    }

    pub(crate) fn ring_notice(&mut self, index: usize) {
        let (node, notice) = self.notices.remove(index);
        self.nodes[node].node_rooms.hear(notice);
    }

    /// What nodes have to tell each other is under way.
    pub(crate) fn ring_out(&mut self) {
        for from in 0..self.nodes.len() {
            for notice in std::mem::take(&mut self.nodes[from].node_rooms.surroundings.notices) {
                let others = (0..self.nodes.len()).filter(|to| *to != from);
                self.notices.extend(others.map(|to| (to, notice.clone())));
            }
            for frame in std::mem::take(&mut self.nodes[from].node_rooms.surroundings.mirrors) {
                let others = (0..self.nodes.len()).filter(|to| *to != from);
                self.mirrors.extend(others.map(|to| (to, frame.clone())));
            }
        }
    }

    fn lose_writes(&mut self, dice: &mut Dice) {
        let count = dice.below(5);
        if self.setup.kind == Kind::OneNode {
            say!("    the node loses power");
            self.power_off();
            return self.store.lose(count);
        }
        self.store.lose(count);
        // Its connections are cut, unless what it holds was changed under its clients.
        if !dice.one_in(4) {
            self.nodes.iter_mut().for_each(|node| node.node_rooms.lose_feed());
            self.notices.clear();
        }
    }

    /// The node and all that it held are gone.
    fn power_off(&mut self) {
        for viewer in &mut self.viewers {
            if let Some(wire) = viewer.hang_up() {
                wire.break_off();
            }
        }
        for node in &mut self.nodes {
            *node = Node::new(node.node_rooms.reborn());
            node.node_rooms.surroundings.hubs.iter().for_each(|hub| hub.pulse(self.secs, instant(self.store.now)));
        }
    }
}

/// Every kind of `after` that somebody without a cursor of ours may ask for.
fn wish(dice: &mut Dice, store: &Store) -> After {
    let near = store.tip() + 3;
    match dice.below(5) {
        0 => After::Latest,
        1 => After::Last(dice.below(20) as u64),
        2 => After::Cursor(Cursor { epoch: None, seq: dice.below(near as usize) as u64 }),
        3 => After::Cursor(Cursor { epoch: store.epoch(), seq: dice.below(near as usize) as u64 }),
        _ => After::Start,
    }
}
