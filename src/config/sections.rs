//! Declares every key once: its type, its default and its range.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Network;
use super::access::AuthConfig;
use super::bind::{BindAddress, OpsBind};
use super::declare::{section, sections};
use super::sections_of_artifacts::{ArtifactsConfig, CleanupConfig, ObjectsConfig, RetentionConfig};
use super::stores::{CatalogSetting, JournalUrl};
use super::values::{LogFormat, PauseExpiry, Secret, SyncSetting};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const ANY_MEMORY: RangeInclusive<i64> = 64 * 1024..=1 << 40;
const ANY_DISK: RangeInclusive<i64> = 0..=1 << 50;

sections! {
    elsewhere {
        /// Who may do what.
        auth: AuthConfig;
        /// The store of artifacts.
        objects: ObjectsConfig;
        /// Files that a run produces besides its log.
        artifacts: ArtifactsConfig;
        /// How long artifacts are kept.
        retention: RetentionConfig;
        /// Removal of expired artifacts.
        cleanup: CleanupConfig;
    }

    /// The process: its address, its limits, and how it stops.
    server: ServerConfig {
        /// Address or host name, and port, to listen on; port 0 takes a free one.
        bind: BindAddress = SocketAddr::from((Ipv4Addr::LOCALHOST, 3001)).into();
        /// A second address and port, for operators: metrics, the whole of `/ready`, actors, cleanup. Empty: they are on
        /// `bind`.
        ops_bind: OpsBind = OpsBind::default();
        /// Threads that serve connections; 0: one per core.
        workers: usize = 0, 0..=1024;
        /// How viewers reach this node from outside, as `https://host[:port]`; empty: only by a loopback name.
        public_url: String = String::new();
        /// Further host names by which this node is reached: names, and `*.name` for all names below one.
        allowed_hosts: Vec<String> = Vec::new();
        /// Origins of other sites whose pages may use this server, as `https://host[:port]`.
        allowed_origins: Vec<String> = Vec::new();
        /// Proxies whose forwarded addresses count: addresses or blocks (`10.0.0.0/8`).
        trusted_proxies: Vec<Network> = Vec::new();
        /// Most open connections; 0: as many as the descriptor limit allows.
        max_connections: usize = 0, 0..=10_000_000;
        /// Seconds that a stop may take: the notice, viewers moving away, the last appends. Closing the stores may take
        /// 5 more.
        drain_secs: u64 = 30, 0..=3_600;
        /// Seconds of `drain_secs` in which `/ready` refuses while everything still works.
        drain_notice_secs: u64 = 0, 0..=3_600;
        /// This node's name, which no other node of a cluster may have; empty: generated at the start.
        node_id: String = String::new();
        /// Directory of everything that the node keeps; unused in a cluster.
        data_dir: PathBuf = PathBuf::from("data");
        /// Seconds that an idle HTTP connection stays open.
        keep_alive_secs: u64 = 75, 0..=3_600;
        /// Seconds that a request's head may take to arrive.
        header_timeout_secs: u64 = 10, 1..=300;
        /// Bytes per second, on average, at which a body must arrive and a response must be read; 0: any byte is
        /// enough.
        min_bytes_per_sec: u64 = 1_024, 0..=1 << 30;
        /// Seconds that a body may be behind `min_bytes_per_sec`, for instance in a pause; artifacts have
        /// `artifacts.pause_secs`.
        body_pause_secs: u64 = 10, 1..=3_600;
        /// Seconds that the reader of a response may be behind `min_bytes_per_sec`.
        response_pause_secs: u64 = 120, 1..=86_400;
        /// Bytes of all responses that are being built or wait for their readers.
        response_bytes: usize = 128 * MIB, ANY_MEMORY;
    }

    /// What each client may do: an address while nobody knows who it is, of IPv6 the network of 64 bits; else a principal.
    limits: LimitsConfig {
        /// Connections at a time; behind a trusted proxy, those that watch. 0: without a limit.
        connections: usize = 20_000, 0..=10_000_000;
        /// Requests per second, on average; 0: without a limit.
        requests_per_sec: u64 = 5_000, 0..=10_000_000;
        /// Requests that may come at once.
        request_burst: u64 = 20_000, 1..=100_000_000;
        /// Events that are posted per second, on average; 0: without a limit.
        events_per_sec: u64 = 100_000, 0..=1_000_000_000;
        /// Events that may come at once; a larger request passes after a rest.
        event_burst: u64 = 1_000_000, 1..=10_000_000_000;
        /// Clients that are remembered; the one that was not heard of for longest is forgotten.
        max_clients: usize = 65_536, 256..=10_000_000;
    }

    /// Limits on what producers post.
    ingest: IngestConfig {
        /// Most bytes of one event.
        max_event_bytes: usize = 256 * KIB, 1024..=16 << 20;
        /// Most bytes of one request, decoded.
        max_batch_bytes: usize = 4 * MIB, 1024..=64 << 20;
        /// Most events of one request.
        max_batch_events: usize = 10_000, 1..=1_000_000;
        /// Bytes of all request bodies that the node holds at the same time.
        inflight_bytes: usize = 64 * MIB, ANY_MEMORY;
        /// Milliseconds after which an append must no longer run; it is then refused.
        append_timeout_ms: u64 = 2_500, 100..=120_000;
        /// Most bytes of one screen frame.
        frame_bytes: usize = 2 * MIB, 1024..=64 << 20;
        /// Milliseconds that producers are told to collect events for while their run is watched.
        flush_ms: u64 = 250, 10..=60_000;
        /// The same while nobody watches.
        flush_unwatched_ms: u64 = 2_000, 10..=60_000;
    }

    /// The runs' logs.
    journal: JournalConfig {
        /// `sqlite:PATH` (relative to `server.data_dir`), `memory:`, or `redis:` (the Redis of `redis.url`).
        url: JournalUrl = JournalUrl::Sqlite("journal.db".into());
        /// What an acknowledged event survives.
        sync: SyncSetting = SyncSetting::Normal;
        /// Most bytes of one run's events.
        max_run_bytes: u64 = 256 * MIB as u64, 1 << 20..=1 << 40;
        /// Free bytes of the disk below which appends are refused.
        min_free_bytes: u64 = 256 * MIB as u64, ANY_DISK;
        /// Hours that an ended run is kept after its last event.
        retain_hours: u64 = 168, 1..=876_000;
        /// Hours without an event after which a live run is marked lost. What steers a run is no event here.
        lost_hours: u64 = 48, 1..=876_000;
        /// Hours after its last event when an ended run is sealed.
        seal_hours: u64 = 1, 0..=876_000;
        /// Days that an expired run refuses late posts.
        tombstone_days: u64 = 90, 1..=36_500;
        /// Seconds by which the wall clock may be wrong; beyond it nothing is deleted or ended by time.
        max_clock_step_secs: u64 = 3_600, 1..=31_536_000;
        /// Bytes of all appends that wait for the disk.
        queue_bytes: usize = 64 * MIB, ANY_MEMORY;
        /// Seconds between two sweeps, which mark, seal and expire runs.
        sweep_secs: u64 = 60, 1..=86_400;
        /// Most runs per step of a sweep.
        sweep_batch: usize = 100, 1..=10_000;
    }

    /// The list of runs.
    catalog: CatalogConfig {
        /// `sqlite:PATH` (relative to `server.data_dir`), `memory:`, or `postgres://..`.
        url: CatalogSetting = CatalogSetting::Sqlite("catalog.db".into());
        /// Least milliseconds between two summaries of a run, which the list shows.
        summary_ms: u64 = 1_000, 20..=60_000;
        /// Bytes of what this node has folded of runs and keeps for their next summaries.
        summary_bytes: usize = 64 * MIB, ANY_MEMORY;
        /// Days after a run's last event that the history of its tests is kept; 0: as long as the run.
        history_days: u64 = 90, 0..=36_500;
        /// Milliseconds between two looks for changes of the list while somebody listens.
        stream_ms: u64 = 1_000, 20..=60_000;
        /// Most listeners to changes of the list on this node.
        stream_listeners: usize = 256, 1..=100_000;
        /// Seconds between two comments to a listener who is told nothing else.
        stream_comment_secs: u64 = 15, 1..=300;
    }

    /// The Redis that the nodes of a cluster share: the journal, the doorbell between nodes, their presence.
    redis: RedisConfig {
        /// `redis://` or `rediss://[user[:password]@]host[:port][/db]`; empty: a single node.
        url: Secret = Secret::default();
        /// Beginning of the name of every key and channel; 1 to 32 of `A-Z a-z 0-9 . _ -`.
        prefix: String = "runcast".into();
        /// PEM file of the certificates that `rediss://` trusts; empty: the public authorities.
        ca_file: PathBuf = PathBuf::new();
        /// Milliseconds that Redis has to answer a command.
        command_timeout_ms: u64 = 2_000, 50..=60_000;
    }

    /// How a node follows the other nodes.
    bridge: BridgeConfig {
        /// Seconds that a room stays subscribed after its last viewer has left.
        linger_secs: u64 = 10, 0..=3_600;
        /// Milliseconds that a segment which came too early waits for the one before it.
        reorder_ms: u64 = 10, 0..=1_000;
        /// Seconds between two comparisons of the rooms' tips with the journal's.
        tip_check_secs: u64 = 5, 1..=300;
        /// Seconds within which a dead subscription is found and rebuilt.
        probe_secs: u64 = 10, 1..=300;
        /// Bytes of screens per second, on average, that this node sends to the others.
        screen_bytes_per_sec: usize = 4 * MIB, 64 * 1024..=1 << 30;
    }

    /// How nodes report that they are alive.
    presence: PresenceConfig {
        /// Seconds after which this node reports even if nothing has changed; changes are reported each second.
        report_secs: u64 = 5, 1..=300;
        /// Seconds after its last report when a node counts as gone.
        ttl_secs: u64 = 15, 2..=3_600;
    }

    /// A room: one run on this node.
    room: RoomConfig {
        /// Bytes of recent events that a room keeps in memory.
        ring_bytes: usize = MIB, ANY_MEMORY;
        /// Bytes of recent events that all rooms together keep in memory; the least recently used room frees its own
        /// first.
        ring_total_bytes: usize = 128 * MIB, ANY_MEMORY;
        /// Bytes of a page that a viewer gets while it catches up.
        page_bytes: usize = 256 * KIB, 4_096..=64 << 20;
        /// Seconds after which a room without viewers and posts ends.
        idle_secs: u64 = 60, 1..=86_400;
        /// Bytes of posts that wait in a room; further posts are answered "saturated".
        queue_bytes: usize = 8 * MIB, ANY_MEMORY;
        /// Bytes of screens' newest frames that all rooms together keep for viewers who come; a further frame is shown
        /// and not kept.
        screens_total_bytes: usize = 128 * MIB, ANY_MEMORY;
        /// Seconds that the newest frame of a screen is kept.
        screen_keep_secs: u64 = 60, 1..=3_600;
        /// Seconds that the screen that is shown by itself stays the same without a new frame while others have some.
        screen_auto_secs: u64 = 5, 1..=3_600;
        /// Most messages that wait for a room.
        mailbox: usize = 4_096, 16..=65_536;
        /// Most rooms; beyond it the least recently used one without viewers ends, or a new room is refused.
        max_rooms: usize = 20_000, 16..=10_000_000;
    }

    /// Questions to runs' logs: filtered pages, searches, timelines, earlier states.
    queries: QueriesConfig {
        /// Most questions that a node works on at a time.
        at_a_time: usize = 2, 1..=1_000;
        /// Most questions that wait besides; further ones are answered "saturated".
        max_waiting: usize = 64, 0..=100_000;
        /// Seconds that a question waits for its turn.
        wait_secs: u64 = 10, 1..=300;
        /// Bytes of all runs' indexes; the one used least recently gives way.
        index_bytes: usize = 128 * MIB, ANY_MEMORY;
        /// Most bytes of a log that one question looks through; the next one goes on.
        scan_bytes: usize = 32 * MIB, 1024..=1 << 30;
    }

    /// A session: one viewer's connection.
    session: SessionConfig {
        /// Unsent bytes at which a live viewer falls back to reading from the log.
        outbox_bytes: usize = 256 * KIB, 4_096..=64 << 20;
        /// Unsent bytes of all viewers together.
        outbox_total_bytes: usize = 256 * MIB, ANY_MEMORY;
        /// Seconds without a sent byte after which a viewer is dropped.
        stall_secs: u64 = 60, 1..=3_600;
        /// Most bytes of a message from a viewer.
        max_message_bytes: usize = 64 * KIB, 1024..=1 << 20;
        /// Bytes that the kernel may hold unsent for a viewer.
        send_buffer_bytes: usize = 64 * KIB, 4_096..=16 << 20;
    }

    /// Pings to viewers.
    heartbeat: HeartbeatConfig {
        /// Seconds between two pings to a viewer.
        ping_secs: u64 = 20, 1..=3_600;
        /// Seconds that a viewer has to answer.
        pong_deadline_secs: u64 = 50, 2..=7_200;
    }

    /// Steering: what viewers and agents may want of a run, and how long what they want is good for.
    control: ControlConfig {
        /// Most commands that viewers may give to one run.
        max_events: u64 = 10_000, 1..=1_000_000;
        /// Most bytes of them.
        max_bytes: u64 = 8 * MIB as u64, 64 * 1024..=1 << 30;
        /// Seconds that a pause may last.
        max_pause_secs: u64 = 900, 1..=86_400;
        /// Seconds that a run may pause altogether.
        max_pause_total_secs: u64 = 3_600, 1..=604_800;
        /// What becomes of a run whose pause is over: `resume` or `cancel`.
        on_pause_expiry: PauseExpiry = PauseExpiry::Resume;
        /// Seconds that a producer may work on a command that it has accepted.
        run_secs: u64 = 120, 1..=86_400;
        /// Seconds that the holder of a lease may give no sign of life.
        lease_secs: u64 = 60, 1..=3_600;
        /// Seconds after the holder's last command in which its open socket is a sign of life.
        lease_socket_secs: u64 = 300, 1..=86_400;
        /// Seconds that a `cancel` waits until somebody obeys.
        cancel_secs: u64 = 60, 1..=3_600;
        /// Milliseconds between two looks for runs that are due.
        due_interval_ms: u64 = 1_000, 50..=60_000;
        /// Most requests to steer one run that wait to be decided on a node; further ones are answered "saturated".
        max_waiting: usize = 1_000, 1..=100_000;
        /// Commands per second of one subject for one run, on average.
        commands_per_sec: u64 = 10, 1..=10_000;
        /// Commands of one subject for one run that may come at once.
        command_burst: u64 = 30, 1..=100_000;
    }

    /// Producers that have joined a run as workers.
    runs: RunsConfig {
        /// Seconds without a sign of life after which a producer counts as silent.
        silent_secs: u64 = 120, 1..=86_400;
        /// Seconds after which it is given up.
        lost_secs: u64 = 900, 2..=604_800;
        /// Seconds that a run waits for shards that were announced, once all that have joined have ended.
        shard_wait_secs: u64 = 900, 1..=604_800;
    }

    /// Restarts of failed parts.
    supervisor: SupervisorConfig {
        /// Milliseconds before the first restart; doubles with each.
        backoff_ms: u64 = 100, 1..=60_000;
        /// Most milliseconds before a restart.
        backoff_max_ms: u64 = 30_000, 1..=3_600_000;
        /// Restarts of a permanent part in `window_secs` after which the node drains and exits with 70.
        max_restarts: usize = 5, 0..=1_000;
        /// Seconds in which restarts are counted.
        window_secs: u64 = 60, 1..=86_400;
        /// Failures of a room in `window_secs` after which its run is quarantined.
        room_failures: usize = 3, 1..=1_000;
    }

    /// The log of the process.
    log: LogConfig {
        /// `auto` (pretty on a terminal, JSON otherwise), `pretty` or `json`.
        format: LogFormat = LogFormat::Auto;
        /// Filter of the log in tracing's directives: `info`, `warn,runcast=debug`.
        filter: String = "info".into();
        /// File to which the lines of the audit log are added; empty: they are lines of the log.
        audit_file: String = String::new();
    }

    /// Reports of errors.
    sentry: SentryConfig {
        /// Address to which errors are reported; empty: no reports.
        dsn: Secret = Secret::default();
        /// The environment named in reports.
        environment: String = "production".into();
    }
}
