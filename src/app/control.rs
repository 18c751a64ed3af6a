//! The bounds and times of runs' control, from the settings.

use crate::config::{Config, PauseExpiry};
use crate::control::ControlLimits;

/// What decisions on the control of any run are bounded by.
pub(super) fn control_limits(config: &Config) -> ControlLimits {
    let (control, runs) = (&config.control, &config.runs);
    ControlLimits {
        max_events: control.max_events,
        max_bytes: control.max_bytes,
        max_command_bytes: control.max_command_bytes,
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

/// The settings' ranges keep the product far from the end of the numbers.
fn millis(secs: u64) -> i64 {
    i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000)
}
