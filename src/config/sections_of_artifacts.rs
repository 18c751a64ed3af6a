//! Declares the keys of artifacts: their store, their bounds, and how long they are kept.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::declare::section;
use super::objects::{KeepRule, MAX_DAYS, ObjectsUrl};
use super::values::{AddressingSetting, Secret};

const MIB: usize = 1024 * 1024;

section! {
    /// The store of artifacts.
    objects: ObjectsConfig {
        /// `dir:PATH` (relative to `server.data_dir`), `s3://`, `gs://` or `az://BUCKET[/PREFIX]`, `none:`; empty:
        /// `dir:objects` on a single node, none in a cluster.
        url: ObjectsUrl = ObjectsUrl::Usual;
        /// Address of the store, as `https://host[:port][/path]`; empty: the cloud's own address.
        endpoint: String = String::new();
        /// Address of the store for clients, if they must use another host; empty: like `endpoint`.
        public_url: String = String::new();
        /// Region of an S3 bucket.
        region: String = "us-east-1".into();
        /// How an S3 bucket is named in URLs: in the path, or as a part of the host.
        addressing: AddressingSetting = AddressingSetting::Path;
        /// S3: access key id; Azure: account name; empty: taken from the environment of the process.
        access_key: Secret = Secret::default();
        /// S3: secret access key; Azure: account key.
        secret_key: Secret = Secret::default();
        /// GCS: file with the key of a service account; empty: taken from the environment of the process.
        credentials_file: PathBuf = PathBuf::new();
        /// PEM file of the only authorities trusted for the endpoint; empty: the public ones.
        ca_file: PathBuf = PathBuf::new();
        /// Seconds for which a signed URL is valid.
        url_ttl_secs: u64 = 3_600, 1..=604_800;
        /// Key of the server's own signed URLs, 32 characters or more; empty: derived from `secret_key` in a cluster,
        /// else generated once in the data directory.
        signing_key: Secret = Secret::default();
        /// Seconds that the store may take to answer a request, and to continue an answer.
        request_secs: u64 = 30, 1..=3_600;
        /// Seconds for which a failed request is repeated; the last attempt may take `request_secs` in addition.
        retry_secs: u64 = 10, 0..=600;
    }
}

section! {
    /// Files that a run produces besides its log.
    artifacts: ArtifactsConfig {
        /// Most bytes of an artifact.
        max_bytes: u64 = 2048 * MIB as u64, 1..=1 << 40;
        /// Most artifacts of a run.
        max_per_run: usize = 10_000, 1..=1_000_000;
        /// Most concurrent uploads through this node.
        max_uploads: usize = 64, 1..=10_000;
        /// Seconds that an upload may be behind `server.min_bytes_per_sec`, for instance in a pause.
        pause_secs: u64 = 60, 1..=86_400;
        /// Most artifacts that this node reads from a bucket at the same time to decode them for clients.
        max_downloads: usize = 64, 1..=10_000;
        /// Directory for uploads in progress; empty: `spool` in the data directory, in a cluster the system's own.
        spool_dir: PathBuf = PathBuf::new();
        /// Hours after which an unfinished upload is given up.
        upload_hours: u64 = 24, 1..=8_760;
        /// Whether artifacts that are uploaded through the server are compressed.
        compress: bool = true;
        /// Whether artifacts that were uploaded directly to the store are compressed afterwards.
        compress_direct: bool = true;
        /// Concurrent compressions; 0: one per core but one.
        compress_threads: usize = 0, 0..=1024;
        /// Directory of Playwright's trace viewer, which `scripts/trace-viewer` fetches; a relative path is looked up
        /// in the working directory, then beside the program.
        trace_viewer_dir: PathBuf = PathBuf::from("trace-viewer");
        /// Most bytes of a live trace; it ends there.
        live_trace_bytes: u64 = 64 * MIB as u64, 1..=1 << 30;
        /// Most posts a second to one live trace through this node.
        live_trace_posts_per_sec: u32 = 2, 1..=1_000;
        /// Hours after the last part of a live trace in which it is kept.
        live_trace_hours: u64 = 2, 1..=8_760;
        /// Seconds between two looks for live traces whose time is over.
        live_trace_sweep_secs: u64 = 60, 1..=86_400;
        /// Milliseconds between two looks for more of a live trace that is being watched.
        live_trace_poll_ms: u64 = 1_000, 50..=60_000;
        /// Least milliseconds between two updates of a live trace's viewer.
        live_trace_update_ms: u64 = 2_000, 50..=60_000;
        /// Most viewers of live traces on this node.
        live_trace_viewers: usize = 256, 1..=100_000;
        /// Bytes of live traces' parts that this node keeps in memory.
        live_trace_cache_bytes: usize = 32 * MIB, 0..=1 << 36;
    }
}

section! {
    /// How long artifacts are kept.
    retention: RetentionConfig {
        /// Days that artifacts are kept.
        days: u32 = 30, 0..=i64::from(MAX_DAYS);
        /// Days for single kinds: `["video=7", "trace=14"]`.
        rules: Vec<KeepRule> = Vec::new();
        /// Whether a setting of 0 days is intended: such artifacts expire at once.
        allow_zero: bool = false;
        /// Days for which a deleted artifact is answered with 410.
        tombstone_days: u64 = 90, 0..=36_500;
    }
}

section! {
    /// Removal of expired artifacts.
    cleanup: CleanupConfig {
        /// Whether the cleanup runs by itself.
        enabled: bool = true;
        /// Hours between two runs of the cleanup.
        interval_hours: u64 = 24, 1..=8_760;
        /// Artifacts per step.
        batch: usize = 100, 1..=1_000;
        /// Whether objects without an artifact, and artifacts without an object, are removed and not only reported.
        orphans: bool = false;
        /// Seconds for which an object without an artifact is not removed.
        orphan_grace_secs: u64 = 3_600, 0..=31_536_000;
    }
}
