//! The names that variables had in an older system, as far as this version can honour them.

use std::net::{IpAddr, SocketAddr};

/// What an older variable comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Older {
    /// It sets keys.
    Sets(Vec<(&'static str, String)>),
    /// It asks for something that can't be.
    Refused(String),
    /// It has no effect, for this reason; said, because somebody expects one.
    Unused(&'static str),
}

/// What a switch says; `None` when it is neither on nor off.
fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Reads the variable `name`; `bind` is what the layers below say, `websocket` the variable `USE_REDIS_WEBSOCKET`.
/// `None`: not one of ours, or nothing to it.
pub(super) fn read(name: &str, value: &str, bind: SocketAddr, websocket: Option<&str>) -> Option<Older> {
    if value.is_empty() {
        return None;
    }
    let sets = |key, value: String| Some(Older::Sets(vec![(key, value)]));
    let refuse = |text: &str| Some(Older::Refused(text.to_owned()));
    match name {
        "PORT" => match value.parse() {
            Ok(port) => sets("server.bind", SocketAddr::new(bind.ip(), port).to_string()),
            Err(_) => refuse("must be a port, 0 to 65535"),
        },
        // Shells and build systems set HOST to names and triples: only an address can be meant for us.
        "HOST" => {
            let address: IpAddr = value.parse().ok()?;
            sets("server.bind", SocketAddr::new(address, bind.port()).to_string())
        }
        "SENTRY_DSN" => sets("sentry.dsn", value.to_owned()),
        "REDIS_URL" if websocket.and_then(switch) == Some(false) => {
            Some(Older::Unused("has no effect: USE_REDIS_WEBSOCKET asks for a single node, which needs no Redis"))
        }
        "REDIS_URL" => Some(Older::Sets(vec![("redis.url", value.to_owned()), ("journal.url", "redis:".to_owned())])),
        "USE_REDIS_WEBSOCKET" => match switch(value) {
            Some(true) => sets("journal.url", "redis:".to_owned()),
            Some(false) => None,
            None => refuse("must be true or false"),
        },
        "DATABASE_URL" if value.starts_with("postgres://") || value.starts_with("postgresql://") => {
            sets("catalog.url", value.to_owned())
        }
        "DATABASE_URL" => refuse("must be postgres://.., the catalog of a cluster; for a file set catalog.url"),
        "ENABLE_ARTIFACT_CLEANUP"
        | "ARTIFACT_RETENTION_DAYS"
        | "CLEANUP_INTERVAL_HOURS"
        | "SUPABASE_URL"
        | "SUPABASE_SERVICE_ROLE_KEY"
        | "SUPABASE_STORAGE_BUCKET" => {
            Some(Older::Unused("has no effect: it is about artifacts, which this version does not keep"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at_default(name: &str, value: &str) -> Option<Older> {
        read(name, value, "127.0.0.1:3001".parse().unwrap(), None)
    }

    fn sets(pairs: &[(&'static str, &str)]) -> Option<Older> {
        Some(Older::Sets(pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()))
    }

    #[test]
    fn port_and_host_keep_each_others_part() {
        assert_eq!(read_at_default("PORT", "8080"), sets(&[("server.bind", "127.0.0.1:8080")]));
        assert_eq!(read_at_default("HOST", "0.0.0.0"), sets(&[("server.bind", "0.0.0.0:3001")]));
        assert_eq!(read_at_default("HOST", "::"), sets(&[("server.bind", "[::]:3001")]));
        assert_eq!(read_at_default("HOST", "x86_64-linux-gnu"), None, "a shell's own HOST");
        assert!(matches!(read_at_default("PORT", "http"), Some(Older::Refused(_))));
    }

    #[test]
    fn the_variables_of_a_cluster_set_its_stores() {
        let redis = sets(&[("redis.url", "redis://h"), ("journal.url", "redis:")]);
        assert_eq!(read_at_default("REDIS_URL", "redis://h"), redis);
        assert_eq!(read_at_default("USE_REDIS_WEBSOCKET", "True"), sets(&[("journal.url", "redis:")]));
        assert_eq!(read_at_default("DATABASE_URL", "postgresql://h/d"), sets(&[("catalog.url", "postgresql://h/d")]));
        for name in ["REDIS_URL", "USE_REDIS_WEBSOCKET", "DATABASE_URL"] {
            assert_eq!(read_at_default(name, ""), None);
        }
    }

    #[test]
    fn a_switch_that_is_off_keeps_redis_out() {
        let bind = "127.0.0.1:3001".parse().unwrap();
        assert_eq!(read_at_default("USE_REDIS_WEBSOCKET", "false"), None);
        assert!(matches!(read("REDIS_URL", "redis://h", bind, Some("0")), Some(Older::Unused(_))));
        assert!(matches!(read("REDIS_URL", "redis://h", bind, Some("1")), Some(Older::Sets(_))));
        assert!(matches!(read_at_default("USE_REDIS_WEBSOCKET", "maybe"), Some(Older::Refused(_))));
    }

    #[test]
    fn what_cannot_be_is_refused_unseen_and_what_needs_artifacts_is_said() {
        let refused = read_at_default("DATABASE_URL", "mysql://u:hunter2@h/d");
        assert!(matches!(refused, Some(Older::Refused(text)) if !text.contains("hunter2")));
        assert!(matches!(read_at_default("ARTIFACT_RETENTION_DAYS", "7"), Some(Older::Unused(_))));
        assert_eq!(read_at_default("PATH", "/bin"), None);
    }
}
