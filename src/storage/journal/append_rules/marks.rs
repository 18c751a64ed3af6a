//! What an append keeps of a run's producers: the highest number stored of each, and how each stands in the run.

use std::collections::HashMap;

use super::super::MAX_OWN_PRODUCERS;
use crate::protocol::ProducerId;
use crate::protocol::verdict::ProducerState;

/// What is stored of a producer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The highest number that is stored; 0 for [`ANONYMOUS`](crate::protocol::event::stamp::ANONYMOUS).
    pub high: u64,
    /// How it stands in the run; `None` unless it has joined as a worker once.
    pub state: Option<ProducerState>,
}

/// A run's producers and what is stored of each.
#[derive(Clone, Debug, Default)]
pub struct ProducerMarks {
    clients: HashMap<ProducerId, Mark>,
    /// Marks of the server's own producers, the last used one last: at most [`MAX_OWN_PRODUCERS`].
    own: Vec<(ProducerId, u64)>,
}

impl ProducerMarks {
    /// Builds the marks from stored ones, the last used one last.
    pub fn new(stored: impl IntoIterator<Item = (ProducerId, Mark)>) -> Self {
        let mut marks = Self::default();
        for (producer, mark) in stored {
            match mark.state {
                Some(_) => drop(marks.clients.insert(producer, mark)),
                None => drop(marks.raise(&producer, mark.high)),
            }
        }
        marks
    }

    /// Number of producers.
    pub fn count(&self) -> usize {
        self.clients.len() + self.own.len()
    }

    /// Number of producers that are not the server's.
    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn high(&self, producer: &ProducerId) -> Option<u64> {
        if producer.is_own() {
            return self.own.iter().find(|(own, _)| own == producer).map(|(_, high)| *high);
        }
        self.clients.get(producer).map(|mark| mark.high)
    }

    /// What is stored of a producer.
    pub(super) fn mark(&self, producer: &ProducerId) -> Mark {
        let kept = self.clients.get(producer).cloned();
        kept.unwrap_or_else(|| Mark { high: self.high(producer).unwrap_or(0), state: None })
    }

    /// Sets a producer's highest number. Returns the own producer whose mark was removed to make room.
    pub(super) fn raise(&mut self, producer: &ProducerId, high: u64) -> Option<ProducerId> {
        if !producer.is_own() {
            self.clients.entry(producer.clone()).or_default().high = high;
            return None;
        }
        self.own.retain(|(own, _)| own != producer);
        self.own.push((producer.clone(), high));
        (self.own.len() > MAX_OWN_PRODUCERS).then(|| self.own.remove(0).0)
    }

    /// How the producers stand that have joined as workers once.
    pub(super) fn states(&self) -> impl Iterator<Item = &ProducerState> + Clone {
        self.clients.values().filter_map(|mark| mark.state.as_ref())
    }

    /// How a producer stands.
    pub(super) fn state(&self, producer: &ProducerId) -> Option<&ProducerState> {
        self.clients.get(producer)?.state.as_ref()
    }

    pub(super) fn set_state(&mut self, producer: &ProducerId, state: ProducerState) {
        self.clients.entry(producer.clone()).or_default().state = Some(state);
    }

    /// Changes how each producer stands for which `change` has another state; returns those producers.
    pub(super) fn change_states(
        &mut self,
        mut change: impl FnMut(&ProducerState) -> Option<ProducerState>,
    ) -> Vec<ProducerId> {
        let mut changed = Vec::new();
        for (producer, mark) in &mut self.clients {
            if let Some(state) = mark.state.as_ref().and_then(&mut change) {
                mark.state = Some(state);
                changed.push(producer.clone());
            }
        }
        changed
    }
}
