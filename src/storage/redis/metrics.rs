//! What Prometheus is told of a client's connection, by what the connection is for.

use metrics::{Counter, Gauge};

/// Handles that cost an atomic each. They count from zero as soon as they are made: an increase from nothing is none.
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
