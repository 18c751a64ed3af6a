//! The bounds and times of control, and those that hold unless the settings say otherwise.

/// Bounds and times of control. All are settings, section `control` and `runs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlLimits {
    /// Most commands that viewers may give to a run: `control.max_events`.
    pub max_events: u64,
    /// Most bytes of them: `control.max_bytes`.
    pub max_bytes: u64,
    /// Most bytes of a command: 16 KiB.
    pub max_command_bytes: usize,
    /// Longest pause, in milliseconds: `control.max_pause_secs`.
    pub max_pause_ms: i64,
    /// Longest time that a run pauses altogether: `control.max_pause_total_secs`.
    pub max_pause_total_ms: i64,
    /// Whether a run is cancelled, and not resumed, when its pause is over: `control.on_pause_expiry`.
    pub cancels_on_pause_expiry: bool,
    /// How long an act may be worked on after it was claimed: `control.run_secs`.
    pub run_ms: i64,
    /// How long a holder of the lease may be unseen: `control.lease_secs`.
    pub lease_ms: i64,
    /// How long a `cancel` waits until somebody obeys: `control.cancel_secs`.
    pub cancel_ms: i64,
    /// How long a producer that has joined may be unseen before it is silent: `runs.silent_secs`.
    pub silent_ms: i64,
    /// How long before it is given up: `runs.lost_secs`.
    pub lost_ms: i64,
    /// How long shards that were announced are waited for: `runs.shard_wait_secs`.
    pub shard_wait_ms: i64,
}

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
