//! The registry, injured: its rooms end with it, and the next who asks is served by another.

use std::time::Instant;

use runcast::actors::messages::registry::{FindError, FindRoom, ListRooms, RoomState};
use runcast::actors::messages::supervisor::Observe;
use runcast::actors::registry::{OpenRoom, Registry, RoomBounds};
use runcast::actors::supervision::{ChildKind, ChildSpec, Exit, LiveActors, Policy, Refused, Service};
use runcast::protocol::RunId;
use runcast::tasks::exits;

use crate::hub::room;
use crate::toy::{eventually, quick, supervise};

fn find(name: &str) -> FindRoom {
    FindRoom { run: RunId::parse(name).unwrap() }
}

/// How the registry opens rooms: that of "poisoned" makes it panic, that of "hopeless" can't be built.
fn open_room() -> OpenRoom {
    Box::new(|run, generation, _| match run.as_str() {
        "poisoned" => panic!("ouch"),
        "hopeless" => Err(Exit::StartFailed("out of rooms".to_owned())),
        _ => {
            let (port, _, done) = room(run, generation);
            Ok((port, done))
        }
    })
}

#[actix_web::test]
async fn a_registry_that_panics_ends_its_rooms_and_the_next_one_opens_others() {
    let (live_actors, registry) = (LiveActors::default(), Service::new("registry", 16));
    let enters = live_actors.clone();
    let child = ChildSpec::permanent(&registry, move |_, _| {
        let (bounds, live) = (RoomBounds { rooms: 64, bytes: 1 << 20 }, enters.enter("registry"));
        Ok(Registry::new(open_room(), Policy::transient(), bounds, Instant::now(), live))
    });
    let (supervisor, _escalated) = supervise(vec![child.with_policy(quick(ChildKind::Permanent, 5))], &live_actors);
    eventually(true, async || registry.is_up()).await;
    let room = registry.ask(find("r")).await.unwrap().unwrap();
    assert!(room.read.connected());
    let panics = || exits().get("registry").and_then(|ends| ends.get("panicked")).copied().unwrap_or(0);
    let before = panics();

    assert_eq!(registry.ask(find("poisoned")).await.err(), Some(Refused::Away));
    eventually(false, async || room.read.connected()).await;
    eventually(1, async || supervisor.addr.send(Observe).await.unwrap()[0].restarts).await;
    assert!(panics() > before);
    assert!(registry.ask(find("r")).await.unwrap().unwrap().read.connected());
}

#[actix_web::test]
async fn a_room_that_failed_is_told_so_until_it_is_asked_for_again() {
    let (live_actors, registry) = (LiveActors::default(), Service::new("registry", 16));
    let enters = live_actors.clone();
    let policy = Policy { backoff_ms: 60_000, backoff_max_ms: 60_000, max_restarts: 1, ..Policy::transient() };
    let child = ChildSpec::permanent(&registry, move |_, _| {
        let (bounds, live) = (RoomBounds { rooms: 64, bytes: 1 << 20 }, enters.enter("registry"));
        Ok(Registry::new(open_room(), policy, bounds, Instant::now(), live))
    });
    let (_supervisor, _escalated) = supervise(vec![child], &live_actors);
    eventually(true, async || registry.is_up()).await;
    for state in [RoomState::Failed, RoomState::Quarantined] {
        let found = registry.ask(find("hopeless")).await.unwrap();
        assert!(matches!(found, Err(FindError::Quarantined { .. })), "{found:?}");
        let rooms = registry.ask(ListRooms { limit: 10 }).await.unwrap();
        assert_eq!((rooms.len(), rooms[0].state), (1, state));
        assert_eq!(rooms[0].last_exit.as_deref(), Some("could not start: out of rooms"));
    }
}
