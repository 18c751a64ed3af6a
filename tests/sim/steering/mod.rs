//! Steering in the simulated world: people and agents that give commands, workers that obey, those who wait for
//! control events, and what looks at deadlines. All of them ask the real rooms; what they are answered is compared with
//! a fold of the store's log (`fold.rs`), and the log itself is read without any fold (`audit.rs`).

use std::sync::Arc;

use runcast::control::{Answer, ControlRequest, Decision};

use crate::chance::Dice;
use crate::schedule::{Act, Setup};
use crate::trace::{say, seen};
use crate::world::World;

mod audit;
mod controller;
mod deadlines;
pub(crate) mod fold;
mod question;
mod signs;
mod watcher;
mod worker;

use controller::Controller;
use deadlines::Deadlines;
use question::{Ended, Question};
use signs::Signs;
use watcher::Watcher;
use worker::{Done, Worker};

/// Everybody who steers, or is steered.
pub(crate) struct Steering {
    controllers: Vec<Controller>,
    workers: Vec<Worker>,
    watchers: Vec<Watcher>,
    deadlines: Deadlines,
    signs: Signs,
    done: Done,
    /// Questions that workers have asked.
    asks: Vec<String>,
}

impl Steering {
    pub(crate) fn new(setup: &Setup) -> Self {
        Self {
            controllers: (0..setup.controllers).map(Controller::new).collect(),
            workers: (0..setup.workers).map(Worker::new).collect(),
            watchers: (0..setup.watchers).map(|_| Watcher::new()).collect(),
            deadlines: Deadlines::default(),
            signs: Signs::default(),
            done: Done::new(),
            asks: Vec::new(),
        }
    }
}

impl World {
    /// One of those who steer does something.
    pub(crate) fn steer(&mut self, act: Act, node: usize, dice: &mut Dice) {
        let Self { steering, nodes, store, .. } = self;
        let Steering { controllers, workers, watchers, deadlines, signs, done, asks } = steering;
        let node_rooms = &mut nodes[node].node_rooms;
        match act {
            Act::Steer if !controllers.is_empty() => {
                let controller = dice.below(controllers.len());
                let controller = &mut controllers[controller];
                // Before the run is there, hardly anybody wants anything of it.
                if dice.one_in(2) && (store.head().tip > 0 || dice.one_in(4)) {
                    let names: Vec<_> = workers.iter().map(Worker::name).collect();
                    controller.want(store, &names, asks, dice);
                }
                controller.ask(node_rooms, store, dice);
            }
            Act::TakeSteered if !controllers.is_empty() => {
                let controller = dice.below(controllers.len());
                controllers[controller].take(node_rooms, store, signs, dice);
            }
            Act::LoseSteered => match dice.below(2) {
                0 if !controllers.is_empty() => {
                    let controller = dice.below(controllers.len());
                    controllers[controller].lose_answer();
                }
                _ if !workers.is_empty() => {
                    let worker = dice.below(workers.len());
                    workers[worker].lose_answer();
                }
                _ => {}
            },
            Act::Work | Act::TakeWork | Act::Crash if !workers.is_empty() => {
                let worker = dice.below(workers.len());
                let worker = &mut workers[worker];
                match act {
                    Act::Crash => worker.crash(),
                    Act::Work => {
                        asks.extend(worker.think(dice));
                        signs.note(worker.sign(), store.wall());
                        match dice.below(6) {
                            0 | 1 => worker.poll(node_rooms, store, dice),
                            2..5 if worker.may_claim() => worker.claim(node_rooms, store, dice),
                            _ => worker.post(node_rooms),
                        }
                    }
                    _ => _ = worker.take(node_rooms, store, signs, done, dice),
                }
            }
            Act::Deadlines if dice.one_in(2) => deadlines.ask(node_rooms, store),
            Act::Deadlines => _ = deadlines.take(node_rooms, store, signs, dice),
            Act::Watch if !watchers.is_empty() => {
                let watcher = dice.below(watchers.len());
                let watcher = &mut watchers[watcher];
                if watcher.is_idle() {
                    let node = watcher.node().filter(|_| !dice.one_in(4)).unwrap_or(node);
                    watcher.ask(&mut nodes[node].node_rooms, store);
                } else if dice.one_in(12) {
                    watcher.give_up();
                } else {
                    watcher.take(node_rooms, store, signs, dice);
                }
            }
            Act::Later => {
                let millis = dice.between(500, 3_000);
                say!("    {millis} ms pass");
                store.now = store.now.plus_millis(millis as i64);
                self.set_clocks();
            }
            Act::StepClock => {
                // It jumps ahead, and comes back.
                store.jumped_ms = if store.jumped_ms == 0 { dice.between(10_000, 60_000) as i64 } else { 0 };
                say!("    the clock is {} ms ahead", store.jumped_ms);
                seen("clock stepped");
                self.set_clocks();
            }
            _ => {}
        }
    }

