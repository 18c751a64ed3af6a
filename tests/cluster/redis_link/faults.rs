//! What goes wrong between a client and its Redis, and that it is over when the cause is.

use std::time::{Duration, Instant};

use runcast::storage::redis::{PIPELINE_COMMANDS, RedisCommand, RedisError, Reply};

use crate::redis_link::probe::{BRIEF, PATIENT, client, down, get, insist, live, ok, set, text};
use crate::support::{FaultProxy, RedisServer, SOON, eventually};

fn echo(said: &str) -> RedisCommand {
    RedisCommand::new("ECHO").arg(said)
}

fn is_unknown(answer: &Result<Reply, RedisError>) -> bool {
    matches!(answer, Err(RedisError::OutcomeUnknown(_)))
}

#[tokio::test]
async fn a_black_hole_leaves_outcomes_unknown_and_is_survived() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let client = client(proxy.address(), BRIEF);
    live(&client, 0).await;
    proxy.stall();
    let called = Instant::now();
    let (first, second) = tokio::join!(client.call(echo("a")), client.call(echo("b")));
    assert!(is_unknown(&first) && is_unknown(&second), "{first:?} {second:?}");
    assert!(called.elapsed() >= BRIEF);
    assert_eq!(down(&client).await, "2 commands in a row without a reply in time");
    // While it lasts, callers hear at once why.
    let (called, refused) = (Instant::now(), client.call(echo("c")).await);
    assert!(matches!(refused, Err(RedisError::Unavailable(_))), "{refused:?}");
    assert!(called.elapsed() < BRIEF);
    let reason = async || client.call(echo("d")).await.unwrap_err().to_string();
    eventually!(reason().await, |reason| reason.ends_with("connected, but no answer within 500ms"), SOON);
    proxy.pass();
    assert_eq!(live(&client, 1).await, 2);
    assert_eq!(insist(&client, echo("e")).await, text("e").unwrap());
}

#[tokio::test]
async fn a_late_reply_reaches_nobody_and_the_connection_goes_on() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let client = client(proxy.address(), PATIENT);
    live(&client, 0).await;
    proxy.stall();
    let late = client.call_within(echo("late"), BRIEF).await;
    assert!(is_unknown(&late), "{late:?}");
    proxy.pass();
    assert_eq!(client.call(echo("next")).await, text("next"));
    assert_eq!(live(&client, 0).await, 1);
}

#[tokio::test]
async fn a_cut_leaves_open_what_was_sent() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let (client, direct) = (client(proxy.address(), PATIENT), client(server.address(), PATIENT));
    let cut = async {
        let list = async || match insist(&direct, RedisCommand::new("CLIENT").arg("LIST")).await {
            Reply::BulkString(list) => String::from_utf8(list).unwrap(),
            other => panic!("{other:?}"),
        };
        eventually!(list().await, |list| list.contains("cmd=blpop"), SOON);
        proxy.cut();
    };
    let (answer, ()) = tokio::join!(client.call(RedisCommand::new("BLPOP").args(["nothing", "0"])), cut);
    assert!(is_unknown(&answer), "{answer:?}");
    assert_eq!(live(&client, 1).await, 2);
    assert_eq!(client.call(echo("on")).await, text("on"));
}

#[tokio::test]
async fn what_a_blocked_connection_has_not_taken_did_not_run() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let client = client(proxy.address(), 4 * BRIEF);
    live(&client, 0).await;
    proxy.stall();
    // More than all the buffers between here and Redis hold.
    let large = vec![0; 32 * 1024 * 1024];
    let (sent, waiting) = tokio::join!(client.call(set("large", large)), client.call(set("small", "x")));
    assert!(is_unknown(&sent), "{sent:?}");
    assert!(matches!(&waiting, Err(RedisError::Unavailable(_))), "{waiting:?}");
    proxy.pass();
    assert_eq!(insist(&client, get("small")).await, Reply::Nil);
}

#[tokio::test]
async fn a_full_pipeline_refuses_and_loses_nothing() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let client = client(proxy.address(), PATIENT);
    live(&client, 0).await;
    proxy.stall();
    let burst = (0..PIPELINE_COMMANDS).map(|n| echo(&n.to_string())).collect();
    let beyond = async {
        let refused = client.call(echo("beyond")).await;
        proxy.pass();
        refused
    };
    let (replies, beyond) = tokio::join!(client.all(burst), beyond);
    assert_eq!(beyond, Err(RedisError::Saturated));
    for (n, reply) in replies.unwrap().into_iter().enumerate() {
        assert_eq!(reply, text(&n.to_string()));
    }
    assert_eq!(client.call(echo("after")).await, text("after"));
}

#[tokio::test]
async fn the_pipeline_is_bounded_in_bytes_but_for_one_command_alone() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    let some = vec![0; 40 * 1024 * 1024];
    let refused = client.all(vec![set("a", &some), set("b", &some)]).await;
    assert_eq!(refused, Err(RedisError::Saturated));
    assert_eq!(client.call(get("a")).await, Ok(Reply::Nil));
    assert_eq!(client.call(set("c", vec![0; 65 * 1024 * 1024])).await, ok());
}

