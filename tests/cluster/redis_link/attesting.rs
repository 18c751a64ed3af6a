//! Every connection of a client is judged before it is used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use runcast::storage::redis::{Attest, Link, RedisClient, RedisCommand, RedisError, Reply};

use crate::redis_link::probe::{PATIENT, down, insist, live, settings};
use crate::support::{FaultProxy, RedisServer, SOON, eventually};

/// Counts connections in Redis, and refuses the first of them.
struct Doorman {
    refuses: usize,
    seen: AtomicUsize,
}

#[async_trait]
impl Attest for Doorman {
    async fn attest(&self, link: &mut Link) -> Result<(), RedisError> {
        let seen = link.call(RedisCommand::new("INCR").arg("connections")).await?;
        assert_eq!(seen, Reply::Integer(self.seen.fetch_add(1, Ordering::SeqCst) as i64 + 1));
        match self.seen.load(Ordering::SeqCst) <= self.refuses {
            true => Err(RedisError::Unavailable("this is another Redis".to_owned())),
            false => Ok(()),
        }
    }
}

fn counted() -> RedisCommand {
    RedisCommand::new("GET").arg("connections")
}

fn number(n: usize) -> Reply {
    Reply::BulkString(n.to_string().into_bytes())
}

#[tokio::test]
async fn every_connection_is_attested_before_any_command() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.address()).await;
    let doorman = Arc::new(Doorman { refuses: 0, seen: AtomicUsize::new(0) });
    let client = RedisClient::start(settings(&format!("redis://{}", proxy.address()), PATIENT), doorman);
    for connection in 1..=3 {
        live(&client, connection - 1).await;
        assert_eq!(client.call(counted()).await, Ok(number(connection as usize)));
        proxy.cut();
    }
}

#[tokio::test]
async fn a_connection_that_is_not_found_good_is_dropped_and_another_tried() {
    let server = RedisServer::start().await;
    let doorman = Arc::new(Doorman { refuses: 3, seen: AtomicUsize::new(0) });
    let client = RedisClient::start(settings(&server.url(), PATIENT), doorman.clone());
    assert_eq!(down(&client).await, "this is another Redis");
    assert_eq!(insist(&client, counted()).await, number(4));
    assert_eq!(live(&client, 0).await, 1);
    let list = async || match client.call(RedisCommand::new("CLIENT").arg("LIST")).await.unwrap() {
        Reply::BulkString(list) => String::from_utf8(list).unwrap().lines().count(),
        other => panic!("{other:?}"),
    };
    eventually!(list().await, |connections| *connections == 1, SOON);
}

/// Forgets a command on the connection.
struct Careless;

#[async_trait]
impl Attest for Careless {
    async fn attest(&self, link: &mut Link) -> Result<(), RedisError> {
        let slow = link.call(RedisCommand::new("BLPOP").args(["nothing", "0"]));
        let _ = tokio::time::timeout(Duration::from_millis(20), slow).await;
        assert!(matches!(link.call(RedisCommand::new("PING")).await, Err(RedisError::Unavailable(_))));
        Ok(())
    }
}

#[tokio::test]
async fn a_connection_on_which_a_command_was_given_up_is_not_used() {
    let server = RedisServer::start().await;
    let client = RedisClient::start(settings(&server.url(), PATIENT), Arc::new(Careless));
    assert_eq!(down(&client).await, "attesting gave up a command");
}
