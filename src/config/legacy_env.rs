//! Variable names of an older system, as far as this version supports them.

use std::net::IpAddr;

use super::bind::BindAddress;

/// The effect of an older variable.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LegacyVariable {
    /// The variable sets keys.
    Sets(Vec<(&'static str, String)>),
    /// The variable asks for something that is not possible.
    Refused(String),
    /// The variable has no effect, for this reason. It is reported, because an operator who sets it expects one.
    Unused(&'static str),
}

/// Parses a switch; `None` when it is neither on nor off.
pub(super) fn switch(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Variables that change the meaning of others.
#[derive(Clone, Debug, Default)]
pub(super) struct RelatedVariables {
    /// `USE_REDIS_WEBSOCKET`.
    pub(super) websocket: Option<String>,
    /// `SUPABASE_URL`.
    pub(super) supabase_url: Option<String>,
    /// `SUPABASE_STORAGE_BUCKET`.
    pub(super) supabase_bucket: Option<String>,
}

/// The path after the address of a Supabase project where its storage offers the S3 protocol.
pub(super) const SUPABASE_S3: &str = "/storage/v1/s3";

/// Reads the variable `name`; `bind` is the value of `server.bind` in the layers below. `None` when the variable is not
/// one of these, or sets nothing.
pub(super) fn read(name: &str, value: &str, bind: &BindAddress, others: &RelatedVariables) -> Option<LegacyVariable> {
    if value.is_empty() {
        return None;
    }
    let sets = |key, value: String| Some(LegacyVariable::Sets(vec![(key, value)]));
    let refuse = |text: &str| Some(LegacyVariable::Refused(text.to_owned()));
    let is_set = |other: &Option<String>| other.as_ref().is_some_and(|value| !value.is_empty());
    match name {
        "PORT" => match value.parse() {
            Ok(port) => sets("server.bind", bind.with_port(port).to_string()),
            Err(_) => refuse("must be a port, 0 to 65535"),
        },
        // Shells and build systems set HOST to names and target triples. Only an address can be meant for runcast.
        "HOST" => {
            let address: IpAddr = value.parse().ok()?;
            sets("server.bind", bind.with_ip(address).to_string())
        }
        "SENTRY_DSN" => sets("sentry.dsn", value.to_owned()),
        "REDIS_URL" if others.websocket.as_deref().and_then(switch) == Some(false) => Some(LegacyVariable::Unused(
            "has no effect: USE_REDIS_WEBSOCKET asks for a single node, which needs no Redis",
        )),
        "REDIS_URL" => {
            Some(LegacyVariable::Sets(vec![("redis.url", value.to_owned()), ("journal.url", "redis:".to_owned())]))
        }
        "USE_REDIS_WEBSOCKET" => match switch(value) {
            Some(true) => sets("journal.url", "redis:".to_owned()),
            Some(false) => None,
            None => refuse("must be true or false"),
        },
        "DATABASE_URL" if value.starts_with("postgres://") || value.starts_with("postgresql://") => {
            sets("catalog.url", value.to_owned())
        }
        // Many programs have a variable of this name: that of another database is meant for another program.
        "DATABASE_URL" => Some(LegacyVariable::Unused(
            "has no effect: it names no PostgreSQL (postgres://..); catalog.url says where the catalog is",
        )),
        "ENABLE_ARTIFACT_CLEANUP" => sets("cleanup.enabled", value.to_owned()),
        "ARTIFACT_RETENTION_DAYS" => sets("retention.days", value.to_owned()),
        "CLEANUP_INTERVAL_HOURS" => sets("cleanup.interval_hours", value.to_owned()),
        "SUPABASE_URL" if !is_set(&others.supabase_bucket) => {
            Some(LegacyVariable::Unused("has no effect without SUPABASE_STORAGE_BUCKET: artifacts are not kept there"))
        }
        "SUPABASE_URL" => sets("objects.endpoint", format!("{}{SUPABASE_S3}", value.trim_end_matches('/'))),
        "SUPABASE_STORAGE_BUCKET" if !is_set(&others.supabase_url) => {
            Some(LegacyVariable::Unused("has no effect without SUPABASE_URL: artifacts are not kept there"))
        }
        "SUPABASE_STORAGE_BUCKET" => sets("objects.url", format!("s3://{value}")),
        // Supabase's S3 accepts a token as the secret of a key only together with the project's public key, and a URL
        // that is signed this way contains the token: anyone who gets such a URL could read and delete everything.
        "SUPABASE_SERVICE_ROLE_KEY" if is_set(&others.supabase_url) && is_set(&others.supabase_bucket) => {
            Some(LegacyVariable::Unused(
                "has no effect: signed URLs would contain it; objects.access_key and objects.secret_key, the S3 access \
                 keys of the project, are used instead",
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at_default(name: &str, value: &str) -> Option<LegacyVariable> {
        read(name, value, &"127.0.0.1:3001".parse().unwrap(), &RelatedVariables::default())
    }

    fn sets(pairs: &[(&'static str, &str)]) -> Option<LegacyVariable> {
        Some(LegacyVariable::Sets(pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()))
    }

    #[test]
    fn port_and_host_keep_each_others_part() {
        assert_eq!(read_at_default("PORT", "8080"), sets(&[("server.bind", "127.0.0.1:8080")]));
        assert_eq!(read_at_default("HOST", "0.0.0.0"), sets(&[("server.bind", "0.0.0.0:3001")]));
        assert_eq!(read_at_default("HOST", "::"), sets(&[("server.bind", "[::]:3001")]));
        assert_eq!(read_at_default("HOST", "x86_64-linux-gnu"), None, "a shell's own HOST");
        assert!(matches!(read_at_default("PORT", "http"), Some(LegacyVariable::Refused(_))));
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
        let bind = &"127.0.0.1:3001".parse().unwrap();
        assert_eq!(read_at_default("USE_REDIS_WEBSOCKET", "false"), None);
        let with =
            |websocket: &str| RelatedVariables { websocket: Some(websocket.into()), ..RelatedVariables::default() };
        assert!(matches!(read("REDIS_URL", "redis://h", bind, &with("0")), Some(LegacyVariable::Unused(_))));
        assert!(matches!(read("REDIS_URL", "redis://h", bind, &with("1")), Some(LegacyVariable::Sets(_))));
        assert!(matches!(read_at_default("USE_REDIS_WEBSOCKET", "maybe"), Some(LegacyVariable::Refused(_))));
    }

    #[test]
    fn the_variables_of_the_cleanup_set_its_keys() {
        assert_eq!(read_at_default("ARTIFACT_RETENTION_DAYS", "7"), sets(&[("retention.days", "7")]));
        assert_eq!(read_at_default("CLEANUP_INTERVAL_HOURS", "6"), sets(&[("cleanup.interval_hours", "6")]));
        assert_eq!(read_at_default("ENABLE_ARTIFACT_CLEANUP", "false"), sets(&[("cleanup.enabled", "false")]));
    }

    #[test]
    fn the_variables_of_supabase_set_its_s3_endpoint_and_its_bucket_and_never_use_the_service_role_key() {
        let bind = &"127.0.0.1:3001".parse().unwrap();
        let others = RelatedVariables {
            supabase_url: Some("https://abc.supabase.co/".into()),
            supabase_bucket: Some("runs".into()),
            ..RelatedVariables::default()
        };
        let endpoint = sets(&[("objects.endpoint", "https://abc.supabase.co/storage/v1/s3")]);
        assert_eq!(read("SUPABASE_URL", "https://abc.supabase.co/", bind, &others), endpoint);
        assert_eq!(read("SUPABASE_STORAGE_BUCKET", "runs", bind, &others), sets(&[("objects.url", "s3://runs")]));
        let key = read("SUPABASE_SERVICE_ROLE_KEY", "hunter2", bind, &others);
        assert!(matches!(key, Some(LegacyVariable::Unused(text)) if text.contains("objects.access_key")));
        for (name, value) in [("SUPABASE_URL", "https://abc.supabase.co"), ("SUPABASE_STORAGE_BUCKET", "runs")] {
            let alone = read_at_default(name, value);
            assert!(
                matches!(alone, Some(LegacyVariable::Unused(text)) if text.contains("no effect without")),
                "{alone:?}"
            );
        }
        assert_eq!(read_at_default("SUPABASE_SERVICE_ROLE_KEY", "hunter2"), None);
    }

    #[test]
    fn what_is_meant_for_another_program_is_ignored_unseen() {
        let ignored = read_at_default("DATABASE_URL", "mysql://u:hunter2@h/d");
        assert!(matches!(ignored, Some(LegacyVariable::Unused(text)) if text.contains("PostgreSQL")));
        assert_eq!(read_at_default("PATH", "/bin"), None);
    }
}
