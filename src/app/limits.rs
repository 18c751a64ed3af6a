//! Bounds that the words are checked by, from the settings.

use std::time::Duration;

use crate::config::{Config, PauseExpiry};
use crate::control::ControlLimits;
use crate::http::run_feed::FeedLimits;
use crate::log_index::QueryLimits;
use crate::protocol::event::{EventDeadlines, EventLimits};
use crate::storage::signs::SignTimes;

/// Most bytes of a command: 16 KiB.
const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// What one request of a producer may hold, and the deadlines that its events give their run.
pub fn event_limits(config: &Config) -> EventLimits {
    let Config { ingest, control, runs, .. } = config;
    EventLimits {
        max_event_bytes: ingest.max_event_bytes,
        max_batch_bytes: ingest.max_batch_bytes,
        max_batch_events: ingest.max_batch_events,
        deadlines: EventDeadlines {
            run_ms: millis(control.run_secs),
            silent_ms: millis(runs.silent_secs),
            shard_wait_ms: millis(runs.shard_wait_secs),
        },
    }
}

/// How changes of the list of runs are told.
pub(super) fn feed_limits(config: &Config) -> FeedLimits {
    let Config { catalog, session, .. } = config;
    FeedLimits {
        interval: Duration::from_millis(catalog.stream_ms),
        listeners: catalog.stream_listeners,
        comment: Duration::from_secs(catalog.stream_comment_secs),
        stall: Duration::from_secs(session.stall_secs),
    }
}

/// The bounds and times of steering.
pub fn control_limits(config: &Config) -> ControlLimits {
    let Config { control, runs, .. } = config;
    ControlLimits {
        max_events: control.max_events,
        max_bytes: control.max_bytes,
        max_command_bytes: MAX_COMMAND_BYTES,
        max_pause_ms: millis(control.max_pause_secs),
        max_pause_total_ms: millis(control.max_pause_total_secs),
        cancels_on_pause_expiry: control.on_pause_expiry == PauseExpiry::Cancel,
        run_ms: millis(control.run_secs),
        lease_ms: millis(control.lease_secs),
        cancel_ms: millis(control.cancel_secs),
        silent_ms: millis(runs.silent_secs),
        lost_ms: millis(runs.lost_secs),
        shard_wait_ms: millis(runs.shard_wait_secs),
    }
}

/// The bounds of questions to runs' logs.
pub(super) fn query_limits(config: &Config) -> QueryLimits {
    let queries = &config.queries;
    QueryLimits {
        at_a_time: queries.at_a_time,
        max_waiting: queries.max_waiting,
        wait: Duration::from_secs(queries.wait_secs),
        index_bytes: queries.index_bytes,
        scan_bytes: queries.scan_bytes,
    }
}

/// The times of signs of life.
pub(super) fn sign_times(config: &Config) -> SignTimes {
    /// Longest time between two reports to the other nodes.
    const TELL: Duration = Duration::from_secs(2);
    let Config { control, runs, .. } = config;
    let longest = [control.lease_secs, control.lease_socket_secs, runs.silent_secs, runs.lost_secs].into_iter().max();
    let shortest = Duration::from_secs(control.lease_secs.min(runs.silent_secs));
    SignTimes {
        ttl: 2 * Duration::from_secs(longest.unwrap_or_default()) + Duration::from_secs(60),
        // What is heard reaches the other nodes long before anybody counts as silent.
        tell_every: (shortest / 20).min(TELL),
        socket: Duration::from_secs(control.lease_socket_secs),
    }
}

/// Seconds in the unit of timestamps. Settings are far below what it holds.
fn millis(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_parser_are_those_of_the_settings() {
        assert_eq!(event_limits(&Config::default()), EventLimits::default());
    }

    #[test]
    fn signs_of_life_outlive_whatever_ends_without_them() {
        let times = sign_times(&Config::default());
        assert_eq!((times.ttl, times.tell_every), (Duration::from_secs(1_860), Duration::from_secs(2)));
        let mut quick = Config::default();
        quick.control.lease_secs = 1;
        assert_eq!(sign_times(&quick).tell_every, Duration::from_millis(50));
    }

    #[test]
    fn every_limit_of_steering_is_the_setting_of_its_name() {
        let mut config = Config::default();
        let control = &mut config.control;
        (control.max_events, control.max_bytes) = (1, 2);
        (control.max_pause_secs, control.max_pause_total_secs) = (3, 4);
        control.on_pause_expiry = PauseExpiry::Cancel;
        (control.run_secs, control.lease_secs, control.cancel_secs) = (5, 6, 7);
        (config.runs.silent_secs, config.runs.lost_secs, config.runs.shard_wait_secs) = (8, 9, 10);
        let want = ControlLimits {
            max_events: 1,
            max_bytes: 2,
            max_command_bytes: 16_384,
            max_pause_ms: 3_000,
            max_pause_total_ms: 4_000,
            cancels_on_pause_expiry: true,
            run_ms: 5_000,
            lease_ms: 6_000,
            cancel_ms: 7_000,
            silent_ms: 8_000,
            lost_ms: 9_000,
            shard_wait_ms: 10_000,
        };
        assert_eq!(control_limits(&config), want);
        let deadlines = EventDeadlines { run_ms: 5_000, silent_ms: 8_000, shard_wait_ms: 10_000 };
        assert_eq!(event_limits(&config).deadlines, deadlines);
        assert!(!control_limits(&Config::default()).cancels_on_pause_expiry);
    }
}
