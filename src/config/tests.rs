use std::fs;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

pub(super) fn load(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &'static str, &str)],
) -> Result<Loaded, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    fs::write(&path, file).unwrap();
    let flag = |&(name, key, value): &(_, _, &str)| Flag { name, key, value: value.into() };
    let sources = ConfigSources {
        nearby_file: path,
        environment: variables(environment),
        flags: flags.iter().map(flag).collect(),
        ..ConfigSources::default()
    };
    let shown = |problems: ConfigProblems| problems.to_string().replace(directory.path().to_str().unwrap(), "DIR");
    Config::load(&sources).map_err(shown)
}

#[test]
fn config_toml_is_the_built_in_defaults() {
    let text = include_str!("../../config.toml");
    let written: toml::Table = text.parse().unwrap();
    assert_eq!(written, toml::Table::try_from(Config::default()).unwrap());
    assert_eq!(load(text, &[], &[]).unwrap().config, Config::default());
    for line in text.lines() {
        assert!(line.len() <= 120, "{line}");
    }
}

#[test]
fn every_number_has_a_range_and_its_default_lies_in_it() {
    for (section, keys) in toml::Table::try_from(Config::default()).unwrap() {
        for (key, value) in keys.as_table().unwrap() {
            let key = format!("{section}.{key}");
            let range = sections::range(&key);
            assert_eq!(range.is_some(), value.is_integer(), "{key}");
            if let (Some(range), Some(number)) = (range, value.as_integer()) {
                assert!(range.contains(&number), "{key}");
            }
        }
    }
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let file = "[server]\nbind = \"127.0.0.1:1\"\nworkers = 1\ndrain_secs = 1\n[log]\nfilter = \"debug\"\n";
    let environment = [("RUNCAST__SERVER__WORKERS", "2"), ("RUNCAST__SERVER__DRAIN_SECS", "2"), ("PORT", "2")];
    let flags = [("--bind", "server.bind", "127.0.0.1:3")];
    let config = load(file, &environment, &flags[..0]).unwrap().config;
    assert_eq!(config.server.bind.port(), 2);
    let config = load(file, &environment, &flags).unwrap().config;
    assert_eq!((config.server.bind.port(), config.server.workers, config.server.drain_secs), (3, 2, 2));
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn lists_come_by_comma_and_empty_variables_empty_a_text() {
    let environment = [
        ("RUNCAST__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("RUNCAST__SERVER__ALLOWED_ORIGINS", "https://a.example,http://b.example:8080"),
        ("RUNCAST__SERVER__PUBLIC_URL", ""),
    ];
    let server = load("[server]\npublic_url = \"https://c.example\"", &environment, &[]).unwrap().config.server;
    assert_eq!(server.trusted_proxies.len(), 2);
    assert_eq!(server.allowed_origins, ["https://a.example", "http://b.example:8080"]);
    assert_eq!(server.public_url, "");
}

#[test]
fn older_names_are_honoured_below_the_new_ones() {
    let token = ("RUNCAST__AUTH__MODE", "token");
    let environment = [("HOST", "0.0.0.0"), ("PORT", "80"), ("SENTRY_DSN", "http://key@localhost:9/1"), token];
    let loaded = load("", &environment, &[]).unwrap();
    assert_eq!(loaded.config.server.bind.to_string(), "0.0.0.0:80");
    assert_eq!(loaded.config.sentry.dsn.reveal(), "http://key@localhost:9/1");
    assert!(loaded.warnings.iter().any(|warning| warning.to_string().contains("public_url")), "{:?}", loaded.warnings);
    let over = [("PORT", "80"), ("RUNCAST__SERVER__BIND", "127.0.0.1:81")];
    assert_eq!(load("", &over, &[]).unwrap().config.server.bind.port(), 81);
}

#[test]
fn a_variable_without_effect_is_a_warning() {
    let loaded = load("", &[("SUPABASE_URL", "https://abc.supabase.co")], &[]).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].subject, "SUPABASE_URL");
}

