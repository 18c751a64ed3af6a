//! A room whose broadcaster ends without a word.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler};
use runcast::actors::catalog_writer::CatalogWriter;
use runcast::actors::messages::broadcaster::{BroadcasterPort, Deliver, Evict, ShowFrames, TipIs};
use runcast::actors::messages::registry::Retire;
use runcast::actors::messages::room::Subscribe;
use runcast::actors::room::{Room, RoomLimits, RoomPorts, ScreenLimits, States};
use runcast::actors::supervision::{Child, Exit, LiveActors, Service, spawn};
use runcast::budget::Budget;
use runcast::storage::journal::JournalLimits;
use runcast::storage::journal::memory::MemoryJournal;
use tokio::sync::mpsc;

use crate::hub::run;
use crate::toy::SOON;

/// A broadcaster that says when it was told the tip.
struct Silent(mpsc::UnboundedSender<()>);

impl Actor for Silent {
    type Context = Context<Self>;
}

impl Handler<TipIs> for Silent {
    type Result = ();

    fn handle(&mut self, _: TipIs, _: &mut Self::Context) {
        self.0.send(()).unwrap();
    }
}

macro_rules! ignores {
    ($($message:ty),*) => {
        $(impl Handler<$message> for Silent {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Self::Context) {}
        })*
    };
}

ignores!(Deliver, ShowFrames, Evict);

/// A registry that lets every room go.
struct LetsGo;

impl Actor for LetsGo {
    type Context = Context<Self>;
}

impl Handler<Retire> for LetsGo {
    type Result = bool;

    fn handle(&mut self, _: Retire, _: &mut Self::Context) -> bool {
        true
    }
}

fn ports(registry: &Service<LetsGo>) -> RoomPorts {
    let limits = JournalLimits { max_run_bytes: 1 << 20, tombstone: Duration::from_secs(60) };
    RoomPorts {
        journal: Arc::new(MemoryJournal::new(limits)),
        catalog_writer: Service::<CatalogWriter>::new("catalog_writer", 1).recipient(),
        retire: registry.recipient(),
        remote_feed: None,
        states: States::new(Budget::new(1 << 20)),
        started: Instant::now(),
    }
}

#[actix_web::test]
async fn a_room_whose_broadcaster_ended_without_a_word_still_goes_when_it_is_idle() {
    let registry = Service::new("registry", 16);
    registry.bind(LetsGo.start());
    let limits = RoomLimits {
        ring_bytes: 1 << 20,
        page_bytes: 1 << 20,
        queue_bytes: 1 << 20,
        append_timeout: SOON,
        idle: Duration::from_millis(100),
        max_waiting: 100,
        screens: ScreenLimits::default(),
        control: Arc::default(),
    };
    let (ports, live_actors) = (ports(&registry), LiveActors::default());
    let live = live_actors.enter("room");
    let Child { addr, done } =
        spawn("room", 16, move |_, _| Ok(Room::new(run(), 1, limits, ports, Arc::default(), live))).unwrap();
    let room = Room::port(&addr, run(), 1, Arc::default());

    let (tell, mut told) = mpsc::unbounded_channel();
    let Child { addr, done: broadcaster } = spawn("broadcaster", 16, move |_, _| Ok(Silent(tell))).unwrap();
    let port = BroadcasterPort {
        id: 7,
        deliver: addr.clone().recipient(),
        tip: addr.clone().recipient(),
        show: addr.clone().recipient(),
        evict: addr.recipient(),
    };
    room.subscribe.try_send(Subscribe(port)).unwrap();
    told.recv().await.unwrap();
    broadcaster.stop_handle().stop();
    broadcaster.await;

    let exit = tokio::time::timeout(SOON, done).await.expect("the room stays for a broadcaster that has gone");
    assert_eq!(exit, Exit::Stopped);
}
