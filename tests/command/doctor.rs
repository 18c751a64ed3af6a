use std::net::TcpListener;
use std::path::Path;

use runcast::storage::data_dir::DataDir;
use serde_json::Value;

use super::http_double::{Answer, HttpDouble};
use super::support::{Postgres, RedisServer};
use super::{output, runcast, text};

async fn doctor(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = runcast(&["doctor"]);
    if !arguments.contains(&"--bind") {
        command.args(["--bind", "127.0.0.1:0"]);
    }
    command.args(arguments).current_dir(directory).envs(environment.iter().copied());
    let output = output(command).await;
    assert_eq!(text(&output.stderr), "");
    (output.status.code(), text(&output.stdout))
}

#[tokio::test]
async fn a_sound_machine_passes_and_nothing_is_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (code, report) = doctor(directory.path(), &[], &[("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0")]).await;
    assert_eq!(code, Some(0), "{report}");
    for name in
        ["configuration", "data directory", "free space", "journal", "artifacts", "access", "descriptors", "address"]
    {
        assert!(report.lines().any(|line| line.starts_with(&format!("ok    {name} "))), "{name}\n{report}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_in_the_report() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.toml"), "[server]\nworkers = -1\nblind = 1\n").unwrap();
    let environment = [("DATABASE_URL", "mysql://u:hunter2@h/d"), ("SUPABASE_URL", "https://h")];
    let (code, report) = doctor(directory.path(), &["--json"], &environment).await;
    assert_eq!(code, Some(64));
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["ok"], false);
    let details: Vec<&str> = report["checks"].as_array().unwrap().iter().filter_map(|c| c["detail"].as_str()).collect();
    assert_eq!(details.len(), 2, "{details:?}");
    assert!(details.contains(&"server.workers (config.toml:2): must be 0 to 1024, is -1"), "{details:?}");
    assert!(details.iter().any(|detail| detail.contains("did you mean server.bind?")), "{details:?}");
    assert!(!report.to_string().contains("hunter2"));
}

#[tokio::test]
async fn who_may_do_what_is_in_the_report() {
    let directory = tempfile::tempdir().unwrap();
    let lines = async |environment: &[(&str, &str)]| {
        let environment = [&[("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0")], environment].concat();
        let (code, report) = doctor(directory.path(), &[], &environment).await;
        assert!(!report.contains("hunter2"), "{report}");
        (code, report.lines().filter(|line| line.contains(" access ")).map(str::to_owned).collect::<Vec<_>>())
    };
    let token = ("RUNCAST__AUTH__MODE", "token");
    let (code, said) = lines(&[]).await;
    assert!(code == Some(0) && said[0].starts_with("ok ") && said[0].contains("on this machine"), "{said:?}");
    let (code, said) = lines(&[token]).await;
    assert!(code == Some(0) && said[0].contains("admin.key will be made"), "{said:?}");
    assert!(!directory.path().join("data").exists());
    let (code, said) = lines(&[token, ("RUNCAST__AUTH__BOOTSTRAP_KEY", "hunter2")]).await;
    assert!(code == Some(1) && said[0].starts_with("FAIL") && said[0].contains("auth.bootstrap_key"), "{said:?}");

    let key = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
    std::fs::write(directory.path().join("keys.json"), key).unwrap();
    let issuer = |file: &str| {
        format!(r#"[{{name="corp",issuer="i",jwks_file="{file}",audiences="a",rules=[{{scopes="view",runs="*"}}]}}]"#)
    };
    let (code, said) = lines(&[token, ("RUNCAST__AUTH__ISSUERS", &issuer("keys.json"))]).await;
    assert!(code == Some(0) && said[1].contains("issuer corp: 1 key"), "{said:?}");
    let (code, said) = lines(&[token, ("RUNCAST__AUTH__ISSUERS", &issuer("gone.json"))]).await;
    assert!(code == Some(1) && said[1].starts_with("FAIL") && said[1].contains("gone.json"), "{said:?}");
}

#[tokio::test]
async fn an_address_in_use_fails() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let (code, report) = doctor(directory.path(), &["--bind", &bind], &[]).await;
    assert_eq!(code, Some(1), "{report}");
    assert!(report.lines().any(|line| line.starts_with("FAIL  address ") && line.contains(&bind)), "{report}");
}

#[tokio::test]
async fn a_server_that_runs_here_is_said_to_and_its_stores_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let held = DataDir::open(&data).unwrap();
    // Where a check would look, it would find what can't be.
    std::fs::write(data.join("journal.db"), "no journal").unwrap();
    std::fs::write(data.join("objects"), "no directory").unwrap();
    let (code, report) = doctor(directory.path(), &["--data-dir", data.to_str().unwrap()], &[]).await;
    assert_eq!(code, Some(0), "{report}");
    assert!(report.lines().any(|line| line.starts_with("ok    server ") && line.contains("a server runs")), "{report}");
    for untouched in ["artifacts ", "format ", "address ", "catalog "] {
        assert!(!report.lines().any(|line| line.get(6..).is_some_and(|line| line.starts_with(untouched))), "{report}");
    }
    drop(held);
    let (code, report) = doctor(directory.path(), &["--data-dir", data.to_str().unwrap()], &[]).await;
    assert!(code == Some(1) && report.contains("FAIL  artifacts "), "{report}");
}

