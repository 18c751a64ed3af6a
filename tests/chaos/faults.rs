//! What goes wrong, when: three schedules from one seed, for the nodes, for their ways to Redis, and for Redis.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::support::{Dice, FaultProxy, RedisServer, TestNode};

/// What was done; told on failure.
pub(crate) struct FaultLog {
    started: Instant,
    lines: RefCell<Vec<String>>,
    counts: RefCell<BTreeMap<&'static str, u64>>,
}

impl FaultLog {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), lines: RefCell::default(), counts: RefCell::default() }
    }

    fn fault(&self, kind: &'static str, detail: impl Display) {
        *self.counts.borrow_mut().entry(kind).or_default() += 1;
        self.note(format!("{kind}: {detail}"));
    }

    pub(crate) fn note(&self, what: impl Display) {
        self.lines.borrow_mut().push(format!("{:7.3} s  {what}", self.started.elapsed().as_secs_f64()));
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.borrow().clone()
    }
}

impl Drop for FaultLog {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the faults:\n{}", self.lines.borrow().join("\n"));
        }
    }
}

/// Draws every kind before any of them comes again.
struct Bag<T: 'static> {
    kinds: &'static [T],
    left: Vec<&'static T>,
}

impl<T> Bag<T> {
    fn new(kinds: &'static [T]) -> Self {
        Self { kinds, left: Vec::new() }
    }

    fn draw(&mut self, dice: &mut Dice) -> &'static T {
        if self.left.is_empty() {
            self.left = self.kinds.iter().collect();
        }
        self.left.swap_remove(dice.below(self.left.len() as u64) as usize)
    }
}

fn millis(dice: &mut Dice, from: u64, to: u64) -> Duration {
    Duration::from_millis(from + dice.below(to - from))
}

enum OfNode {
    Kill,
    Terminate,
    Freeze,
}

/// Kills, drains and freezes nodes, one at a time; all run at the end.
pub(crate) async fn of_nodes(nodes: &mut Vec<TestNode>, mut dice: Dice, until: Instant, log: &FaultLog) {
    let mut bag = Bag::new(&[OfNode::Kill, OfNode::Terminate, OfNode::Freeze]);
    while Instant::now() < until {
        sleep(millis(&mut dice, 300, 2_500)).await;
        let index = dice.below(nodes.len() as u64) as usize;
        let node = &mut nodes[index];
        let away = millis(&mut dice, 0, 2_000);
        match bag.draw(&mut dice) {
            OfNode::Kill => {
                log.fault("kill -9", format_args!("node {index}, for {away:?}"));
                node.kill9();
                sleep(away).await;
                restart(nodes, index).await;
            }
            OfNode::Terminate => {
                log.fault("SIGTERM", format_args!("node {index}"));
                node.terminate().await.assert_clean(false);
                log.note(format_args!("node {index} has drained, comes again in {away:?}"));
                sleep(away).await;
                restart(nodes, index).await;
            }
            OfNode::Freeze => {
                let frozen = millis(&mut dice, 100, 7_000);
                log.fault("SIGSTOP", format_args!("node {index}, for {frozen:?}"));
                node.freeze();
                sleep(frozen).await;
                node.thaw();
            }
        }
        log.note(format_args!("node {index} is back"));
    }
}

/// Starts a node again, off this thread: it waits, and everybody else is on this thread.
pub(crate) async fn restart(nodes: &mut Vec<TestNode>, index: usize) {
    let mut node = nodes.remove(index);
    let restarted = spawn_blocking(move || {
        node.restart_in_place();
        node
    });
    nodes.insert(index, restarted.await.unwrap());
}

enum OfLink {
    Stall,
    StallAndCut,
    Cut,
    Refuse,
    Delay,
}

/// Spoils the ways to Redis, of one node or of all; all are well at the end.
pub(crate) async fn of_links(links: &[FaultProxy], mut dice: Dice, until: Instant, log: &FaultLog) {
    let kinds = &[OfLink::Stall, OfLink::StallAndCut, OfLink::Cut, OfLink::Refuse, OfLink::Delay];
    let mut bag = Bag::new(kinds);
    while Instant::now() < until {
        sleep(millis(&mut dice, 200, 2_500)).await;
        let first = dice.below(links.len() as u64) as usize;
        let (links, whose) = match dice.below(4) {
            0 => (links, "all nodes".to_owned()),
            _ => (&links[first..=first], format!("node {first}")),
        };
        let each = |act: fn(&FaultProxy)| links.iter().for_each(act);
        let time = millis(&mut dice, 50, 4_000);
        let kind = bag.draw(&mut dice);
        match kind {
            OfLink::Stall | OfLink::StallAndCut => {
                log.fault("Redis stalled", format_args!("for {whose}, for {time:?}"));
                each(FaultProxy::stall);
                sleep(time).await;
                if matches!(kind, OfLink::StallAndCut) {
                    log.note("and cut");
                    each(FaultProxy::cut);
                }
                each(FaultProxy::pass);
            }
            OfLink::Cut => {
                log.fault("Redis cut", format_args!("for {whose}"));
                each(FaultProxy::cut);
            }
            OfLink::Refuse => {
                log.fault("Redis refused", format_args!("for {whose}, for {time:?}"));
                each(FaultProxy::refuse);
                each(FaultProxy::cut);
                sleep(time).await;
                each(FaultProxy::pass);
            }
            OfLink::Delay => {
                log.fault("Redis delayed", format_args!("for {whose}, by 20 ms for {time:?}"));
                each(|link| link.delay(Duration::from_millis(20)));
                sleep(time).await;
                each(|link| link.delay(Duration::ZERO));
            }
        }
        log.note(format_args!("the link of {whose} is well"));
    }
}

enum OfRedis {
    KillSubscribers,
    Restart,
    Kill,
}

/// Restarts Redis, softly and not, and takes its subscribers from it; it runs at the end.
pub(crate) async fn of_redis(redis: &mut RedisServer, mut dice: Dice, until: Instant, log: &FaultLog) {
    let kinds = &[OfRedis::KillSubscribers, OfRedis::Restart, OfRedis::KillSubscribers, OfRedis::Kill];
    let mut bag = Bag::new(kinds);
    while Instant::now() < until {
        sleep(millis(&mut dice, 1_000, 5_000)).await;
        let away = millis(&mut dice, 0, 2_000);
        match bag.draw(&mut dice) {
            OfRedis::KillSubscribers => {
                log.fault("CLIENT KILL TYPE pubsub", "of all nodes");
                kill_subscribers(redis).await;
            }
            OfRedis::Restart => {
                log.fault("Redis restarted", format_args!("away for {away:?}"));
                redis.stop().await;
                sleep(away).await;
                redis.restart().await;
            }
            OfRedis::Kill => {
                log.fault("Redis killed", format_args!("away for {away:?}"));
                redis.kill();
                sleep(away).await;
                redis.restart().await;
            }
        }
        log.note("Redis is well");
    }
}

async fn kill_subscribers(redis: &RedisServer) {
    let mut tcp = TcpStream::connect(redis.address()).await.unwrap();
    tcp.write_all(b"CLIENT KILL TYPE pubsub\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n") {
        assert!(tcp.read_buf(&mut answer).await.unwrap() > 0, "no answer");
    }
    assert!(answer.starts_with(b":"), "{}", String::from_utf8_lossy(&answer));
}
