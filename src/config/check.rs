//! Checks that types can't express: invalid single values, and values that contradict one another.

use tracing_subscriber::EnvFilter;

use super::bind::BindAddressError;
use super::conflict::Conflict;
use super::{AuthMode, CatalogSetting, Config, JournalUrl, KeepRule, ObjectsUrl, check_objects};
use crate::protocol::head::is_pattern;

/// Bytes of a run that are kept for its end and that no batch may fill; the same as `storage::journal::RESERVED_BYTES`.
const RUN_RESERVE: u64 = 64 * 1024;

/// Fewest characters of the key of signed URLs.
const MIN_SIGNING_KEY: usize = 32;
/// Most characters of a node id.
const MAX_NODE_ID: usize = 64;
/// Most characters of a prefix, which is a part of every key's name.
const MAX_PREFIX: usize = 32;

/// The message about a value that its type refused, in words for an operator.
pub(super) fn explain(key: &str, message: &str) -> String {
    match key {
        "server.bind" | "server.ops_bind" => BindAddressError.to_string(),
        _ => message.to_owned(),
    }
}

/// Checks the value of `key` alone; returns what is wrong with it.
pub(super) fn value(key: &str, config: &Config) -> Option<String> {
    match key {
        "server.public_url" if !config.server.public_url.is_empty() => origin(&config.server.public_url),
        "server.allowed_hosts" => config.server.allowed_hosts.iter().find_map(|text| host_pattern(text)),
        "server.allowed_origins" => config.server.allowed_origins.iter().find_map(|text| origin(text)),
        "server.node_id" if !config.server.node_id.is_empty() => {
            name(&config.server.node_id, MAX_NODE_ID, "must have at most 64 characters of A-Z a-z 0-9 . _ -")
        }
        "server.data_dir" if config.server.data_dir.as_os_str().is_empty() => Some("must name a directory".into()),
        "log.filter" => EnvFilter::try_new(&config.log.filter).err().map(|error| error.to_string()),
        "sentry.dsn" if !config.sentry.dsn.is_empty() => match config.sentry.dsn.reveal().parse::<sentry::types::Dsn>()
        {
            Ok(_) => None,
            Err(_) => Some("is no Sentry DSN (https://KEY@HOST/PROJECT)".into()),
        },
        "redis.url" if !config.redis.url.is_empty() => redis_url(config.redis.url.reveal()),
        "redis.prefix" => name(&config.redis.prefix, MAX_PREFIX, "must have 1 to 32 characters of A-Z a-z 0-9 . _ -"),
        "objects.endpoint" if !config.objects.endpoint.is_empty() => address(&config.objects.endpoint),
        "objects.public_url" if !config.objects.public_url.is_empty() => address(&config.objects.public_url),
        "objects.region" if config.objects.region.is_empty() => Some("must name a region".into()),
        "objects.signing_key" if !config.objects.signing_key.is_empty() => {
            let short = config.objects.signing_key.reveal().len() < MIN_SIGNING_KEY;
            short
                .then(|| format!("must have {MIN_SIGNING_KEY} characters or more: whoever guesses it reads everything"))
        }
        "auth.signing_keys" => {
            let is_short = config.auth.signing_keys.iter().any(|key| key.reveal().len() < MIN_SIGNING_KEY);
            is_short
                .then(|| format!("each must have {MIN_SIGNING_KEY} characters or more: whoever guesses one is anybody"))
        }
        "retention.rules" => twice(&config.retention.rules),
        _ => None,
    }
}

/// Finds a kind of artifacts that has two rules.
fn twice(rules: &[KeepRule]) -> Option<String> {
    let mut kinds = rules.iter().map(|rule| rule.kind).enumerate();
    let second = kinds.find(|(index, kind)| rules[..*index].iter().any(|rule| rule.kind == *kind));
    second.map(|(_, kind)| format!("has two rules for {}", kind.as_str()))
}

/// Checks a pattern of hosts: a name, or `*.name` for all names below it.
fn host_pattern(text: &str) -> Option<String> {
    let form =
        "no host name: it must be like runs.example.org, or *.example.org for all names below it, without a port";
    (!is_pattern(text)).then(|| format!("{text:?} is {form}"))
}