#[tokio::test]
async fn a_node_of_a_cluster_that_runs_here_is_known_by_its_answer() {
    let health = "{\"status\":\"ok\",\"timestamp\":\"t\"}".to_owned();
    let server = HttpDouble::start(vec![Answer::Say("200 OK", "", health)]);
    let bind = server.url.strip_prefix("http://").unwrap().to_owned();
    let directory = tempfile::tempdir().unwrap();
    let away = [("REDIS_URL", "redis://127.0.0.1:1"), ("DATABASE_URL", "postgres://u@127.0.0.1:1/d")];
    let (code, report) = doctor(directory.path(), &["--bind", &bind], &away).await;
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("a server runs on ") && !report.contains(" redis "), "{report}");
}

#[tokio::test]
async fn the_server_refuses_a_wrong_configuration_with_one_report_and_64() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = runcast(&["serve", "--bind", "localhost"]);
    command.current_dir(directory.path()).env("RUNCAST__HEARTBEAT__PING_SECS", "60").env("RUNCAST_DATA_DIR", "d");
    let output = output(command).await;
    assert_eq!(output.status.code(), Some(64));
    let told = text(&output.stderr);
    assert!(told.starts_with("runcast: the configuration has 3 problems:\n"), "{told}");
    for wanted in ["server.bind (--bind)", "RUNCAST__HEARTBEAT__PING_SECS", "did you mean RUNCAST__SERVER__DATA_DIR?"] {
        assert!(told.contains(wanted), "{told}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was touched");
}

#[tokio::test]
async fn a_node_of_a_cluster_needs_no_directory_and_its_certificates_are_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, "no certificate").unwrap();
    for (ca_file, wanted) in [("missing.pem", "can't be read"), ("ca.pem", "holds no certificate")] {
        let environment = [
            ("REDIS_URL", "rediss://:hunter2@localhost"),
            ("DATABASE_URL", "postgres://u:hunter2@localhost/d"),
            ("RUNCAST__REDIS__CA_FILE", ca_file),
        ];
        let (code, report) = doctor(directory.path(), &[], &environment).await;
        assert_eq!(code, Some(1), "{report}");
        assert!(!report.contains("data directory") && !report.contains("hunter2"), "{report}");
        assert!(report.lines().any(|line| line.starts_with("FAIL  redis ") && line.contains(wanted)), "{report}");
    }
}

/// What the doctor says of a Redis, and whether the node would run with it.
async fn redis_line(url: &str) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let database = Postgres::shared().await.database().await;
    let environment = [("REDIS_URL", url), ("DATABASE_URL", database.as_str())];
    let (code, report) = doctor(directory.path(), &[], &environment).await;
    assert!(!report.contains("hunter2"), "{report}");
    let line = report.lines().find(|line| line.contains(" redis "));
    (code, line.unwrap_or_else(|| panic!("nothing about Redis in\n{report}")).to_owned())
}

#[tokio::test]
async fn a_redis_that_keeps_everything_passes_and_one_that_may_lose_events_is_a_warning() {
    let redis = RedisServer::start_with(&[("appendonly", "yes"), ("requirepass", "hunter2")]).await;
    let url = redis.url().replace("redis://", "redis://:hunter2@");
    let (code, line) = redis_line(&url).await;
    assert_eq!(code, Some(0), "{line}");
    let address = redis.address().to_string();
    assert!(line.starts_with("ok ") && line.contains(&address) && line.contains("version "), "{line}");

    let (code, line) = redis_line(&redis.url().replace("redis://", "redis://:hunter2-not@")).await;
    assert_eq!(code, Some(1), "{line}");
    assert!(line.starts_with("FAIL") && line.contains(&address), "{line}");

    let forgetful = RedisServer::start_with(&[("maxmemory-policy", "allkeys-lru")]).await;
    let (code, line) = redis_line(&forgetful.url()).await;
    assert_eq!(code, Some(0), "{line}");
    assert!(line.starts_with("warn") && line.contains("append-only") && line.contains("allkeys-lru"), "{line}");
}

#[tokio::test]
async fn a_redis_that_is_away_a_replica_or_a_cluster_fails() {
    let mut redis = RedisServer::start().await;
    let origin = format!("127.0.0.1 {}", redis.address().port());
    let replica = RedisServer::start_with(&[("replicaof", &origin)]).await;
    let cluster = RedisServer::start_with(&[("cluster-enabled", "yes")]).await;
    for (server, wanted) in [(&replica, "replica"), (&cluster, "Redis Cluster")] {
        let (code, line) = redis_line(&server.url()).await;
        assert_eq!(code, Some(1), "{line}");
        let address = server.address().to_string();
        assert!(line.starts_with("FAIL") && line.contains(wanted) && line.contains(&address), "{line}");
    }
    let url = redis.url();
    redis.kill();
    let (code, line) = redis_line(&url).await;
    assert_eq!(code, Some(1), "{line}");
    assert!(line.starts_with("FAIL") && line.contains(&redis.address().to_string()), "{line}");
}
