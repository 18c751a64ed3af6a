//! The bridge fails and is built anew: with a real Redis, its supervisor, a registry and a room that follows its run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{RedisServer, SOON, Saboteur, eventually, soon};
use crate::words::{ROOMY, append, post, run};
use actix::fut::wrap_future;
use actix::{AsyncContext as _, Context};
use metrics::set_default_local_recorder;
use runcast::actors::bridge::{Bridge, BridgePorts, BridgeTimes, ScreenSharing};
use runcast::actors::catalog_writer::CatalogWriter;
use runcast::actors::messages::registry::FindRoom;
use runcast::actors::messages::room::{RoomPort, WaitForEvents};
use runcast::actors::registry::{OpenRoom, Registry, RoomBounds};
use runcast::actors::room::{RemoteFeed, Room, RoomLimits, RoomPorts, ScreenLimits, States};
use runcast::actors::shared::{Doorbell, NodeInterest, Peers};
use runcast::actors::supervision::{Child, ChildSpec, Escalation, LiveActors, Policy, Service, spawn};
use runcast::actors::supervisor::Supervisor;
use runcast::budget::Budget;
use runcast::protocol::{Cursor, Seq};
use runcast::storage::journal::Journal as _;
use runcast::storage::journal::redis::{RedisJournal, RedisOptions};
use runcast::storage::redis::{RedisClient, RedisSettings};
use runcast::storage::screens::ScreenStore;
use runcast::tasks::{Exits, exits};
use tokio::sync::{Notify, oneshot};

/// How often a room looks whether it is used, and reminds the bridge of itself.
const ROOM_LOOKS: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3_600);

fn settings(redis: &RedisServer, name: &str) -> RedisSettings {
    RedisSettings {
        url: redis.url().parse().unwrap(),
        ca_file: None,
        command_timeout: Duration::from_secs(2),
        client_name: name.to_owned(),
        purpose: "test",
    }
}

fn journal(redis: &RedisServer, node: &str) -> Arc<RedisJournal> {
    let settings = settings(redis, node);
    Arc::new(RedisJournal::open(RedisOptions {
        prefix: "t".into(),
        node: node.into(),
        limits: ROOMY,
        settings,
        max_clock_step: Duration::from_secs(3_600),
    }))
}

/// One node's bridge and rooms, in this process.
struct Node {
    bridge: Service<Bridge>,
    registry: Service<Registry>,
    /// Told, the bridge panics.
    poison: Arc<Notify>,
    _supervisor: Child<Supervisor>,
}

impl Node {
    fn start(redis: &RedisServer, probe: Duration) -> Self {
        let (journal, live_actors, poison) = (journal(redis, "here"), LiveActors::default(), Arc::new(Notify::new()));
        let (bridge, registry) = (Service::new("bridge", 64), Service::new("registry", 64));
        // None is provided: what rooms would have listed is of no interest.
        let catalog_writer = Service::<CatalogWriter>::new("catalog_writer", 1).recipient();
        // Nothing but notices and probes tells anybody anything within an hour.
        let times = BridgeTimes { linger: HOUR, tip_check: HOUR, probe };
        let ports = BridgePorts {
            journal: journal.clone(),
            settings: settings(redis, "doorbell"),
            screens: ScreenStore::new(
                RedisClient::start(settings(redis, "screens"), Arc::new(())),
                "t",
                "here",
                Duration::from_secs(60),
            ),
            screen_sharing: ScreenSharing {
                bytes_per_sec: 1 << 20,
                kept_bytes: 1 << 20,
                keep: Duration::from_secs(60),
            },
            peers: Peers::default(),
            interest: NodeInterest::default(),
            shown: Budget::new(1 << 20),
            node: "here".into(),
            doorbell: Doorbell::default(),
            revocations: None,
            rooms: registry.recipient(),
        };
        let remote_feed =
            RemoteFeed { follow: bridge.recipient(), mirror: bridge.recipient(), reorder: Duration::from_millis(10) };
        let started = Instant::now();
        let states = States::new(Budget::new(1 << 20));
        let ports_of_rooms = RoomPorts {
            journal,
            catalog_writer,
            retire: registry.recipient(),
            remote_feed: Some(remote_feed),
            states,
            started,
        };
        let limits = RoomLimits {
            ring_bytes: 1 << 20,
            page_bytes: 1 << 20,
            queue_bytes: 1 << 20,
            append_timeout: SOON,
            idle: HOUR,
            max_waiting: 100,
            screens: ScreenLimits::default(),
            control: Arc::default(),
        };
        let entered = live_actors.clone();
        let open: OpenRoom = Box::new(move |run, generation, gauge| {
            let (limits, ports, alive) = (limits.clone(), ports_of_rooms.clone(), entered.enter("room"));
            let (name, figures) = (run.clone(), gauge.clone());
            let child = spawn("room", 64, move |_, _| Ok(Room::new(name, generation, limits, ports, figures, alive)))?;
            Ok((Room::port(&child.addr, run, generation, gauge), child.done))
        });
        let (entered, poisoned) = (live_actors.clone(), poison.clone());
        let bridge_child = ChildSpec::permanent(&bridge, move |ctx: &mut Context<Bridge>, _| {
            let poisoned = poisoned.clone();
            ctx.spawn(wrap_future(async move {
                poisoned.notified().await;
                panic!("poisoned");
            }));
            Ok(Bridge::new(times, ports.clone(), entered.enter("bridge")))
        });
        let (entered, open) = (live_actors.clone(), std::cell::Cell::new(Some(open)));
        let registry_child = ChildSpec::permanent(&registry, move |_, _| {
            let open = open.take().ok_or("it was not to fail")?;
            let bounds = RoomBounds { rooms: 64, bytes: 1 << 20 };
            Ok(Registry::new(open, Policy::transient(), bounds, started, entered.enter("registry")))
        });
        let (escalation, _) = Escalation::new();
        let (children, live) = (vec![bridge_child, registry_child], live_actors.enter("supervisor"));
        let supervisor = spawn("supervisor", 16, move |_, _| Ok(Supervisor::new(children, escalation, live))).unwrap();
        Self { bridge, registry, poison, _supervisor: supervisor }
    }

