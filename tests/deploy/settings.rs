//! Settings as the files of `deploy/` make them, read as the server reads them; and quantities as these files write
//! them.

use std::ffi::OsString;

use runcast::config::{Config, ConfigSources};

/// The most that `/ready` may take: the journal and the catalog have 2 s each, and the answer has to travel.
pub(crate) const READY_SECS: u64 = 5;

/// What a stop may take besides `server.drain_secs`, so that what waits for it must be so much more patient: closing
/// the stores 5 s, the last reports of errors 2 s.
pub(crate) const SPARE_SECS: u64 = 8;

/// The configuration of a node with these variables; fails unless each sets a key.
pub(crate) fn config<'a>(file: &str, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Config {
    let known = toml::Table::try_from(Config::default()).unwrap();
    let mut environment: Vec<(OsString, OsString)> = Vec::new();
    for (name, value) in variables {
        let key = name.strip_prefix("RUNCAST__").unwrap_or_else(|| panic!("{file}: {name} sets no key"));
        let (section, key) = key.split_once("__").unwrap_or_else(|| panic!("{file}: {name} names no section"));
        let found = known.get(&section.to_ascii_lowercase()).and_then(|keys| keys.get(key.to_ascii_lowercase()));
        assert!(found.is_some() && name == name.to_ascii_uppercase(), "{file}: {name} sets no key");
        environment.push((name.into(), value.into()));
    }
    let loaded = Config::load(&ConfigSources { environment, ..ConfigSources::default() });
    let loaded = loaded.unwrap_or_else(|problems| panic!("{file}: {problems}"));
    assert!(loaded.warnings.is_empty(), "{file}: {:?}", loaded.warnings);
    loaded.config
}

/// Milliseconds of `60s`, `500ms`, `75` (seconds) or `10m`.
pub(crate) fn millis(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        other => panic!("{other:?} is no unit of time in {text:?}"),
    };
    digits.parse::<u64>().unwrap_or_else(|_| panic!("no time: {text:?}")) * unit
}

/// What all buffers of a node may hold together, in bytes: docs/reliability.md, "Every buffer and its budget".
pub(crate) fn buffers(config: &Config) -> u64 {
    let Config { artifacts, catalog, ingest, queries, room, server, session, .. } = config;
    let budgets = [
        ingest.inflight_bytes,
        room.ring_total_bytes,
        room.screens_total_bytes,
        queries.index_bytes,
        catalog.summary_bytes,
        server.response_bytes,
        session.outbox_total_bytes,
        artifacts.live_trace_cache_bytes,
    ];
    budgets.iter().map(|bytes| *bytes as u64).sum()
}

/// Bytes of `5m` (nginx), `2g` (Docker), `2G` (systemd) or `1Gi` (Kubernetes).
pub(crate) fn bytes(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "k" | "Ki" => 1 << 10,
        "m" | "Mi" => 1 << 20,
        "g" | "G" | "Gi" => 1 << 30,
        other => panic!("{other:?} is no unit of bytes in {text:?}"),
    };
    digits.parse::<u64>().unwrap_or_else(|_| panic!("no size: {text:?}")) * unit
}

/// The longest silence in a connection that is well, in milliseconds: between two pings, or in a long poll.
pub(crate) fn longest_silence() -> u64 {
    let openapi: serde_json::Value = serde_json::from_str(include_str!("../../src/http/openapi.json")).unwrap();
    let parameters = openapi["paths"]["/api/runs/{runId}/events"]["get"]["parameters"].as_array().unwrap();
    let wait = parameters.iter().find(|parameter| parameter["name"] == "wait").unwrap();
    let wait = wait["schema"]["maximum"].as_u64().unwrap();
    wait.max(Config::default().heartbeat.ping_secs) * 1_000
}
