//! Injures a task or an actor where it counts or logs something: a recorder of metrics, or a log, for the thread that
//! it is set on. What is injured runs the code that it runs in production.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tracing::field::Field;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata as LogMetadata, Subscriber};

/// Panics when one counter is increased, or one gauge set or increased, once each time that it is armed.
pub(crate) struct Saboteur {
    metric: &'static str,
    armed: Arc<AtomicBool>,
}

impl Saboteur {
    pub(crate) fn new(metric: &'static str, armed: &Arc<AtomicBool>) -> Self {
        Self { metric, armed: armed.clone() }
    }
}

struct Mine(Arc<AtomicBool>);

impl Mine {
    fn feel(&self) {
        assert!(!self.0.swap(false, Ordering::SeqCst), "ouch");
    }
}

impl CounterFn for Mine {
    fn increment(&self, _: u64) {
        self.feel();
    }

    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Mine {
    fn increment(&self, _: f64) {
        self.feel();
    }

    fn decrement(&self, _: f64) {}

    fn set(&self, _: f64) {
        self.feel();
    }
}

impl Recorder for Saboteur {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() == self.metric {
            true => Counter::from_arc(Arc::new(Mine(self.armed.clone()))),
            false => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match key.name() == self.metric {
            true => Gauge::from_arc(Arc::new(Mine(self.armed.clone()))),
            false => Gauge::noop(),
        }
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Sees what is logged, and panics where one text is, once each time that it is armed.
pub(crate) struct LogSaboteur<F> {
    text: &'static str,
    armed: Arc<AtomicBool>,
    see: F,
}

impl<F: Fn(&str) + Send + Sync + 'static> LogSaboteur<F> {
    /// Set on this thread until it ends. `see` is handed each message before.
    pub(crate) fn install(text: &'static str, armed: &Arc<AtomicBool>, see: F) {
        // While there is only one log, a line that another thread writes first is taken for one that nobody wants.
        static OTHER: OnceLock<Dispatch> = OnceLock::new();
        OTHER.get_or_init(|| Dispatch::new(LogSaboteur { text: "", armed: Arc::default(), see: |_: &str| {} }));
        let saboteur = Self { text, armed: armed.clone(), see };
        std::mem::forget(tracing::dispatcher::set_default(&Dispatch::new(saboteur)));
    }
}

impl<F: Fn(&str) + Send + Sync + 'static> Subscriber for LogSaboteur<F> {
    fn enabled(&self, _: &LogMetadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = String::new();
        event.record(&mut |field: &Field, value: &dyn Debug| {
            if field.name() == "message" {
                message = format!("{value:?}");
            }
        });
        (self.see)(&message);
        let is_armed = message.contains(self.text) && self.armed.swap(false, Ordering::SeqCst);
        assert!(!is_armed, "ouch");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
