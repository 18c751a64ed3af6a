//! Combinations of stores, and the effect of an older system's variables on them.

use super::tests::load;
use super::*;

const REDIS: (&str, &str) = ("REDIS_URL", "redis://:hunter2@redis.example:6380/1");
const POSTGRES: (&str, &str) = ("DATABASE_URL", "postgres://u:hunter2@db.example/runcast?sslmode=verify-full");

/// The problems of a configuration, without the line that counts them; empty when it is accepted.
fn problems(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let Err(report) = load(file, environment, &[]) else { return Vec::new() };
    assert!(!report.contains("hunter2"), "{report}");
    report.lines().skip(1).map(|line| line.trim_start_matches("  - ").to_owned()).collect()
}

#[test]
fn two_variables_make_a_node_of_a_cluster() {
    let config = load("", &[REDIS, POSTGRES], &[]).unwrap().config;
    assert!(config.is_cluster());
    assert_eq!(config.redis.url.reveal(), REDIS.1);
    assert_eq!(config.catalog.url, CatalogSetting::Postgres(Secret::new(POSTGRES.1)));
    let file = format!("[journal]\nurl = 'redis:'\n[redis]\nurl = '{}'\n[catalog]\nurl = '{}'\n", REDIS.1, POSTGRES.1);
    assert_eq!(load(&file, &[], &[]).unwrap().config, config);
    assert!(!Config::default().is_cluster());
}

#[test]
fn what_a_cluster_lacks_is_named_with_its_variable() {
    let websocket = ("USE_REDIS_WEBSOCKET", "true");
    let found = problems("", &[websocket]);
    let [catalog, redis] = &found[..] else { panic!("{found:?}") };
    assert!(catalog.starts_with("journal.url (USE_REDIS_WEBSOCKET) and catalog.url (default): "), "{catalog}");
    assert!(catalog.contains("DATABASE_URL"), "{catalog}");
    assert!(redis.starts_with("journal.url (USE_REDIS_WEBSOCKET) and redis.url (default): "), "{redis}");
    assert!(redis.contains("REDIS_URL"), "{redis}");

    let found = problems("", &[websocket, POSTGRES]);
    assert!(matches!(&found[..], [redis] if redis.contains("REDIS_URL")), "{found:?}");
    let found = problems("", &[REDIS, websocket]);
    assert!(matches!(&found[..], [catalog] if catalog.contains("DATABASE_URL")), "{found:?}");
    let memory = ("RUNCAST__CATALOG__URL", "memory:");
    let found = problems("", &[REDIS, memory]);
    assert!(matches!(&found[..], [catalog] if catalog.contains("DATABASE_URL")), "{found:?}");
}

#[test]
fn a_redis_that_nobody_would_use_is_refused_unless_the_older_switch_is_off() {
    let found = problems("[redis]\nurl = 'redis://:hunter2@h'\n", &[]);
    assert!(matches!(&found[..], [one] if one.starts_with("redis.url (DIR/config.toml:2) and journal.url (default)")));
    let found = problems("", &[REDIS, POSTGRES, ("RUNCAST__JOURNAL__URL", "sqlite:j.db")]);
    assert!(matches!(&found[..], [one] if one.starts_with("redis.url (REDIS_URL) and journal.url (RUNCAST__")));

    let loaded = load("", &[REDIS, ("USE_REDIS_WEBSOCKET", "false")], &[]).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(matches!(&loaded.warnings[..], [warning] if warning.subject == "REDIS_URL"), "{:?}", loaded.warnings);
}

#[test]
fn one_node_may_keep_its_list_of_runs_in_postgresql_but_not_that_of_a_journal_in_memory() {
    let config = load("", &[POSTGRES], &[]).unwrap().config;
    assert!(!config.is_cluster());
    assert_eq!(config.journal.url, JournalUrl::Sqlite("journal.db".into()));
    let found = problems("[journal]\nurl = 'memory:'\n", &[POSTGRES]);
    assert!(matches!(&found[..], [one] if one.contains("a catalog that stays")), "{found:?}");
}

#[test]
fn the_new_names_win_over_the_older_ones() {
    let environment = [
        REDIS,
        POSTGRES,
        ("RUNCAST__REDIS__URL", "rediss://other.example"),
        ("RUNCAST__CATALOG__URL", "postgres://other.example/d"),
    ];
    let config = load("", &environment, &[]).unwrap().config;
    assert_eq!(config.redis.url.reveal(), "rediss://other.example");
    assert_eq!(config.catalog.url, CatalogSetting::Postgres(Secret::new("postgres://other.example/d")));
}

#[test]
fn the_form_of_an_address_of_redis_is_checked() {
    for good in ["redis://h", "redis://h:6379", "redis://h:6379/15", "rediss://u:p%23@h/", "redis://[::1]:6379/0"] {
        assert_eq!(problems("", &[("REDIS_URL", good), POSTGRES]), Vec::<String>::new(), "{good}");
    }
    for bad in ["h:6379", "redis:", "redis://", "redis://h/x", "redis://h/0/1", "redis://h?db=1", "redis://:hunter#2@h"]
    {
        let found = problems("", &[("REDIS_URL", bad), POSTGRES]);
        assert!(
            matches!(&found[..], [one] if one.starts_with("redis.url (REDIS_URL): must be like")),
            "{bad} {found:?}"
        );
    }
}

#[test]
fn certificates_are_for_tls_and_a_prefix_is_a_plain_name() {
    let found = problems("[redis]\nca_file = '/ca.pem'\n", &[REDIS, POSTGRES]);
    assert!(matches!(&found[..], [one] if one.contains("rediss://")), "{found:?}");
    assert!(problems("[redis]\nca_file = '/ca.pem'\n", &[("REDIS_URL", "rediss://h"), POSTGRES]).is_empty());
    for bad in ["", "a:b", "a b", "123456789012345678901234567890123"] {
        let found = problems(&format!("[redis]\nprefix = '{bad}'\n"), &[]);
        assert!(matches!(&found[..], [one] if one.starts_with("redis.prefix")), "{bad} {found:?}");
    }
}