    async fn room(&self, name: &str) -> Arc<RoomPort> {
        let room = async || self.registry.ask(FindRoom { run: run(name) }).await;
        eventually!(room().await, |room| room.is_ok(), SOON).unwrap().unwrap()
    }
}

/// Waits in the room for what follows, so that it follows its run.
fn wait(room: &RoomPort, seq: Seq) -> oneshot::Receiver<()> {
    let (reply, told) = oneshot::channel();
    room.wait.try_send(WaitForEvents { after: Cursor { epoch: None, seq }, reply }).unwrap();
    told
}

#[actix_web::test]
async fn rooms_are_heard_of_by_a_bridge_that_was_built_anew_at_once() {
    let redis = RedisServer::start().await;
    let (node, elsewhere) = (Node::start(&redis, HOUR), journal(&redis, "elsewhere"));
    let store = async |name: &str, n| {
        let stored = elsewhere.append(append(&*elsewhere, name, vec![post("p", n..=n)])).await;
        assert!(stored.unwrap().outcomes[0].is_ok());
    };
    let rooms = [node.room("r").await, node.room("s").await];
    let began = Instant::now();
    let mut waits = rooms.each_ref().map(|room| wait(room, 0));
    for n in 1..=3 {
        for (room, waiting) in rooms.iter().zip(&mut waits) {
            store(room.run.as_str(), n).await;
            soon("a notice", waiting).await.unwrap();
        }
        waits = rooms.each_ref().map(|room| wait(room, n));
        node.poison.notify_one();
        eventually!(node.bridge.is_up(), |up| !up, SOON);
        eventually!(node.bridge.is_up(), |up| *up, SOON);
    }
    assert!(began.elapsed() < ROOM_LOOKS, "after {:?} the rooms would have told it by themselves", began.elapsed());
}

#[actix_web::test]
async fn a_probe_that_panics_is_counted_and_the_bridge_goes_on() {
    let armed = Arc::new(AtomicBool::new(false));
    let saboteur = Saboteur::new("runcast_redis_commands_in_flight", &armed);
    let _sabotage = set_default_local_recorder(&saboteur);
    let redis = RedisServer::start().await;
    let (node, elsewhere) = (Node::start(&redis, Duration::from_millis(500)), journal(&redis, "elsewhere"));
    // As nobody follows a run, nothing but probes is sent. A probe panics when it counts itself among the commands in
    // flight.
    for n in 1..=3 {
        armed.store(true, Ordering::SeqCst);
        let panicked = |exits: &Exits| exits.get("bridge_probe").is_some_and(|ends| ends.get("panicked") == Some(&n));
        eventually!(exits(), panicked, SOON);
    }
    let room = node.room("r").await;
    let waiting = wait(&room, 0);
    let stored = elsewhere.append(append(&*elsewhere, "r", vec![post("p", 1..=1)])).await;
    assert!(stored.unwrap().outcomes[0].is_ok());
    soon("a notice", waiting).await.unwrap();
}
