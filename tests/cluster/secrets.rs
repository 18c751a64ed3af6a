//! Secrets in Redis: what one node keeps another can hand out, and Redis sees nothing.

use std::sync::Arc;
use std::time::Duration;

use runcast::protocol::{Clock, RunId};
use runcast::storage::objects::UrlKey;
use runcast::storage::redis::{RedisClient, RedisSettings};
use runcast::storage::secrets::{SecretError, SecretKey, SecretLimits, SecretValue, Secrets};

use crate::support::{RedisServer, SOON, eventually};

const HOUR: Duration = Duration::from_secs(3_600);

fn secrets(redis: &RedisServer, key: &str, count: usize) -> Secrets {
    let settings = RedisSettings {
        url: redis.url().parse().unwrap(),
        ca_file: None,
        command_timeout: SOON,
        client_name: "test".to_owned(),
        purpose: "test",
    };
    let client = RedisClient::start(settings, Arc::new(()));
    let key = SecretKey::derived(&UrlKey::from_text(key)).unwrap();
    Secrets::in_redis(Some(key), SecretLimits { count }, client, "p", Clock::default())
}

fn run() -> RunId {
    RunId::parse("r").unwrap()
}

#[tokio::test]
async fn what_one_node_keeps_another_hands_out_until_it_is_deleted() {
    let redis = RedisServer::start().await;
    let (a, b) = (secrets(&redis, "key", 9), secrets(&redis, "key", 9));
    let value = SecretValue::new("hunter2");
    a.put(&run(), "c", &value, HOUR).await.unwrap();
    b.put(&run(), "c", &value, HOUR).await.unwrap();
    assert_eq!(b.put(&run(), "c", &SecretValue::new("hunter3"), HOUR).await, Err(SecretError::Conflict));
    for node in [&a, &b, &b] {
        assert_eq!(node.get(&run(), "c").await.as_ref(), Ok(&value));
    }
    let stored = redis.cli(&["GET", "p:{r}:secret:c"]);
    assert!(!stored.is_empty() && !stored.contains("hunter2"), "{stored}");
    assert_eq!(secrets(&redis, "another key", 9).get(&run(), "c").await, Err(SecretError::Gone));
    b.delete(&run(), "c").await.unwrap();
    assert_eq!(a.get(&run(), "c").await, Err(SecretError::Gone));
    assert_eq!(redis.cli(&["DBSIZE"]).trim(), "0");
}

#[tokio::test]
async fn a_secret_goes_when_its_time_is_over_and_leaves_its_place() {
    let redis = RedisServer::start().await;
    let (secrets, value) = (secrets(&redis, "key", 1), SecretValue::new("hunter2"));
    secrets.put(&run(), "c", &value, Duration::from_millis(200)).await.unwrap();
    assert_eq!(secrets.put(&run(), "d", &value, HOUR).await, Err(SecretError::Full(1)));
    let gone = |got: &Result<_, _>| *got == Err(SecretError::Gone);
    eventually!(secrets.get(&run(), "c").await, gone, SOON).unwrap_err();
    eventually!(secrets.put(&run(), "d", &value, HOUR).await, Result::is_ok, SOON).unwrap();
    // Put again, it stays for longer, never for less.
    secrets.put(&run(), "d", &value, Duration::from_millis(1)).await.unwrap();
    assert!(redis.cli(&["TTL", "p:{r}:secret:d"]).trim().parse::<u64>().unwrap() > 3_000);
}

#[tokio::test]
async fn a_redis_that_is_away_is_told_and_one_that_lost_all_has_none() {
    let mut redis = RedisServer::start().await;
    let (secrets, value) = (secrets(&redis, "key", 9), SecretValue::new("hunter2"));
    secrets.put(&run(), "c", &value, HOUR).await.unwrap();
    redis.kill();
    let away = secrets.get(&run(), "c").await.unwrap_err();
    assert!(matches!(away, SecretError::Unavailable(_)), "{away:?}");
    redis.restart().await;
    let gone = |got: &Result<_, _>| *got == Err(SecretError::Gone);
    eventually!(secrets.get(&run(), "c").await, gone, SOON).unwrap_err();
}
