//! The names that variables had in an older system, as far as this version can honour them.

use std::net::{IpAddr, SocketAddr};

use super::Problem;

/// What an older variable comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Older {
    /// It sets a key.
    Sets(&'static str, String),
    /// It asks for something that this version can't do.
    Refused(String),
    /// It has no effect; said, because somebody expects one.
    Unused,
}

/// Reads the variable `name`; `bind` is what the layers below say. `None`: not one of ours, or nothing to it.
pub(super) fn read(name: &str, value: &str, bind: SocketAddr) -> Option<Older> {
    if value.is_empty() {
        return None;
    }
    let refuse = |text: &str| Some(Older::Refused(text.to_owned()));
    match name {
        "PORT" => match value.parse() {
            Ok(port) => Some(Older::Sets("server.bind", SocketAddr::new(bind.ip(), port).to_string())),
            Err(_) => refuse("must be a port, 0 to 65535"),
        },
        // Shells and build systems set HOST to names and triples: only an address can be meant for us.
        "HOST" => {
            let address: IpAddr = value.parse().ok()?;
            Some(Older::Sets("server.bind", SocketAddr::new(address, bind.port()).to_string()))
        }
        "SENTRY_DSN" => Some(Older::Sets("sentry.dsn", value.to_owned())),
        "REDIS_URL" => refuse("asks for Redis, which joins several nodes; this version is a single node: unset it"),
        "USE_REDIS_WEBSOCKET" => match value.to_ascii_lowercase().as_str() {
            "false" | "0" | "no" | "off" => None,
            "true" | "1" | "yes" | "on" => refuse(
                "asks for Redis between nodes, which would need REDIS_URL; this version is a single node: unset it",
            ),
            _ => refuse("must be true or false (and this version can do only false)"),
        },
        "DATABASE_URL" => {
            refuse("asks for a catalog in PostgreSQL, which a cluster shares; this version is a single node: unset it")
        }
        "ENABLE_ARTIFACT_CLEANUP"
        | "ARTIFACT_RETENTION_DAYS"
        | "CLEANUP_INTERVAL_HOURS"
        | "SUPABASE_URL"
        | "SUPABASE_SERVICE_ROLE_KEY"
        | "SUPABASE_STORAGE_BUCKET" => Some(Older::Unused),
        _ => None,
    }
}

/// Says that a variable has no effect.
pub(super) fn unused(name: &str) -> Problem {
    Problem {
        subject: name.to_owned(),
        text: "has no effect: it is about artifacts, which this version does not keep".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at_default(name: &str, value: &str) -> Option<Older> {
        read(name, value, "127.0.0.1:3001".parse().unwrap())
    }

    #[test]
    fn port_and_host_keep_each_others_part() {
        let sets = |value: &str| Some(Older::Sets("server.bind", value.to_owned()));
        assert_eq!(read_at_default("PORT", "8080"), sets("127.0.0.1:8080"));
        assert_eq!(read_at_default("HOST", "0.0.0.0"), sets("0.0.0.0:3001"));
        assert_eq!(read_at_default("HOST", "::"), sets("[::]:3001"));
        assert_eq!(read_at_default("HOST", "x86_64-linux-gnu"), None, "a shell's own HOST");
        assert!(matches!(read_at_default("PORT", "http"), Some(Older::Refused(_))));
    }

    #[test]
    fn what_needs_a_cluster_is_refused_and_what_needs_artifacts_is_said() {
        for name in ["REDIS_URL", "DATABASE_URL"] {
            assert!(
                matches!(read_at_default(name, "x://secret"), Some(Older::Refused(text)) if !text.contains("secret"))
            );
            assert_eq!(read_at_default(name, ""), None);
        }
        assert!(matches!(read_at_default("USE_REDIS_WEBSOCKET", "true"), Some(Older::Refused(_))));
        assert_eq!(read_at_default("USE_REDIS_WEBSOCKET", "false"), None);
        assert_eq!(read_at_default("ARTIFACT_RETENTION_DAYS", "7"), Some(Older::Unused));
        assert_eq!(read_at_default("PATH", "/bin"), None);
    }
}
