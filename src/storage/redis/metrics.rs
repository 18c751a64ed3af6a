//! Metrics of a client's connection, labelled with the connection's purpose.

use metrics::{Counter, Gauge};

/// Handles of the metrics; using one costs an atomic operation. They are registered with the value 0 when they are
/// made, because Prometheus sees no increase in a series that begins with 1.
#[derive(Clone, Debug)]
pub(super) struct ConnectionMetrics {
    pub(super) up: Gauge,
    pub(super) connects: Counter,
    pub(super) commands: Counter,
    pub(super) in_flight: Gauge,
    pub(super) missed_deadlines: Counter,
}

impl ConnectionMetrics {
    pub(super) fn of(purpose: &'static str) -> Self {
        let metrics = Self {
            up: metrics::gauge!("runcast_redis_up", "purpose" => purpose),
            connects: metrics::counter!("runcast_redis_connects_total", "purpose" => purpose),
            commands: metrics::counter!("runcast_redis_commands_total", "purpose" => purpose),
            in_flight: metrics::gauge!("runcast_redis_commands_in_flight", "purpose" => purpose),
            missed_deadlines: metrics::counter!("runcast_redis_missed_deadlines_total", "purpose" => purpose),
        };
        metrics.up.set(0);
        metrics
    }
}
