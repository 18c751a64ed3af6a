//! The bounds and times that hold unless the settings say otherwise.

use super::ControlLimits;

impl Default for ControlLimits {
    fn default() -> Self {
        Self {
            max_events: 10_000,
            max_bytes: 8 * 1024 * 1024,
            max_command_bytes: 16 * 1024,
            max_pause_ms: 900_000,
            max_pause_total_ms: 3_600_000,
            cancels_on_pause_expiry: false,
            run_ms: 120_000,
            lease_ms: 60_000,
            cancel_ms: 60_000,
            silent_ms: 120_000,
            lost_ms: 900_000,
            shard_wait_ms: 900_000,
        }
    }
}
