//! Injures a task or an actor where it counts something: a recorder of metrics for the thread that it is set on. What is
//! injured runs the code that it runs in production.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Panics when one counter is increased, once each time that it is armed.
pub(crate) struct Saboteur {
    counter: &'static str,
    armed: Arc<AtomicBool>,
}

impl Saboteur {
    pub(crate) fn new(counter: &'static str, armed: &Arc<AtomicBool>) -> Self {
        Self { counter, armed: armed.clone() }
    }
}

struct Mine(Arc<AtomicBool>);

impl CounterFn for Mine {
    fn increment(&self, _: u64) {
        assert!(!self.0.swap(false, Ordering::SeqCst), "ouch");
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Saboteur {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() == self.counter {
            true => Counter::from_arc(Arc::new(Mine(self.armed.clone()))),
            false => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