#[test]
fn the_variables_of_supabase_need_its_access_keys_besides_and_use_nothing_else() {
    let supabase = [
        ("SUPABASE_URL", "https://abc.supabase.co"),
        ("SUPABASE_SERVICE_ROLE_KEY", "hunter2"),
        ("SUPABASE_STORAGE_BUCKET", "runs"),
    ];
    let refused = load("", &supabase, &[]).unwrap_err();
    assert!(refused.contains("objects.endpoint (SUPABASE_URL)") && refused.contains("Access keys"), "{refused}");
    let keys = [("RUNCAST__OBJECTS__ACCESS_KEY", "id"), ("RUNCAST__OBJECTS__SECRET_KEY", "secret")];
    let loaded = load("", &[&supabase[..], &keys].concat(), &[]).unwrap();
    let objects = &loaded.config.objects;
    assert_eq!(String::from(objects.url.clone()), "s3://runs");
    assert_eq!(objects.endpoint, "https://abc.supabase.co/storage/v1/s3");
    assert_eq!((objects.access_key.reveal(), objects.secret_key.reveal()), ("id", "secret"));
    assert!(loaded.warnings.iter().any(|warning| warning.subject == "SUPABASE_SERVICE_ROLE_KEY"));
    assert!(!format!("{:?}", loaded.config).contains("hunter2"));
}

#[test]
fn an_address_of_a_store_may_have_a_path() {
    let endpoint = |url: &str| {
        let objects = [
            ("RUNCAST__OBJECTS__URL", "s3://runs"),
            ("RUNCAST__OBJECTS__ENDPOINT", url),
            ("RUNCAST__OBJECTS__ACCESS_KEY", "id"),
            ("RUNCAST__OBJECTS__SECRET_KEY", "secret"),
        ];
        load("", &objects, &[]).map(drop)
    };
    for good in ["https://s3.test", "http://127.0.0.1:9000", "https://abc.supabase.co/storage/v1/s3"] {
        assert_eq!(endpoint(good), Ok(()), "{good}");
    }
    for bad in [
        "s3.test",
        "https://s3.test/",
        "https://u:hunter2@s3.test/x",
        "https://s3.test/a?b=c",
        "https://s3.test/../x",
        "https://s3.test/a//b",
    ] {
        assert!(endpoint(bad).is_err(), "{bad}");
    }
}

