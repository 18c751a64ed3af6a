//! Signs of life in Redis: what one node hears every node knows, and nobody counts as silent who could not be heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use runcast::protocol::{Clock, RunId, Seen, Sign, Timestamp};
use runcast::storage::redis::{LinkStatus, RedisClient, RedisSettings};
use runcast::storage::signs::{SignTimes, Signs};

use crate::support::{FaultProxy, RedisServer, SOON, eventually};

const TTL: Duration = Duration::from_secs(60);

/// A node's signs, the connection that they go over, and by how much the node's clock is off.
struct Node {
    signs: Signs,
    client: RedisClient,
    off: Arc<AtomicI64>,
}

fn node_at(address: std::net::SocketAddr, ttl: Duration) -> Node {
    let settings = RedisSettings {
        url: format!("redis://{address}").parse().unwrap(),
        ca_file: None,
        command_timeout: Duration::from_secs(2),
        client_name: "test".to_owned(),
        purpose: "test",
    };
    let client = RedisClient::start(settings, Arc::new(()));
    let off = Arc::new(AtomicI64::new(0));
    let by = off.clone();
    let wall = move || Timestamp::now().plus_millis(by.load(Ordering::SeqCst));
    let clock = Clock::external(wall, Duration::from_secs(3_600));
    let times = SignTimes { ttl, tell_every: Duration::from_secs(1), socket: TTL };
    Node { signs: Signs::in_redis(clock, times, client.clone(), "p"), client, off }
}

impl Node {
    async fn start(address: std::net::SocketAddr) -> Self {
        let node = node_at(address, TTL);
        node.connected().await;
        node.signs.keep_once().await;
        node
    }

    async fn connected(&self) {
        let live = |status: &LinkStatus| matches!(status, LinkStatus::Live { .. });
        eventually!(self.client.status().borrow().clone(), live, SOON);
    }

    async fn seen(&self, sign: &Sign) -> Seen {
        self.signs.seen(&run(), std::slice::from_ref(sign)).await[0].1
    }

    async fn seen_at(&self, sign: &Sign) -> Timestamp {
        match self.seen(sign).await {
            Seen::At(at) => at,
            Seen::Unknown => panic!("unknown"),
        }
    }
}

fn run() -> RunId {
    RunId::parse("r").unwrap()
}

fn worker(id: usize) -> Sign {
    Sign::Producer(format!("w{id}").into())
}

/// Until the clock shows another millisecond.
async fn tick() -> Timestamp {
    let now = Timestamp::now();
    eventually!(Timestamp::now(), |later| *later > now, SOON)
}