    /// Those who steer come to rest: whoever is in doubt asks again, and time passes until nothing is due.
    pub(crate) fn steer_to_rest(&mut self, dice: &mut Dice) -> bool {
        let count = self.nodes.len();
        let Self { steering, nodes, store, .. } = self;
        let Steering { controllers, workers, watchers, deadlines, signs, done, .. } = steering;
        let mut moved = std::mem::take(&mut store.jumped_ms) != 0;
        for controller in controllers {
            let node_rooms = &mut nodes[dice.below(count)].node_rooms;
            moved |= controller.take(node_rooms, store, signs, dice);
            if !controller.is_done() {
                controller.ask(node_rooms, store, dice);
                moved = true;
            }
        }
        for worker in workers {
            let node_rooms = &mut nodes[dice.below(count)].node_rooms;
            moved |= worker.take(node_rooms, store, signs, done, dice);
            if !worker.is_done() {
                worker.post(node_rooms);
                worker.claim(node_rooms, store, dice);
                moved = true;
            }
        }
        let node_rooms = &mut nodes[dice.below(count)].node_rooms;
        moved |= deadlines.take(node_rooms, store, signs, dice);
        if let Some(due) = store.due().filter(|_| !moved && deadlines.is_idle()) {
            store.now = store.now.max(due);
            node_rooms.surroundings.now = store.now;
            deadlines.ask(node_rooms, store);
            moved = true;
        }
        for (index, watcher) in watchers.iter_mut().enumerate() {
            let node = watcher.node().unwrap_or(index % count);
            moved |= watcher.take(&mut nodes[node].node_rooms, store, signs, dice);
            if watcher.is_idle() {
                watcher.ask(&mut nodes[node].node_rooms, store);
                moved = true;
            }
        }
        self.set_clocks();
        moved
    }

    /// The patience of those who wait for control events is over.
    pub(crate) fn stop_watching(&mut self) {
        self.steering.watchers.iter_mut().for_each(Watcher::give_up);
    }

    /// What is true at rest.
    pub(crate) fn check_steering(&self) {
        let is_open = self.store.head().phase == runcast::storage::journal::RunPhase::Live;
        audit::audit(&self.store, is_open && self.store.due().is_none());
        self.steering.controllers.iter().for_each(|controller| controller.check_at_rest(&self.store));
        // A room that was not told that its run expired hears of it when it reads.
        if !self.store.is_gone() {
            self.steering.watchers.iter().for_each(|watcher| watcher.check_at_rest(&self.store));
        }
    }

    /// Every node tells the same of the run's control, and what the log says.
    pub(crate) fn compare_folds(&mut self) {
        let look = Arc::new(ControlRequest::Look);
        let mut dice = Dice::new(1);
        let (head, wall) = (self.store.head(), self.store.wall());
        for node in 0..self.nodes.len() {
            let asked = Question::ask(look.clone(), None, &mut self.nodes[node].node_rooms, &self.store);
            let mut question = asked.expect("a room at rest has room");
            let view = loop {
                while self.work(node) {}
                let node_rooms = &mut self.nodes[node].node_rooms;
                match question.take(node_rooms, &self.store, &self.steering.signs, &mut dice) {
                    Ok(Ended::Answered(Answer::View(view), control)) => {
                        assert_eq!(control, head.control, "node {node} has not folded everything");
                        break Some(view);
                    }
                    Ok(_) => break None,
                    Err(again) => question = again,
                }
            };
            let state = fold::fold(&self.store, head.control);
            match (view, fold::decide(&state, &look, &[], &head, wall, false)) {
                (Some(view), Decision::Answer(Answer::View(known))) => {
                    assert_eq!(*view, *known, "node {node} folds otherwise");
                    seen("folds compared");
                }
                (Some(view), other) => panic!("node {node} tells {view:?}, and the log says {other:?}"),
                (None, Decision::Answer(known)) => panic!("node {node} tells nothing, and the log says {known:?}"),
                (None, _) => {}
            }
        }
    }
}