#[test]
fn all_problems_of_all_layers_come_in_one_report() {
    let file = "\
[server]
bnd = \"127.0.0.1:1\"
workers = \"four\"
drain_secs = 99999

[jornal]
url = \"memory:\"

[session]
ring_bytes = 70000

[journal]
sync = \"ful\"
";
    let environment = [
        ("RUNCAST__LOG__FILTER", "runcast=loud"),
        ("RUNCAST__ROOM__IDLE_SECS", "soon"),
        ("REDIS_URL", "http://:hunter2@host"),
        ("RUNCAST__CATALOG__URL", "postgres://u:hunter#2@host/d"),
        ("RUNCAST__SENTRY__DSN", "hunter2"),
    ];
    let flags = [("--bind", "server.bind", "localhost")];
    let report = load(file, &environment, &flags).unwrap_err();
    for wanted in [
        "the configuration has 12 problems:",
        "server.bnd (DIR/config.toml:2): there is no such key; did you mean server.bind?",
        "server.workers (DIR/config.toml:3): must be a whole number, is a text in quotes",
        "server.drain_secs (DIR/config.toml:4): must be 0 to 3600, is 99999",
        "[jornal] (DIR/config.toml:6): there is no such section; did you mean journal?",
        "session.ring_bytes (DIR/config.toml:10): there is no such key; did you mean room.ring_bytes?",
        "journal.sync (DIR/config.toml:13): unknown variant `ful`, expected `normal` or `full`",
        "log.filter (RUNCAST__LOG__FILTER):",
        "room.idle_secs (RUNCAST__ROOM__IDLE_SECS): must be a whole number, is \"soon\"",
        "redis.url (REDIS_URL): must be like redis://USER:PASSWORD@HOST:PORT/0",
        "catalog.url (RUNCAST__CATALOG__URL): must be like postgres://",
        "sentry.dsn (RUNCAST__SENTRY__DSN): is no Sentry DSN",
        "server.bind (--bind): must be ADDRESS:PORT or NAME:PORT, for instance 127.0.0.1:3001",
    ] {
        assert!(report.contains(wanted), "{wanted}\n--- not in ---\n{report}");
    }
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn impossible_combinations_name_both_keys_and_their_origins() {
    let file = "[heartbeat]\nping_secs = 60\n[ingest]\nmax_event_bytes = 8388608\n[presence]\nttl_secs = 5\n";
    let report = load(file, &[("RUNCAST__JOURNAL__URL", "memory:")], &[]).unwrap_err();
    for wanted in [
        "the configuration has 4 problems:",
        "presence.report_secs (default) and presence.ttl_secs (DIR/config.toml:6): ",
        "heartbeat.ping_secs (DIR/config.toml:2) and heartbeat.pong_deadline_secs (default): ",
        "ingest.max_event_bytes (DIR/config.toml:4) and ingest.max_batch_bytes (default): 8388608 is more than 4194304",
        "journal.url (RUNCAST__JOURNAL__URL) and catalog.url (default): a catalog that stays",
    ] {
        assert!(report.contains(wanted), "{wanted}\n--- not in ---\n{report}");
    }
}

#[test]
fn the_times_of_steering_fit_together_and_may_be_a_second() {
    let file = "[control]\nmax_pause_total_secs = 600\nlease_socket_secs = 59\non_pause_expiry = \"stop\"\n\
                [runs]\nsilent_secs = 900\n";
    let report = load(file, &[], &[]).unwrap_err();
    for wanted in [
        "the configuration has 4 problems:",
        "control.on_pause_expiry (DIR/config.toml:4): unknown variant `stop`, expected `resume` or `cancel`",
        "control.max_pause_secs (default) and control.max_pause_total_secs (DIR/config.toml:2): 900 is more than 600",
        "control.lease_secs (default) and control.lease_socket_secs (DIR/config.toml:3): 60 is more than 59",
        "runs.silent_secs (DIR/config.toml:6) and runs.lost_secs (default): 901 is more than 900",
    ] {
        assert!(report.contains(wanted), "{wanted}\n--- not in ---\n{report}");
    }
    let long = load("[runs]\nlost_secs = 3601\n[journal]\nlost_hours = 1\n", &[], &[]).unwrap_err();
    assert!(long.contains("runs.lost_secs") && long.contains("journal.lost_hours"), "{long}");
    let second = "[control]\nmax_pause_secs = 1\nmax_pause_total_secs = 1\nrun_secs = 1\nlease_secs = 1\n\
                  lease_socket_secs = 1\ncancel_secs = 1\n[runs]\nsilent_secs = 1\nlost_secs = 2\nshard_wait_secs = 1\n";
    let control = load(second, &[("RUNCAST__CONTROL__ON_PAUSE_EXPIRY", "cancel")], &[]).unwrap().config.control;
    assert_eq!((control.run_secs, control.on_pause_expiry), (1, PauseExpiry::Cancel));
}

#[test]
fn a_server_that_others_reach_is_not_open_to_them_unless_that_is_said() {
    for key in ["bind", "ops_bind"] {
        let file = format!("[server]\n{key} = \"0.0.0.0:3009\"\n[auth]\n");
        let report = load(&file, &[], &[]).unwrap_err();
        assert!(report.contains(&format!("server.{key} (DIR/config.toml:2) and auth.mode")), "{report}");
        assert!(report.contains("auth.allow_open_on_network"), "{report}");
        assert!(load(&format!("{file}allow_open_on_network = true"), &[], &[]).is_ok());
        assert!(load(&format!("{file}mode = \"token\""), &[], &[]).is_ok());
    }
    assert!(load("[server]\nbind = \"localhost:3009\"", &[], &[]).is_ok());
}

#[test]
fn operators_do_not_listen_where_viewers_do() {
    let both = |port: u16| format!("[server]\nbind = \"127.0.0.1:{port}\"\nops_bind = \"127.0.0.1:{port}\"");
    let report = load(&both(3001), &[], &[]).unwrap_err();
    assert!(report.contains("server.bind (DIR/config.toml:2) and server.ops_bind (DIR/config.toml:3): must be two"));
    assert!(load(&both(0), &[], &[]).is_ok(), "two free ones");
    let report = load("[server]\nops_bind = \"3002\"", &[], &[]).unwrap_err();
    assert!(report.contains("must be ADDRESS:PORT"), "{report}");
}

#[test]
fn a_refused_value_is_not_blamed_twice() {
    let report = load("[heartbeat]\npong_deadline_secs = 1\nping_secs = 60\n", &[], &[]).unwrap_err();
    assert!(report.contains("has 1 problem:"), "{report}");
}

#[test]
fn a_syntax_error_is_told_with_its_line() {
    let report = load("[server]\nworkers = = 4\n", &[], &[]).unwrap_err();
    assert!(report.contains("DIR/config.toml:2: "), "{report}");
}

#[test]
fn origins_and_public_urls_are_spelt_as_browsers_send_them() {
    for (origin, wanted) in [
        ("https://Example.org", "must be written https://example.org"),
        ("https://example.org/", "must be written https://example.org"),
        ("https://example.org:443", "must be written https://example.org"),
        ("example.org", "is no origin"),
        ("*", "is no origin"),
        ("ftp://example.org", "is no origin"),
    ] {
        let report = load("", &[("RUNCAST__SERVER__ALLOWED_ORIGINS", origin)], &[]).unwrap_err();
        assert!(report.contains(wanted), "{report}");
    }
}

#[test]
fn a_named_file_must_be_there_and_a_nearby_one_need_not() {
    let sources = ConfigSources { nearby_file: "/nonexistent/config.toml".into(), ..ConfigSources::default() };
    assert_eq!(Config::load(&sources).unwrap().config, Config::default());
    let named = ConfigSources { file: Some("/nonexistent/config.toml".into()), ..sources.clone() };
    assert!(Config::load(&named).unwrap_err().to_string().contains("/nonexistent/config.toml: can't be read"));
    let environment = variables(&[("RUNCAST_CONFIG", "/nonexistent/other.toml")]);
    let named = ConfigSources { environment, ..sources };
    assert!(Config::load(&named).unwrap_err().to_string().contains("other.toml"));
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let environment = [
        ("SENTRY_DSN", "http://hunter2@localhost:9/1"),
        ("REDIS_URL", "redis://:hunter2@localhost"),
        ("DATABASE_URL", "postgres://u:hunter2@localhost/d"),
    ];
    let loaded = load("", &environment, &[]).unwrap();
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn the_largest_batch_has_to_fit_into_a_run_beside_what_is_kept_for_its_end() {
    let batch = Config::default().ingest.max_batch_bytes as u64;
    let fits = |run: u64| {
        let run = run.to_string();
        load("", &[("RUNCAST__JOURNAL__MAX_RUN_BYTES", run.as_str())], &[]).map(drop)
    };
    let least = batch + crate::storage::journal::RESERVED_BYTES;
    assert_eq!(fits(least), Ok(()));
    let refused = fits(least - 1).unwrap_err();
    assert!(refused.contains("journal.max_run_bytes") && refused.contains("never be accepted"), "{refused}");
}

#[test]
fn a_variable_with_one_underscore_is_told_from_those_of_others() {
    for (name, meant) in [
        ("RUNCAST_BIND", "RUNCAST__SERVER__BIND"),
        ("RUNCAST_SERVER_BIND", "RUNCAST__SERVER__BIND"),
        ("RUNCAST_DATA_DIR", "RUNCAST__SERVER__DATA_DIR"),
    ] {
        let refused = load("", &[(name, "x")], &[]).unwrap_err();
        assert!(refused.contains(&format!("{name}: there is no such variable; did you mean {meant}?")), "{refused}");
    }
    let warned = load("", &[("RUNCAST_SERVER_BNID", "x")], &[]).unwrap().warnings;
    assert!(warned[0].to_string().contains("did you mean RUNCAST__SERVER__BIND?"), "{warned:?}");
    let others = ["RUNCAST_URL", "RUNCAST_RUN", "RUNCAST_ENABLED", "RUNCAST_PORT", "RUNCAST_PORT_3001_TCP_ADDR"];
    for name in others {
        assert!(load("", &[(name, "tcp://10.0.0.1:3001")], &[]).unwrap().warnings.is_empty(), "{name}");
    }
}

#[test]
fn a_database_of_another_kind_is_said_to_be_ignored() {
    let loaded = load("", &[("DATABASE_URL", "mysql://u:hunter2@h/d")], &[]).unwrap();
    assert_eq!((loaded.warnings.len(), loaded.warnings[0].subject.as_str()), (1, "DATABASE_URL"));
    assert!(loaded.warnings[0].text.contains("no effect") && !loaded.warnings[0].text.contains("hunter2"));
    assert_eq!(loaded.config.catalog, Config::default().catalog);
}
