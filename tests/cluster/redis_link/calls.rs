//! Commands and replies while all is well.

use std::sync::Arc;
use std::time::Duration;

use runcast::storage::redis::{LinkStatus, RedisClient, RedisCommand, RedisError, Reply};

use crate::redis_link::probe::{PATIENT, client, get, live, ok, set, settings, text};
use crate::support::RedisServer;

#[tokio::test]
async fn a_command_is_answered_by_its_reply() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    let odd = b"\r\n\0$3\r\n\xff".to_vec();
    // The first attempt to connect is waited for.
    assert_eq!(client.call(set("key", &odd)).await, ok());
    assert_eq!(client.call(get("key")).await, Ok(Reply::BulkString(odd)));
    assert_eq!(client.call(get("none")).await, Ok(Reply::Nil));
    assert_eq!(client.call(RedisCommand::new("INCR").arg("count")).await, Ok(Reply::Integer(1)));
    let nested = RedisCommand::new("EVAL").arg("return {1, {'a', {}}, false}").arg("0");
    let expected = vec![
        Reply::Integer(1),
        Reply::Array(vec![Reply::BulkString(b"a".to_vec()), Reply::Array(Vec::new())]),
        Reply::Nil,
    ];
    assert_eq!(client.call(nested).await, Ok(Reply::Array(expected)));
    let name = client.call(RedisCommand::new("CLIENT").arg("GETNAME")).await;
    assert_eq!(name, text("runcast-test"));
    client.close().await;
}

#[tokio::test]
async fn an_error_reply_is_a_refusal_and_hurts_nobody_else() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    client.call(set("key", "x")).await.unwrap();
    let mut replies = client.all(vec![get("key"), RedisCommand::new("INCR").arg("key"), get("key")]).await.unwrap();
    assert_eq!(replies.remove(2), text("x"));
    let refused = replies.remove(1).unwrap_err();
    assert_eq!(refused, RedisError::Refused("ERR value is not an integer or out of range".to_owned()));
    let missing = client.call(RedisCommand::new("EVALSHA").arg("0".repeat(40)).number(0)).await.unwrap_err();
    assert!(matches!(&missing, RedisError::Refused(text) if text.starts_with("NOSCRIPT ")), "{missing}");
    assert_eq!(live(&client, 0).await, 1);
}

#[tokio::test]
async fn a_redis_without_memory_refuses_writes_and_goes_on_reading() {
    let server = RedisServer::start_with(&[("maxmemory", "1mb")]).await;
    let client = client(server.address(), PATIENT);
    let refused = client.call(set("key", vec![0; 2 * 1024 * 1024])).await.unwrap_err();
    assert!(matches!(&refused, RedisError::Refused(text) if text.starts_with("OOM ")), "{refused}");
    assert_eq!(client.call(get("key")).await, Ok(Reply::Nil));
}

#[tokio::test]
async fn replies_reach_their_callers_in_any_crowd() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for round in 0..100 {
                    let said = format!("{task}-{round}");
                    let echo = RedisCommand::new("ECHO").arg(&said);
                    if round % 10 == 0 {
                        // Some give up before the reply: it must not reach another caller.
                        let _ = tokio::time::timeout(Duration::ZERO, client.call(echo.clone())).await;
                        let _ = tokio::time::timeout(Duration::from_micros(200), client.call(echo.clone())).await;
                    }
                    assert_eq!(client.call(echo).await, text(&said));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(live(&client, 0).await, 1);
}

#[tokio::test]
async fn a_burst_is_not_interrupted_and_its_replies_are_in_order() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut burst = vec![set("owner", task.to_string())];
                burst.extend((0..50).map(|_| get("owner")));
                for reply in client.all(burst).await.unwrap().into_iter().skip(1) {
                    assert_eq!(reply, text(&task.to_string()));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(client.all(Vec::new()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn large_commands_and_replies_pass() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let replies = client.all(vec![set("a", &large), set("b", "small"), get("a"), get("b")]).await.unwrap();
    assert_eq!(replies[2], Ok(Reply::BulkString(large)));
    assert_eq!(replies[3], text("small"));
    let fill = "for n = 1, 20000 do redis.call('XADD', 'stream', '0-' .. n, 'body', 'event ' .. n) end";
    client.call(RedisCommand::new("EVAL").arg(fill).number(0)).await.unwrap();
    let Ok(Reply::Array(entries)) = client.call(RedisCommand::new("XRANGE").args(["stream", "-", "+"])).await else {
        panic!("no array");
    };
    assert_eq!(entries.len(), 20_000);
}

#[tokio::test]
async fn a_closed_client_answers_what_is_in_flight_and_refuses_the_rest() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    assert_eq!(live(&client, 0).await, 1);
    let last = client.call(RedisCommand::new("DEBUG").args(["SLEEP", "0.1"]));
    // The call is made first.
    let (last, ()) = tokio::join!(last, client.close());
    assert_eq!(last, ok());
    let refused = client.call(get("key")).await.unwrap_err();
    assert_eq!(refused, RedisError::Unavailable("the connection was closed".to_owned()));
    assert!(matches!(*client.status().borrow(), LinkStatus::Down { .. }));
    client.close().await;
}

#[tokio::test]
async fn dropping_the_last_client_ends_its_connection() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    live(&client, 0).await;
    let other = RedisClient::start(settings(&server.url(), PATIENT), Arc::new(()));
    let connections = async || match other.call(RedisCommand::new("CLIENT").arg("LIST")).await {
        Ok(Reply::BulkString(list)) => String::from_utf8(list).unwrap().lines().count(),
        other => panic!("{other:?}"),
    };
    assert_eq!(connections().await, 2);
    drop(client);
    crate::support::eventually!(connections().await, |count| *count == 1, crate::support::SOON);
}