/// How often Redis ran a command.
fn calls(redis: &RedisServer, command: &str) -> u64 {
    let stats = redis.cli(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn what_one_node_heard_every_node_knows_for_one_write() {
    let redis = RedisServer::start().await;
    let (a, b) = (Node::start(redis.address()).await, Node::start(redis.address()).await);
    let ann = Sign::Subject("ann|ö -".into());
    let since = b.seen_at(&worker(1)).await;
    let touched = tick().await;
    for _ in 0..10_000 {
        a.signs.touch(&run(), worker(1));
        a.signs.touch(&run(), ann.clone());
    }
    assert!(a.seen_at(&worker(1)).await >= touched, "the node itself knows at once");
    assert_eq!(b.seen_at(&worker(1)).await, since);
    a.signs.keep_once().await;
    let seen = b.signs.seen(&run(), &[ann.clone(), worker(2), worker(1)]).await;
    assert!(matches!(&seen[0], (Sign::Subject(_), Seen::At(at)) if *at >= touched), "{seen:?}");
    assert_eq!(seen[1], (worker(2), Seen::At(since)), "never heard");
    assert!(matches!(seen[2].1, Seen::At(at) if at >= touched), "{seen:?}");
    assert_eq!(calls(&redis, "zadd"), 1, "20,000 touches of two signs");
    a.signs.keep_once().await;
    assert_eq!(calls(&redis, "zadd"), 1, "nothing new");
    // What was heard earlier, and told later, does not take the place of what was heard last.
    b.signs.touch(&run(), worker(1));
    let last = tick().await;
    a.signs.touch(&run(), worker(1));
    a.signs.keep_once().await;
    b.signs.keep_once().await;
    assert!(b.seen_at(&worker(1)).await >= last);
}

#[tokio::test]
async fn a_node_that_stops_tells_what_it_heard_last() {
    let redis = RedisServer::start().await;
    let (a, b) = (Node::start(redis.address()).await, Node::start(redis.address()).await);
    let touched = tick().await;
    a.signs.touch(&run(), worker(1));
    a.signs.close().await;
    assert!(b.seen_at(&worker(1)).await >= touched);
}

#[tokio::test]
async fn nothing_is_known_while_redis_is_away_and_afterwards_it_begins_anew() {
    let redis = RedisServer::start().await;
    let proxy = FaultProxy::start(redis.address()).await;
    let (a, b) = (Node::start(proxy.address()).await, Node::start(redis.address()).await);
    a.signs.touch(&run(), worker(1));
    a.signs.keep_once().await;
    proxy.refuse();
    proxy.cut();
    eventually!(a.seen(&worker(1)).await, |seen| *seen == Seen::Unknown, SOON);
    let meanwhile = tick().await;
    a.signs.touch(&run(), worker(2));
    a.signs.keep_once().await;
    proxy.pass();
    let back = tick().await;
    a.connected().await;
    let seen = a.seen_at(&worker(1)).await;
    assert!(seen >= back, "it could not hear before");
    a.signs.keep_once().await;
    let told = b.seen_at(&worker(2)).await;
    assert!(told >= meanwhile && told < back, "what was heard meanwhile is told");
}

#[tokio::test]
async fn a_node_that_cannot_write_ends_nothing() {
    let redis = RedisServer::start().await;
    let a = Node::start(redis.address()).await;
    let start = a.seen_at(&worker(1)).await;
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    a.signs.touch(&run(), worker(2));
    let failed = tick().await;
    a.signs.keep_once().await;
    assert!(a.seen_at(&worker(1)).await >= failed, "not from {start}");
    redis.cli(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    a.signs.keep_once().await;
    let healed = tick().await;
    assert!(a.seen_at(&worker(1)).await < healed);
}

#[tokio::test]
async fn a_redis_that_lost_everything_makes_nobody_silent() {
    let redis = RedisServer::start().await;
    let (a, b) = (Node::start(redis.address()).await, Node::start(redis.address()).await);
    a.signs.touch(&run(), worker(1));
    a.signs.keep_once().await;
    redis.cli(&["FLUSHALL"]);
    assert_eq!(b.seen(&worker(1)).await, Seen::Unknown);
    let lost = tick().await;
    a.signs.keep_once().await;
    assert!(b.seen_at(&worker(1)).await >= lost);
    assert!(a.seen_at(&worker(1)).await >= lost);
}

#[tokio::test]
async fn signs_that_found_no_room_are_a_break_on_all_nodes() {
    let redis = RedisServer::start().await;
    let (a, b) = (Node::start(redis.address()).await, Node::start(redis.address()).await);
    for id in 0..4_096 {
        a.signs.touch(&run(), worker(id));
    }
    let crowded = tick().await;
    a.signs.touch(&run(), worker(4_096));
    a.signs.keep_once().await;
    assert!(b.seen_at(&worker(9_999)).await >= crowded);
    // As many as Redis keeps of a run, of two nodes.
    for id in 0..4_096 {
        b.signs.touch(&run(), worker(10_000 + id));
        a.signs.touch(&run(), worker(20_000 + id));
    }
    let second = tick().await;
    a.signs.keep_once().await;
    b.signs.keep_once().await;
    assert!(b.seen_at(&worker(9_999)).await >= second);
    assert!(redis.cli(&["ZCARD", "p:{r}:signs"]).trim().parse::<usize>().unwrap() <= 8_193);
}

#[tokio::test]
async fn a_clock_that_was_set_makes_nobody_silent() {
    let redis = RedisServer::start().await;
    let a = Node::start(redis.address()).await;
    a.signs.touch(&run(), worker(1));
    a.signs.keep_once().await;
    a.off.store(600_000, Ordering::SeqCst);
    let now = tick().await.plus_millis(600_000);
    assert!(a.seen_at(&worker(1)).await >= now);
    a.off.store(9_000_000, Ordering::SeqCst);
    assert_eq!(a.seen(&worker(1)).await, Seen::Unknown);
}

#[tokio::test]
async fn nothing_stays_in_redis() {
    let redis = RedisServer::start().await;
    let a = node_at(redis.address(), Duration::from_millis(300));
    a.connected().await;
    a.signs.touch(&run(), worker(1));
    a.signs.keep_once().await;
    assert_eq!(redis.cli(&["EXISTS", "p:{r}:signs"]).trim(), "1");
    eventually!(redis.cli(&["KEYS", "*"]), |keys| keys.trim() == "p:signs", SOON);
}
