//! The actor ends, and the next one begins: with real viewers on a real hub, its thread agent and its supervisor.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use runcast::actors::hub::thread_agent::{MAILBOX, ThreadAgent};
use runcast::actors::hub::{Hub, SessionLimits, ViewerId};
use runcast::actors::presence::{Presence, PresencePorts};
use runcast::actors::session::write_half::WriteHalf;
use runcast::actors::shared::{NodeIdConflict, NodeInterest, Peers, ThreadAgentEntry, ThreadAgents};
use runcast::actors::supervision::{Child, ChildSpec, Escalation, LiveActors, Service, spawn};
use runcast::actors::supervisor::Supervisor;
use runcast::budget::Budget;
use runcast::protocol::frame::FrameLimits;
use runcast::protocol::segment::Encoding;
use runcast::protocol::{Connection, RunId};
use runcast::storage::presence::{Figures, Register};
use runcast::storage::redis::RedisCommand;
use runcast::thread_metrics::NodeMetrics;

use super::register::{client, register};
use crate::support::{RedisServer, SOON, eventually};

/// One node's presence, in this process.
struct Node {
    hub: Rc<Hub>,
    peers: Peers,
    store: Arc<Register>,
    /// The next report panics.
    poison: Arc<AtomicBool>,
    presence: Service<Presence>,
    _thread: ThreadAgentEntry,
    _supervisor: Child<Supervisor>,
}

impl Node {
    fn start(redis: &RedisServer, name: &str) -> Self {
        let live_actors = LiveActors::default();
        let limits = SessionLimits {
            outbox_bytes: 1024,
            page_bytes: 1024,
            outboxes: Budget::new(1024),
            stall_secs: 60,
            pong_deadline_secs: 50,
            ping_secs: 20,
            incoming: FrameLimits { max_frame_bytes: 1024, max_message_bytes: 1024 },
            send_buffer_bytes: 1024,
        };
        let hub = Rc::new(Hub::new(Rc::new(limits), NodeMetrics::default().thread(), Box::new(|_| {})));
        let (thread_agent, supervisor) = (Service::new("thread_agent", MAILBOX), Service::new("supervisor", 16));
        let thread_agents = ThreadAgents::default();
        let thread = thread_agents.add(ThreadAgent::port(&thread_agent, supervisor.recipient()));
        let agent = ThreadAgent::child(&thread_agent, hub.clone(), live_actors.clone());
        let (peers, poison) = (Peers::default(), Arc::new(AtomicBool::new(false)));
        let store = Arc::new(register(redis, name, SOON * 10));
        let poisoned = poison.clone();
        let ports = PresencePorts {
            register: store.clone(),
            node: name.into(),
            thread_agents,
            interest: NodeInterest::default(),
            peers: peers.clone(),
            node_id_conflict: NodeIdConflict::default(),
            figures: Arc::new(move || {
                assert!(!poisoned.swap(false, Ordering::SeqCst), "poisoned");
                Figures::default()
            }),
            report_every: Duration::from_millis(50),
        };
        let presence = Service::new("presence", 16);
        let entered = live_actors.clone();
        let child =
            ChildSpec::permanent(&presence, move |_, _| Ok(Presence::new(ports.clone(), entered.enter("presence"))));
        let ((escalation, _), live) = (Escalation::new(), live_actors.enter("supervisor"));
        let running = spawn("supervisor", 16, move |_, _| Ok(Supervisor::new(vec![agent, child], escalation, live)));
        let running = running.unwrap();
        supervisor.bind(running.addr.clone());
        Self { hub, peers, store, poison, presence, _thread: thread, _supervisor: running }
    }

    fn join(&self, run: &RunId) -> ViewerId {
        let (wire, _) = tokio::io::duplex(64);
        let connection = Connection::begin(run.clone(), None);
        let hub = &self.hub;
        let write_half = WriteHalf::new(
            wire,
            connection,
            Encoding::Sse,
            hub.limits.clone(),
            hub.thread_metrics.clone(),
            hub.now_secs(),
        );
        hub.enter(Rc::new(write_half))
    }

    /// Waits until Redis counts and lists so many viewers of the run here.
    async fn tells(&self, name: &str, run: &RunId, viewers: u64) {
        let told = async || {
            let seen = self.store.look(std::slice::from_ref(run)).await.unwrap();
            let count = seen.iter().find(|seen| seen.node == name).map(|seen| seen.viewers[0]);
            (count, self.store.list(name, run, 100).await.unwrap().len() as u64)
        };
        eventually!(told().await, |told| *told == (Some(viewers), viewers), SOON);
    }
}

#[actix_web::test]
async fn a_presence_that_panicked_is_built_anew_and_tells_everything() {
    let (redis, run) = (RedisServer::start().await, RunId::parse("r").unwrap());
    let node = Node::start(&redis, "a");
    let viewers: Vec<_> = (0..5).map(|_| node.join(&run)).collect();
    node.tells("a", &run, 5).await;
    node.poison.store(true, Ordering::SeqCst);
    // It panics with the changes in its hands: nobody else knows who came and went.
    node.hub.leave(viewers[0]);
    for _ in 0..3 {
        node.join(&run);
    }
    eventually!(node.poison.load(Ordering::SeqCst), |poisoned| !poisoned, SOON);
    eventually!(node.presence.is_up(), |up| !up, SOON);
    node.hub.leave(viewers[1]);
    node.tells("a", &run, 6).await;
    assert!(node.presence.is_up());
    node.hub.leave(viewers[2]);
    node.tells("a", &run, 5).await;
}

#[actix_web::test]
async fn what_redis_has_forgotten_is_told_anew_over_the_same_connection() {
    let (redis, run) = (RedisServer::start().await, RunId::parse("r").unwrap());
    let (node, client) = (Node::start(&redis, "a"), client(&redis));
    node.join(&run);
    node.tells("a", &run, 1).await;
    client.call(RedisCommand::new("FLUSHALL")).await.unwrap();
    node.tells("a", &run, 1).await;
}

#[actix_web::test]
async fn more_changes_than_a_thread_remembers_are_told_all_the_same() {
    const MANY: usize = 20_000;
    let (redis, run) = (RedisServer::start().await, RunId::parse("r").unwrap());
    let node = Node::start(&redis, "a");
    node.join(&run);
    node.tells("a", &run, 1).await;
    let viewers: Vec<_> = (0..MANY).map(|_| node.join(&run)).collect();
    let count = async || node.store.look(std::slice::from_ref(&run)).await.unwrap()[0].viewers[0];
    eventually!(count().await, |viewers| *viewers == MANY as u64 + 1, SOON);
    viewers.into_iter().for_each(|viewer| node.hub.leave(viewer));
    node.tells("a", &run, 1).await;
}

#[actix_web::test]
async fn a_peer_is_known_with_its_viewers_of_the_runs_that_were_asked_for() {
    let (redis, run) = (RedisServer::start().await, RunId::parse("r").unwrap());
    let (a, b) = (Node::start(&redis, "a"), Node::start(&redis, "b"));
    b.join(&run);
    b.join(&run);
    a.join(&run);
    let viewers = async || a.peers.viewers_of(&run, Instant::now());
    eventually!(viewers().await, |viewers| *viewers == Some(2), SOON);
    let nodes = a.peers.nodes(Instant::now()).unwrap();
    assert_eq!(nodes.iter().map(|seen| seen.node.as_str()).collect::<Vec<_>>(), ["b"]);
}