#[tokio::test]
async fn a_dead_idle_connection_is_noticed() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let client = client(proxy.address(), BRIEF);
    live(&client, 0).await;
    proxy.stall();
    assert_eq!(down(&client).await, "no answer to PING within 500ms");
    proxy.pass();
    assert_eq!(live(&client, 1).await, 2);
}

#[tokio::test]
async fn an_idle_connection_stays() {
    let server = RedisServer::start().await;
    let client = client(server.address(), PATIENT);
    live(&client, 0).await;
    let direct = crate::redis_link::probe::client(server.address(), PATIENT);
    let pings = async || match insist(&direct, RedisCommand::new("INFO").arg("commandstats")).await {
        Reply::BulkString(info) => String::from_utf8(info).unwrap(),
        other => panic!("{other:?}"),
    };
    // One PING each when they connected; the third is the idle one's.
    eventually!(pings().await, |info| info.contains("cmdstat_ping:calls=3"), SOON);
    assert_eq!(client.call(echo("still")).await, text("still"));
    assert_eq!(live(&client, 0).await, 1);
}

#[tokio::test]
async fn refused_connections_are_told_quickly_and_tried_again() {
    let mut server = RedisServer::start().await;
    server.stop().await;
    let client = client(server.address(), PATIENT);
    let called = Instant::now();
    let refused = client.call(echo("a")).await;
    let expected = format!("{}: can't connect: Connection refused (os error 111)", server.address());
    assert_eq!(refused, Err(RedisError::Unavailable(expected)));
    assert!(called.elapsed() < Duration::from_secs(5), "{:?}", called.elapsed());
    server.restart().await;
    assert_eq!(live(&client, 0).await, 1);
    assert_eq!(client.call(echo("b")).await, text("b"));
}

#[tokio::test]
async fn connections_reset_at_once_are_tried_again() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    proxy.refuse();
    let client = client(proxy.address(), PATIENT);
    down(&client).await;
    assert!(matches!(client.call(echo("a")).await, Err(RedisError::Unavailable(_))));
    proxy.pass();
    assert_eq!(live(&client, 0).await, 1);
}

#[tokio::test]
async fn a_restart_of_redis_is_survived() {
    let mut server = RedisServer::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]).await;
    let client = client(server.address(), PATIENT);
    assert_eq!(client.call(set("key", "kept")).await, ok());
    server.restart().await;
    assert_eq!(insist(&client, get("key")).await, Reply::BulkString(b"kept".to_vec()));
    server.kill();
    server.restart().await;
    assert_eq!(insist(&client, get("key")).await, Reply::BulkString(b"kept".to_vec()));
    server.restart_empty().await;
    assert_eq!(insist(&client, get("key")).await, Reply::Nil);
}

#[tokio::test]
async fn a_redis_that_loads_its_data_is_waited_for() {
    // It takes a look at its clients every 1,024 commands that it loads.
    let slow = [("appendonly", "yes"), ("key-load-delay", "300")];
    let mut server = RedisServer::start_with(&slow).await;
    let client = client(server.address(), PATIENT);
    let filling = (0..5_000).map(|n| set(&format!("key:{n}"), "x")).collect();
    assert!(client.all(filling).await.unwrap().iter().all(Result::is_ok));
    let reason = async || client.call(get("key:99")).await.map_or_else(|error| error.to_string(), |_| String::new());
    let told = async || eventually!(reason().await, |reason| reason.contains("LOADING "), SOON);
    tokio::join!(server.restart(), told());
    assert_eq!(insist(&client, get("key:99")).await, Reply::BulkString(b"x".to_vec()));
}

#[tokio::test]
async fn a_slow_network_slows_and_breaks_nothing() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    proxy.delay(Duration::from_millis(50));
    let client = client(proxy.address(), PATIENT);
    let called = Instant::now();
    let burst = (0..1000).map(|n| echo(&n.to_string())).collect();
    for (n, reply) in client.all(burst).await.unwrap().into_iter().enumerate() {
        assert_eq!(reply, text(&n.to_string()));
    }
    // To connect and to ask, there and back: not once per command.
    assert!(called.elapsed() >= Duration::from_millis(200), "{:?}", called.elapsed());
    assert!(called.elapsed() < Duration::from_secs(10), "{:?}", called.elapsed());
    assert_eq!(live(&client, 0).await, 1);
}

#[tokio::test]
async fn another_server_behind_the_same_address_is_another_connection() {
    let (old, new) = (RedisServer::start().await, RedisServer::start().await);
    let proxy = FaultProxy::start(old.address()).await;
    let client = client(proxy.address(), PATIENT);
    assert_eq!(client.call(set("key", "old")).await, ok());
    proxy.retarget(new.address());
    proxy.cut();
    assert_eq!(live(&client, 1).await, 2);
    assert_eq!(client.call(get("key")).await, Ok(Reply::Nil));
}

#[tokio::test]
async fn a_client_that_is_closed_over_a_black_hole_is_closed_all_the_same() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let client = client(proxy.address(), BRIEF);
    live(&client, 0).await;
    proxy.stall();
    let (unknown, also, ()) = tokio::join!(client.call(echo("a")), client.call(echo("b")), async {
        tokio::time::timeout(SOON, client.close()).await.unwrap();
    });
    assert!(is_unknown(&unknown) && is_unknown(&also), "{unknown:?} {also:?}");
}
