//! What a type can't say: single values that are wrong, and values that contradict one another.

use tracing_subscriber::EnvFilter;

use super::{Config, StoreUrl};

/// Bytes of a run that only its status and the server's own events may use; see `storage::journal::RESERVED_BYTES`.
const RUN_RESERVE: u64 = 64 * 1024;

/// Longest node id.
const MAX_NODE_ID: usize = 64;

/// What a type says about a value that it refused, in words for people.
pub(super) fn explain(key: &str, message: &str) -> String {
    match key {
        "server.bind" => "must be ADDRESS:PORT, for instance 127.0.0.1:3001 or [::]:3001".to_owned(),
        _ => message.to_owned(),
    }
}

/// What is wrong with the value of `key` alone.
pub(super) fn value(key: &str, config: &Config) -> Option<String> {
    match key {
        "server.public_url" if !config.server.public_url.is_empty() => origin(&config.server.public_url),
        "server.allowed_origins" => config.server.allowed_origins.iter().find_map(|text| origin(text)),
        "server.node_id" => node_id(&config.server.node_id),
        "server.data_dir" if config.server.data_dir.as_os_str().is_empty() => Some("must name a directory".into()),
        "log.filter" => EnvFilter::try_new(&config.log.filter).err().map(|error| error.to_string()),
        "sentry.dsn" if !config.sentry.dsn.is_empty() => match config.sentry.dsn.reveal().parse::<sentry::types::Dsn>()
        {
            Ok(_) => None,
            Err(_) => Some("is no Sentry DSN (https://KEY@HOST/PROJECT)".into()),
        },
        "redis.url" if !config.redis.url.is_empty() => {
            Some("must stay empty: Redis joins several nodes, and this version is a single node".into())
        }
        "objects.url" if !config.objects.url.is_empty() => {
            Some("must stay empty: object storage is for artifacts, which this version does not keep".into())
        }
        _ => None,
    }
}

/// An origin as browsers send it (RFC 6454): `scheme://host[:port]`, nothing behind it, no default port.
fn origin(text: &str) -> Option<String> {
    let form = || Some(format!("{text:?} is no origin: it must be like https://runcast.example.org[:PORT]"));
    // reqwest's own re-export of the url crate.
    let Ok(url) = reqwest::Url::parse(text) else { return form() };
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return form();
    }
    let right = url.origin().ascii_serialization();
    (right != text).then(|| format!("{text:?} must be written {right}"))
}

fn node_id(id: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (id.len() > MAX_NODE_ID || !id.chars().all(fits))
        .then(|| format!("must have at most {MAX_NODE_ID} characters of A-Z a-z 0-9 . _ -"))
}

/// Two keys that contradict each other.
pub(super) struct Conflict {
    pub(super) keys: [&'static str; 2],
    pub(super) text: String,
}

/// Everything that can't hold together.
pub(super) fn conflicts(config: &Config) -> Vec<Conflict> {
    let Config { server, ingest, journal, catalog, room, session, heartbeat, supervisor, .. } = config;
    let mut found = Vec::new();
    let mut at_most = |low: (&'static str, u64), high: (&'static str, u64), why: &str| {
        if low.1 > high.1 {
            let text = format!("{} is more than {}: {why}", low.1, high.1);
            found.push(Conflict { keys: [low.0, high.0], text });
        }
    };
    let event = ("ingest.max_event_bytes", ingest.max_event_bytes as u64);
    let batch = ("ingest.max_batch_bytes", ingest.max_batch_bytes as u64);
    at_most(event, batch, "the largest event would fit into no batch");
    let fits = "the largest batch would never be accepted";
    at_most(batch, ("ingest.inflight_bytes", ingest.inflight_bytes as u64), fits);
    at_most(batch, ("room.queue_bytes", room.queue_bytes as u64), fits);
    at_most(batch, ("journal.queue_bytes", journal.queue_bytes as u64), fits);
    at_most(batch, ("journal.max_run_bytes", journal.max_run_bytes.saturating_sub(RUN_RESERVE)), fits);
    at_most(
        ("room.ring_bytes", room.ring_bytes as u64),
        ("room.ring_total_bytes", room.ring_total_bytes as u64),
        "one room would exceed the budget of all",
    );
    at_most(
        ("session.outbox_bytes", session.outbox_bytes as u64),
        ("session.outbox_total_bytes", session.outbox_total_bytes as u64),
        "one viewer would exceed the budget of all",
    );
    at_most(
        ("heartbeat.ping_secs", heartbeat.ping_secs.saturating_add(1)),
        ("heartbeat.pong_deadline_secs", heartbeat.pong_deadline_secs),
        "a viewer could be dropped before it was pinged",
    );
    at_most(
        ("supervisor.backoff_ms", supervisor.backoff_ms),
        ("supervisor.backoff_max_ms", supervisor.backoff_max_ms),
        "the first pause would exceed the longest",
    );
    at_most(
        ("server.drain_notice_secs", server.drain_notice_secs),
        ("server.drain_secs", server.drain_secs),
        "the notice is a part of the drain",
    );
    at_most(
        ("journal.seal_hours", journal.seal_hours),
        ("journal.retain_hours", journal.retain_hours),
        "a run would expire before it is sealed",
    );
    if let StoreUrl::Sqlite(path) = &catalog.url {
        let text = match &journal.url {
            StoreUrl::Memory => {
                "a catalog on disk would list runs that a journal in memory has lost; use memory: for both"
            }
            StoreUrl::Sqlite(other) if other == path => "must be two files",
            StoreUrl::Sqlite(_) => return found,
        };
        found.push(Conflict { keys: ["journal.url", "catalog.url"], text: text.into() });
    }
    found
}

/// What holds together, but perhaps was not meant.
pub(super) fn doubts(config: &Config) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if !config.server.bind.ip().is_loopback() && config.server.public_url.is_empty() {
        let text = "listens for other machines, but answers only requests for a loopback name: set server.public_url to \
                    how viewers reach it";
        found.push(("server.bind", text.to_owned()));
    }
    found
}
