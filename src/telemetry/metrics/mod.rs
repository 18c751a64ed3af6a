//! Metrics in Prometheus' text format. The table below lists all of them; a test finds a metric that is missing from
//! it.

use std::sync::OnceLock;

use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Bucket bounds of every `*_seconds`: from a hop in memory to a client's timeout.
const SECONDS: [f64; 15] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that only grows.
    Counter,
    /// A value that grows and shrinks.
    Gauge,
    /// Samples counted in buckets.
    Histogram,
}

/// All metrics: type, name, unit, help text.
pub const METRICS: &[(MetricKind, &str, Unit, &str)] = &[
    (MetricKind::Gauge, "runcast_build_info", Unit::Count, "Always 1; its label `version` is what runs."),
    (MetricKind::Counter, "runcast_actor_restarts_total", Unit::Count, "Restarts of supervised actors, by `child`."),
    (
        MetricKind::Counter,
        "runcast_actor_exits_total",
        Unit::Count,
        "Ends of actors by `child` and `exit` (stopped, failed, panicked, start_failed); of other tasks panics only.",
    ),
    (MetricKind::Gauge, "runcast_rooms", Unit::Count, "Rooms that live on this node."),
    (MetricKind::Gauge, "runcast_connections", Unit::Count, "Open connections of all kinds."),
    (
        MetricKind::Counter,
        "runcast_limited_total",
        Unit::Count,
        "Requests of clients over a limit of their own, by `kind` (connections, requests, events).",
    ),
    (
        MetricKind::Counter,
        "runcast_audit_lost_total",
        Unit::Count,
        "Lines of the audit log that log.audit_file could not take.",
    ),
    (MetricKind::Gauge, "runcast_viewers", Unit::Count, "Viewers connected."),
    (MetricKind::Gauge, "runcast_ingest_bytes", Unit::Bytes, "Bytes of request bodies in hand."),
    (
        MetricKind::Gauge,
        "runcast_response_bytes",
        Unit::Bytes,
        "Bytes of responses that are built or wait for their readers.",
    ),
    (
        MetricKind::Counter,
        "runcast_slow_transfers_total",
        Unit::Count,
        "Bodies and responses that were too slow, by `kind` (post, upload, response) and `reason` (rate, preempted).",
    ),
    (MetricKind::Gauge, "runcast_outbox_bytes", Unit::Bytes, "Unsent bytes of all viewers."),
    (
        MetricKind::Gauge,
        "runcast_screens_bytes",
        Unit::Bytes,
        "Bytes of screens' newest frames, kept for viewers who come.",
    ),
    (
        MetricKind::Counter,
        "runcast_screen_frames_total",
        Unit::Count,
        "Frames of screens that came, by `shown` (yes, nobody, node_full) and `kept` (yes, too_large, no_room).",
    ),
    (
        MetricKind::Counter,
        "runcast_screens_displaced_total",
        Unit::Count,
        "Kept frames that gave way because their run shows more streams than are kept.",
    ),
    (MetricKind::Counter, "runcast_events_received_total", Unit::Count, "Events posted, duplicates included."),
    (MetricKind::Counter, "runcast_events_delivered_total", Unit::Count, "Events written to viewers."),
    (MetricKind::Counter, "runcast_bytes_sent_total", Unit::Bytes, "Bytes written to viewers."),
    (MetricKind::Counter, "runcast_writes_total", Unit::Count, "Writes to viewers' sockets."),
    (
        MetricKind::Counter,
        "runcast_fell_behind_total",
        Unit::Count,
        "Live viewers that were too slow, or missed something, and pulled.",
    ),
    (
        MetricKind::Counter,
        "runcast_sessions_closed_total",
        Unit::Count,
        "Sessions that ended, by `reason` (stalled, no_pong ...).",
    ),
    (MetricKind::Histogram, "runcast_delivery_lag_seconds", Unit::Seconds, "From an event's arrival to its write."),
    (
        MetricKind::Histogram,
        "runcast_journal_commit_seconds",
        Unit::Seconds,
        "One group commit; in a cluster one append, with all that it took.",
    ),
    (MetricKind::Histogram, "runcast_journal_read_seconds", Unit::Seconds, "One read of the journal."),
    (MetricKind::Counter, "runcast_journal_appends_total", Unit::Count, "Appends stored."),
    (MetricKind::Counter, "runcast_journal_commits_total", Unit::Count, "Group commits."),
    (MetricKind::Counter, "runcast_journal_reads_total", Unit::Count, "Reads of the journal."),
    (MetricKind::Counter, "runcast_journal_failures_total", Unit::Count, "Failures of the journal, by `work`."),
    (
        MetricKind::Counter,
        "runcast_commands_total",
        Unit::Count,
        "Commands that were given, by the way (`via`) and by `outcome`: taken, or the code of the refusal.",
    ),
    (
        MetricKind::Counter,
        "runcast_decisions_total",
        Unit::Count,
        "Requests to steer a run that were decided, by `outcome` (answered, refused, signs_needed, contended, saturated, \
         unavailable, unknown, retired).",
    ),
    (
        MetricKind::Counter,
        "runcast_decisions_stored_total",
        Unit::Count,
        "Requests for which something was stored, by the appends that this took: `tries` (1 to 8).",
    ),
    (MetricKind::Gauge, "runcast_decisions_waiting", Unit::Count, "Requests to steer a run that wait to be decided."),
    (MetricKind::Gauge, "runcast_followed_runs", Unit::Count, "Runs whose doorbell this node listens to."),
    (MetricKind::Counter, "runcast_doorbells_total", Unit::Count, "Doorbells of other nodes heard."),
    (
        MetricKind::Gauge,
        "runcast_clock_jumped",
        Unit::Count,
        "1 while the clock is not where it should be and nothing ends by time, else 0.",
    ),
    (
        MetricKind::Gauge,
        "runcast_doorbell_subscribed",
        Unit::Count,
        "1 while this node hears what it rings itself, else 0.",
    ),
    (
        MetricKind::Counter,
        "runcast_doorbell_rebuilds_total",
        Unit::Count,
        "Subscriptions that failed and were built anew, by `purpose` (doorbell, screens).",
    ),
    (
        MetricKind::Counter,
        "runcast_holes_repaired_total",
        Unit::Count,
        "Reads of what a followed run lacked, by who had told that there is more: `source` (doorbell, check).",
    ),
    (
        MetricKind::Counter,
        "runcast_screens_shared_total",
        Unit::Count,
        "Frames of screens for other nodes, by `outcome`: sent, kept for who joins, dropped because there was no room for \
         them (`bridge.screen_bytes_per_sec`), failed.",
    ),
    (
        MetricKind::Gauge,
        "runcast_nodes",
        Unit::Count,
        "Nodes of the cluster that live, this one included; 0 while unknown.",
    ),
    (MetricKind::Counter, "runcast_catalog_failures_total", Unit::Count, "Writes of the list of runs that failed."),
    (
        MetricKind::Counter,
        "runcast_run_summaries_total",
        Unit::Count,
        "Summaries of runs that were written to the list.",
    ),
    (
        MetricKind::Counter,
        "runcast_run_summary_failures_total",
        Unit::Count,
        "Steps in which runs could not be summed up, or their tests' results not be written.",
    ),
    (
        MetricKind::Counter,
        "runcast_presence_failures_total",
        Unit::Count,
        "Rounds in which a node was not told of, or saw no other, by `work` (report, collect, look).",
    ),
    (
        MetricKind::Counter,
        "runcast_journal_losses_total",
        Unit::Count,
        "Times that Redis came back without what it had acknowledged.",
    ),
    (
        MetricKind::Gauge,
        "runcast_redis_up",
        Unit::Count,
        "1 while there is a connection to Redis, by `purpose` (journal, presence, screens), else 0.",
    ),
    (
        MetricKind::Counter,
        "runcast_redis_connects_total",
        Unit::Count,
        "Connections to Redis that were made, by `purpose`.",
    ),
    (MetricKind::Counter, "runcast_redis_commands_total", Unit::Count, "Commands sent to Redis, by `purpose`."),
    (
        MetricKind::Gauge,
        "runcast_redis_commands_in_flight",
        Unit::Count,
        "Commands that wait to be sent to Redis or for a reply, by `purpose`.",
    ),
    (
        MetricKind::Counter,
        "runcast_redis_missed_deadlines_total",
        Unit::Count,
        "Commands to Redis without a reply by their deadline, by `purpose`.",
    ),
    (
        MetricKind::Counter,
        "runcast_deadlines_total",
        Unit::Count,
        "Runs whose deadlines were looked at, by `outcome` (seen_to, failed).",
    ),
    (
        MetricKind::Gauge,
        "runcast_deadlines_put_off",
        Unit::Count,
        "Runs whose deadlines could not be seen to; they are tried again.",
    ),
    (
        MetricKind::Counter,
        "runcast_queries_total",
        Unit::Count,
        "Questions to runs' logs by `kind` (events, search, timeline, state) and `outcome` (answered, refused, saturated, \
         unavailable).",
    ),
    (MetricKind::Histogram, "runcast_query_seconds", Unit::Seconds, "One such question, by `kind`, its wait included."),
    (MetricKind::Gauge, "runcast_query_index_bytes", Unit::Bytes, "Bytes of the indexes that they are answered from."),
    (MetricKind::Gauge, "runcast_signs", Unit::Count, "Signs of life that are noted on this node."),
    (
        MetricKind::Counter,
        "runcast_signs_failures_total",
        Unit::Count,
        "Times that signs of life could not be told to the other nodes; nobody counts as silent meanwhile.",
    ),
    (
        MetricKind::Counter,
        "runcast_signs_overflows_total",
        Unit::Count,
        "Signs of life that found no room; nobody counts as silent before them.",
    ),
    (MetricKind::Counter, "runcast_runs_expired_total", Unit::Count, "Runs that expired."),
    (MetricKind::Counter, "runcast_runs_deleted_total", Unit::Count, "Runs that somebody deleted."),
    (MetricKind::Counter, "runcast_artifacts_stored_total", Unit::Count, "Artifacts that became ready, by `kind`."),
    (MetricKind::Counter, "runcast_artifact_bytes_total", Unit::Bytes, "Bytes of these as they came."),
    (MetricKind::Counter, "runcast_artifact_stored_bytes_total", Unit::Bytes, "Bytes of these as they are stored."),
    (
        MetricKind::Counter,
        "runcast_artifact_failures_total",
        Unit::Count,
        "Requests for artifacts that the server could not do, by `code`: storage_unavailable, storage_full, saturated ...",
    ),
    (MetricKind::Gauge, "runcast_artifacts_kept", Unit::Count, "Artifacts that are ready, on all nodes."),
    (MetricKind::Gauge, "runcast_artifacts_kept_bytes", Unit::Bytes, "Bytes of these as they are stored."),
    (
        MetricKind::Gauge,
        "runcast_artifacts_due",
        Unit::Count,
        "Objects that the next cleanup removes: of artifacts whose time is over, of uploads that did not end.",
    ),
    (
        MetricKind::Gauge,
        "runcast_disk_free_bytes",
        Unit::Bytes,
        "Free bytes of the disk, by what is kept there: `place` (data, objects, spool). 0 if it can't be asked.",
    ),
    (
        MetricKind::Gauge,
        "runcast_disk_min_free_bytes",
        Unit::Bytes,
        "Free bytes of the disk below which nothing is written, by `place`; 0: it is not checked.",
    ),
    (
        MetricKind::Gauge,
        "runcast_disk_used_bytes",
        Unit::Bytes,
        "Bytes of files that the node keeps, by `what` (journal, catalog, spool).",
    ),
    (
        MetricKind::Counter,
        "runcast_compressions_total",
        Unit::Count,
        "Attempts to store less, by `outcome`: gzip, rezipped, or why the original was kept.",
    ),
    (MetricKind::Histogram, "runcast_compression_seconds", Unit::Seconds, "One attempt to store less."),
    (MetricKind::Counter, "runcast_live_trace_parts_total", Unit::Count, "Parts of live traces that were stored."),
    (MetricKind::Counter, "runcast_live_trace_bytes_total", Unit::Bytes, "Bytes of these."),
    (MetricKind::Gauge, "runcast_live_trace_viewers", Unit::Count, "Viewers of live traces that are connected."),
    (MetricKind::Counter, "runcast_live_traces_removed_total", Unit::Count, "Live traces that were removed."),
    (MetricKind::Counter, "runcast_cleanup_runs_total", Unit::Count, "Cleanups of artifacts."),
    (
        MetricKind::Gauge,
        "runcast_cleanup_last_timestamp_seconds",
        Unit::Seconds,
        "When the last cleanup on any node began, in seconds since 1970; 0: there was none yet.",
    ),
    (
        MetricKind::Gauge,
        "runcast_cleanup_last_failed",
        Unit::Count,
        "1 if the last cleanup on any node did not remove all that was due, else 0.",
    ),
    (MetricKind::Counter, "runcast_cleanup_removed_total", Unit::Count, "Objects that cleanups removed."),
    (MetricKind::Counter, "runcast_cleanup_freed_bytes_total", Unit::Bytes, "Bytes of these."),
    (MetricKind::Counter, "runcast_cleanup_failures_total", Unit::Count, "Removals that failed; they are tried again."),
];

/// The metrics could not be set up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(String);

/// Access to the metrics of this process.
#[derive(Clone, Debug)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Sorts samples into buckets. It must be called every few seconds, because samples pile up until then.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Installs the process's metrics recorder. Several nodes in one process share it: later calls return the same handle.
///
/// # Errors
/// Another recorder was installed before.
pub fn install() -> Result<MetricsHandle, MetricsError> {
    static INSTALLED: OnceLock<Result<MetricsHandle, MetricsError>> = OnceLock::new();
    INSTALLED.get_or_init(first_install).clone()
}

fn first_install() -> Result<MetricsHandle, MetricsError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
        .map_err(|error| MetricsError(error.to_string()))?;
    let handle = builder.install_recorder().map_err(|error| MetricsError(error.to_string()))?;
    for (kind, name, unit, help) in METRICS.iter().copied() {
        match kind {
            MetricKind::Counter => metrics::describe_counter!(name, unit, help),
            MetricKind::Gauge => metrics::describe_gauge!(name, unit, help),
            MetricKind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
    }
    metrics::gauge!("runcast_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
    Ok(MetricsHandle(handle))
}

#[cfg(test)]
mod tests;
