//! Pub/sub.

use std::collections::BTreeSet;
use std::time::Duration;

use runcast::storage::redis::{Push, RedisClient, RedisCommand, RedisError, RedisSubscriber, Reply};
use tokio::time::timeout;

use crate::redis_link::probe::{PATIENT, client, settings};
use crate::support::{FaultProxy, RedisServer, soon};

async fn subscriber(address: impl std::fmt::Display) -> RedisSubscriber {
    RedisSubscriber::connect(&settings(&format!("redis://{address}"), PATIENT)).await.unwrap()
}

async fn next(subscriber: &mut RedisSubscriber) -> Result<Push, RedisError> {
    soon("a push", subscriber.next()).await
}

fn message(channel: &str, payload: impl AsRef<[u8]>) -> Result<Push, RedisError> {
    Ok(Push::Message { channel: channel.to_owned(), payload: payload.as_ref().to_vec().into() })
}

async fn publish(client: &RedisClient, channel: &str, payload: impl AsRef<[u8]>) -> i64 {
    match client.call(RedisCommand::new("PUBLISH").arg(channel).arg(payload)).await.unwrap() {
        Reply::Integer(listeners) => listeners,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_come_once_the_subscription_is_confirmed_until_it_ends() {
    let server = RedisServer::start().await;
    let (mut listener, client) = (subscriber(server.address()).await, client(server.address(), PATIENT));
    listener.subscribe(&["a", "b"]).await.unwrap();
    assert_eq!(next(&mut listener).await, Ok(Push::Subscribed("a".to_owned())));
    assert_eq!(next(&mut listener).await, Ok(Push::Subscribed("b".to_owned())));
    let odd = b"\r\n\0\xff+OK\r\n";
    assert_eq!(publish(&client, "a", odd).await, 1);
    assert_eq!(publish(&client, "b", "").await, 1);
    assert_eq!(next(&mut listener).await, message("a", odd));
    assert_eq!(next(&mut listener).await, message("b", ""));
    let large = vec![7; 3 * 1024 * 1024];
    publish(&client, "b", &large).await;
    assert_eq!(next(&mut listener).await, message("b", &large));
    listener.unsubscribe(&["a", "never"]).await.unwrap();
    assert_eq!(next(&mut listener).await, Ok(Push::Unsubscribed("a".to_owned())));
    assert_eq!(next(&mut listener).await, Ok(Push::Unsubscribed("never".to_owned())));
    assert_eq!(publish(&client, "a", "x").await, 0);
    // A second subscription is confirmed as well, and doubles nothing.
    listener.subscribe(&["b"]).await.unwrap();
    assert_eq!(next(&mut listener).await, Ok(Push::Subscribed("b".to_owned())));
    assert_eq!(publish(&client, "b", "y").await, 1);
    assert_eq!(next(&mut listener).await, message("b", "y"));
}

#[tokio::test]
async fn a_ping_is_answered_with_and_without_subscriptions() {
    let server = RedisServer::start().await;
    let mut listener = subscriber(server.address()).await;
    listener.ping().await.unwrap();
    assert_eq!(next(&mut listener).await, Ok(Push::Pong));
    listener.subscribe(&["a"]).await.unwrap();
    listener.ping().await.unwrap();
    assert_eq!(next(&mut listener).await, Ok(Push::Subscribed("a".to_owned())));
    assert_eq!(next(&mut listener).await, Ok(Push::Pong));
}

#[tokio::test]
async fn thousands_of_channels_are_subscribed_at_once() {
    let server = RedisServer::start().await;
    let (mut listener, client) = (subscriber(server.address()).await, client(server.address(), PATIENT));
    let channels: Vec<String> = (0..10_000).map(|n| format!("runcast:run:{n:05}")).collect();
    listener.subscribe(&channels).await.unwrap();
    for channel in &channels {
        assert_eq!(next(&mut listener).await, Ok(Push::Subscribed(channel.clone())));
    }
    let burst = channels.iter().take(5_000).map(|name| RedisCommand::new("PUBLISH").arg(name).arg(name)).collect();
    assert!(client.all(burst).await.unwrap().iter().all(|reply| *reply == Ok(Reply::Integer(1))));
    for channel in &channels[..5_000] {
        assert_eq!(next(&mut listener).await, message(channel, channel));
    }
    listener.unsubscribe(&channels).await.unwrap();
    let mut left: BTreeSet<&str> = channels.iter().map(String::as_str).collect();
    while !left.is_empty() {
        match next(&mut listener).await {
            Ok(Push::Unsubscribed(channel)) => assert!(left.remove(channel.as_str()), "{channel}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let server = RedisServer::start().await;
    let (mut listener, client) = (subscriber(server.address()).await, client(server.address(), PATIENT));
    listener.subscribe(&["a"]).await.unwrap();
    assert_eq!(next(&mut listener).await, Ok(Push::Subscribed("a".to_owned())));
    let publishing = async {
        for n in 0..200 {
            publish(&client, "a", vec![n; 100_000]).await;
        }
    };
    let listening = async {
        for n in 0..200 {
            loop {
                // As a select! does, whose other branch is ready again and again.
                if let Ok(push) = timeout(Duration::from_micros(50), listener.next()).await {
                    assert_eq!(push, message("a", vec![n; 100_000]));
                    break;
                }
            }
        }
    };
    soon("all messages", async { tokio::join!(publishing, listening) }).await;
}

#[tokio::test]
async fn a_lost_connection_is_an_error() {
    let mut server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let (mut through, mut direct) = (subscriber(proxy.address()).await, subscriber(server.address()).await);
    for listener in [&mut through, &mut direct] {
        listener.subscribe(&["a"]).await.unwrap();
        assert_eq!(next(listener).await, Ok(Push::Subscribed("a".to_owned())));
    }
    proxy.cut();
    assert!(matches!(next(&mut through).await, Err(RedisError::Unavailable(_))));
    server.restart().await;
    assert!(matches!(next(&mut direct).await, Err(RedisError::Unavailable(_))));
    // Another one takes its place.
    let (mut again, client) = (subscriber(proxy.address()).await, client(server.address(), PATIENT));
    again.subscribe(&["a"]).await.unwrap();
    assert_eq!(next(&mut again).await, Ok(Push::Subscribed("a".to_owned())));
    publish(&client, "a", "x").await;
    assert_eq!(next(&mut again).await, message("a", "x"));
}

#[tokio::test]
async fn a_silent_connection_shows_by_its_missing_pong() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let mut listener = subscriber(proxy.address()).await;
    proxy.stall();
    listener.ping().await.unwrap();
    assert!(timeout(Duration::from_millis(300), listener.next()).await.is_err());
    proxy.pass();
    assert_eq!(next(&mut listener).await, Ok(Push::Pong));
}

#[tokio::test]
async fn a_channel_without_the_right_to_it_is_refused_and_the_others_stay() {
    let server = RedisServer::start_with(&[("user", "ann on >secret ~* resetchannels &mine:* +@all")]).await;
    let mut listener = subscriber(format!("ann:secret@{}", server.address())).await;
    listener.subscribe(&["mine:a"]).await.unwrap();
    listener.subscribe(&["mine:b", "yours"]).await.unwrap();
    listener.ping().await.unwrap();
    assert_eq!(next(&mut listener).await, Ok(Push::Subscribed("mine:a".to_owned())));
    let refused = next(&mut listener).await.unwrap_err();
    assert!(matches!(&refused, RedisError::Refused(text) if text.starts_with("NOPERM ")), "{refused}");
    assert_eq!(next(&mut listener).await, Ok(Push::Pong));
}