/// Checks an origin as browsers send it (RFC 6454): `scheme://host[:port]`, with nothing after it and no default port.
fn origin(text: &str) -> Option<String> {
    let form = || Some(format!("{text:?} is no origin: it must be like https://runcast.example.org[:PORT]"));
    // reqwest re-exports `Url` of the url crate.
    let Ok(url) = reqwest::Url::parse(text) else { return form() };
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return form();
    }
    let right = url.origin().ascii_serialization();
    (right != text).then(|| format!("{text:?} must be written {right}"))
}

/// Checks the address of a store: an origin, optionally with a path, and nothing after it.
fn address(text: &str) -> Option<String> {
    let path = text.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    match path {
        None => origin(text),
        Some((_, path)) => {
            let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
            let fits = !path.is_empty()
                && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
                && path.chars().all(letter);
            let of = &text[..text.len() - path.len() - 1];
            if fits {
                origin(of)
            } else {
                Some(format!("{text:?} must be like https://host[:PORT][/path], with no slash at its end"))
            }
        }
    }
}

/// Checks `redis://` or `rediss://[user[:password]@]host[:port][/db]`. The message does not show the text, which may
/// hold a password.
fn redis_url(text: &str) -> Option<String> {
    let fits = |url: &reqwest::Url| {
        let database = url.path().trim_start_matches('/');
        matches!(url.scheme(), "redis" | "rediss")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && (database.is_empty() || database.parse::<u32>().is_ok())
            && url.query().is_none()
            && url.fragment().is_none()
    };
    let form = "must be like redis://USER:PASSWORD@HOST:PORT/0, or rediss:// for TLS; all but the host can be left out; \
                characters like # / ? @ in a password are written %23 %2F %3F %40";
    (!reqwest::Url::parse(text).is_ok_and(|url| fits(&url))).then(|| form.into())
}

fn name(text: &str, most: usize, form: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (text.is_empty() || text.len() > most || !text.chars().all(fits)).then(|| form.to_owned())
}

