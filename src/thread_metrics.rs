//! Counters that change too often to be shared: events delivered and their lag, counted per worker thread and summed
//! when they are read.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::protocol::close::CloseReason;

/// Upper bounds of the delivery lag's buckets, in microseconds.
pub const LAG_BUCKETS_US: [u64; 14] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// The counters of one thread. Only that thread writes them, so a plain load and store suffice.
#[derive(Debug, Default)]
pub struct ThreadMetrics {
    viewers: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    writes: AtomicU64,
    fell_behind: AtomicU64,
    lag_us: AtomicU64,
    lag: [AtomicU64; LAG_BUCKETS_US.len() + 1],
    closed: [AtomicU64; CloseReason::ALL.len()],
}

fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

impl ThreadMetrics {
    /// Counts a viewer that has connected.
    pub fn viewer_entered(&self) {
        add(&self.viewers, 1);
    }

    /// Counts a viewer that has left.
    pub fn viewer_left(&self) {
        add(&self.viewers, u64::MAX);
    }

    /// Counts `n` events written.
    pub fn delivered(&self, n: u64) {
        add(&self.events, n);
    }

    /// Counts one write of `n` bytes to a socket.
    pub fn sent(&self, n: usize) {
        add(&self.bytes, n as u64);
        add(&self.writes, 1);
    }

    /// Counts a live viewer that was too slow, or missed something, and now pulls.
    pub fn fell_behind(&self) {
        add(&self.fell_behind, 1);
    }

    /// Records the time from an event's arrival to its write.
    pub fn lag(&self, lag: Duration) {
        let micros = lag.as_micros() as u64;
        add(&self.lag_us, micros);
        add(&self.lag[LAG_BUCKETS_US.partition_point(|bound| *bound < micros)], 1);
    }

    /// Counts a session that has ended.
    pub fn closed(&self, reason: CloseReason) {
        add(&self.closed[reason as usize], 1);
    }
}

/// The counters of all threads of a node.
#[derive(Clone, Debug, Default)]
pub struct NodeMetrics(Arc<Mutex<Vec<Arc<ThreadMetrics>>>>);

impl NodeMetrics {
    /// Adds the counters of a new thread.
    pub fn thread(&self) -> Arc<ThreadMetrics> {
        let thread_metrics = Arc::new(ThreadMetrics::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thread_metrics.clone());
        thread_metrics
    }

    fn sum(&self, of: impl Fn(&ThreadMetrics) -> &AtomicU64) -> u64 {
        let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().fold(0, |sum, thread| sum.wrapping_add(of(thread).load(Ordering::Relaxed)))
    }

    /// Number of viewers on this node.
    pub fn viewers(&self) -> u64 {
        self.sum(|thread| &thread.viewers)
    }

    /// Appends the counters in Prometheus' text format; the units are seconds and bytes.
    pub fn render(&self, out: &mut String) {
        let counters: [(&str, &str, u64); 4] = [
            ("runcast_events_delivered_total", "Events written to viewers.", self.sum(|t| &t.events)),
            ("runcast_bytes_sent_total", "Bytes written to viewers.", self.sum(|t| &t.bytes)),
            ("runcast_writes_total", "Writes to viewers' sockets.", self.sum(|t| &t.writes)),
            ("runcast_fell_behind_total", "Live viewers that were too slow and pulled.", self.sum(|t| &t.fell_behind)),
        ];
        // Writing to a String can't fail.
        for (name, help, value) in counters {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        let name = "runcast_viewers";
        let _ = writeln!(out, "# HELP {name} Viewers connected.\n# TYPE {name} gauge\n{name} {}", self.viewers());
        let name = "runcast_sessions_closed_total";
        let _ = writeln!(out, "# HELP {name} Sessions that ended, by reason.\n# TYPE {name} counter");
        for (index, reason) in CloseReason::ALL.iter().enumerate() {
            let _ = writeln!(out, "{name}{{reason=\"{}\"}} {}", reason.as_str(), self.sum(|t| &t.closed[index]));
        }
        let name = "runcast_delivery_lag_seconds";
        let _ = writeln!(out, "# HELP {name} From an event's arrival to its write.\n# TYPE {name} histogram");
        let mut count = 0;
        for (index, bound) in LAG_BUCKETS_US.iter().enumerate() {
            count += self.sum(|t| &t.lag[index]);
            let _ = writeln!(out, "{name}_bucket{{le=\"{}\"}} {count}", *bound as f64 / 1e6);
        }
        count += self.sum(|t| &t.lag[LAG_BUCKETS_US.len()]);
        let sum = self.sum(|t| &t.lag_us) as f64 / 1e6;
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up_and_buckets_accumulate() {
        let thread_metrics = NodeMetrics::default();
        let (one, two) = (thread_metrics.thread(), thread_metrics.thread());
        one.delivered(3);
        two.delivered(4);
        one.viewer_entered();
        one.viewer_entered();
        one.viewer_left();
        one.lag(Duration::from_micros(100));
        two.lag(Duration::from_secs(60));
        one.closed(CloseReason::NoPong);
        let mut text = String::new();
        thread_metrics.render(&mut text);
        for line in [
            "runcast_events_delivered_total 7",
            "runcast_viewers 1",
            "runcast_delivery_lag_seconds_bucket{le=\"0.0001\"} 1",
            "runcast_delivery_lag_seconds_bucket{le=\"5\"} 1",
            "runcast_delivery_lag_seconds_bucket{le=\"+Inf\"} 2",
            "runcast_delivery_lag_seconds_sum 60.0001",
            "runcast_sessions_closed_total{reason=\"no_pong\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