/// Finds all settings that contradict one another.
pub(super) fn conflicts(config: &Config) -> Vec<Conflict> {
    let Config { server, ingest, journal, room, session, heartbeat, supervisor, presence, control, runs, .. } = config;
    let mut found = Vec::new();
    let mut at_most = |low: (&'static str, u64), high: (&'static str, u64), reason: &str| {
        if low.1 > high.1 {
            let text = format!("{} is more than {}: {reason}", low.1, high.1);
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
    at_most(
        ("presence.report_secs", presence.report_secs.saturating_add(1)),
        ("presence.ttl_secs", presence.ttl_secs),
        "a node would count as gone between two of its reports",
    );
    at_most(
        ("control.max_pause_secs", control.max_pause_secs),
        ("control.max_pause_total_secs", control.max_pause_total_secs),
        "one pause would be longer than all together may be",
    );
    at_most(
        ("control.lease_secs", control.lease_secs),
        ("control.lease_socket_secs", control.lease_socket_secs),
        "an open socket would keep a lease for a shorter time than none",
    );
    at_most(
        ("runs.silent_secs", runs.silent_secs.saturating_add(1)),
        ("runs.lost_secs", runs.lost_secs),
        "a producer would be given up before it counts as silent",
    );
    at_most(
        ("runs.lost_secs", runs.lost_secs),
        ("journal.lost_hours", journal.lost_hours.saturating_mul(3_600)),
        "a run would be lost before its producers are given up (the hours count in seconds here)",
    );
    if server.bind.port() != 0 && server.ops_bind.0.as_ref() == Some(&server.bind) {
        found.push(Conflict { keys: ["server.bind", "server.ops_bind"], text: "must be two addresses".to_owned() });
    }
    found.extend(open_network(config));
    found.extend(tokens(config));
    found.extend(provider(config));
    found.extend(stores(config));
    found.extend(check_objects::conflicts(config));
    found
}

/// Finds an address at which everybody in the network may do everything.
fn open_network(Config { server, auth, .. }: &Config) -> Option<Conflict> {
    if auth.mode == AuthMode::Token || auth.allow_open_on_network {
        return None;
    }
    let reached = [("server.bind", Some(&server.bind)), ("server.ops_bind", server.ops_bind.0.as_ref())];
    let (key, _) = reached.into_iter().find(|(_, bind)| bind.is_some_and(|bind| !bind.is_loopback()))?;
    let text =
        "everybody who reaches this address may do everything: set auth.mode = \"token\", or, if that is meant, \
                auth.allow_open_on_network = true"
            .to_owned();
    Some(Conflict { keys: [key, "auth.mode"], text })
}

/// Finds tokens that nobody could exchange.
fn tokens(Config { server, auth, .. }: &Config) -> Option<Conflict> {
    let has_no_audience = auth.issuers.has_exchange() && server.public_url.is_empty();
    has_no_audience.then(|| {
        let text = "a token that is exchanged says in aud that it is for server.public_url, which is empty";
        Conflict { keys: ["auth.issuers", "server.public_url"], text: text.to_owned() }
    })
}

/// Finds a provider that could send nobody back, and one whose people would pass for those of another issuer.
fn provider(Config { server, auth, .. }: &Config) -> Vec<Conflict> {
    let Some(provider) = auth.oidc.provider() else { return Vec::new() };
    let mut found = Vec::new();
    if server.public_url.is_empty() {
        let text = "the provider sends people back to server.public_url, which is empty";
        found.push(Conflict { keys: ["auth.oidc", "server.public_url"], text: text.to_owned() });
    }
    let is_other = auth.issuers.iter().any(|other| other.name == provider.name && other.issuer != provider.issuer);
    if is_other {
        let text = format!("both are called {:?}: one's people would pass for the other's", provider.name);
        found.push(Conflict { keys: ["auth.oidc", "auth.issuers"], text });
    }
    found
}

/// Finds stores that can't be combined.
fn stores(config: &Config) -> Vec<Conflict> {
    let Config { journal, catalog, redis, .. } = config;
    let conflict = |a, b, text: &str| Conflict { keys: [a, b], text: text.to_owned() };
    let mut found = Vec::new();
    match (&journal.url, &catalog.url) {
        (JournalUrl::Redis, CatalogSetting::Postgres(_))
        | (JournalUrl::Memory, CatalogSetting::Memory)
        | (JournalUrl::Sqlite(_), CatalogSetting::Memory | CatalogSetting::Postgres(_)) => {}
        (JournalUrl::Redis, CatalogSetting::Memory | CatalogSetting::Sqlite(_)) => {
            let text = "a journal in Redis is for several nodes, and the others would not see a list of runs that this \
                        node keeps for itself: catalog.url must be postgres://.. (the variable DATABASE_URL sets it too)";
            found.push(conflict("journal.url", "catalog.url", text));
        }
        (JournalUrl::Memory, CatalogSetting::Sqlite(_) | CatalogSetting::Postgres(_)) => {
            let text = "a catalog that stays would list runs that a journal in memory has lost; use memory: for both";
            found.push(conflict("journal.url", "catalog.url", text));
        }
        (JournalUrl::Sqlite(journal), CatalogSetting::Sqlite(catalog)) => {
            if journal == catalog {
                found.push(conflict("journal.url", "catalog.url", "must be two files"));
            }
        }
    }
    match (journal.url == JournalUrl::Redis, redis.url.is_empty()) {
        (true, true) => {
            let text = "a journal in Redis needs redis.url, its address (the variable REDIS_URL sets it too)";
            found.push(conflict("journal.url", "redis.url", text));
        }
        (false, false) => {
            let text = "the Redis would not be used: set journal.url to redis:, or leave redis.url empty";
            found.push(conflict("redis.url", "journal.url", text));
        }
        _ => {}
    }
    if !redis.ca_file.as_os_str().is_empty() && !redis.url.reveal().starts_with("rediss:") {
        let text = "without TLS no certificate is checked: redis.url must begin with rediss://";
        found.push(conflict("redis.ca_file", "redis.url", text));
    }
    found
}

/// Finds settings that work but may not be what the operator meant.
pub(super) fn doubts(config: &Config) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let server = &config.server;
    if !server.bind.is_loopback() && server.public_url.is_empty() && server.allowed_hosts.is_empty() {
        let text = "listens for other machines, but answers only requests for a loopback name: set server.public_url to \
                    how viewers reach it, or server.allowed_hosts to its names";
        found.push(("server.bind", text.to_owned()));
    }
    if config.is_cluster() && config.objects.url == ObjectsUrl::Usual {
        let text = "empty in a cluster means that no artifacts are kept: name a store, or say none:";
        found.push(("objects.url", text.to_owned()));
    }
    found
}
