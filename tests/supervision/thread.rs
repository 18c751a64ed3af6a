//! What runs on a worker thread: its thread agent, its broadcasters, its sessions, injured one by one.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use actix::AsyncContext as _;
use actix::fut::wrap_future;
use bytes::Bytes;
use metrics::set_default_local_recorder;
use runcast::actors::heartbeat::Heartbeat;
use runcast::actors::hub::Hub;
use runcast::actors::hub::thread_agent::{MAILBOX, ThreadAgent};
use runcast::actors::messages::broadcaster::{Evict, ShowFrames};
use runcast::actors::messages::registry::FindRoom;
use runcast::actors::messages::screen::{FrameOnWay, NewestFrame};
use runcast::actors::messages::supervisor::{ChildReport, Observe};
use runcast::actors::messages::thread_agent::{CloseAll, ThreadAgentPort};
use runcast::actors::registry::Registry;
use runcast::actors::session::{Admission, Guards, Session, SessionPort, Wire};
use runcast::actors::shared::{ThreadAgentEntry, ThreadAgents};
use runcast::actors::supervision::{
    Child, ChildKind, ChildSpec, Escalated, Escalation, LiveActors, Service, ServiceRecipient,
};
use runcast::actors::supervisor::Supervisor;
use runcast::budget::Budget;
use runcast::protocol::close::CloseReason;
use runcast::protocol::segment::Encoding;
use runcast::protocol::{After, Clock, Connection, ScreenChoice, StreamId};
use runcast::steering::{Steering, SteeringLimits};
use runcast::storage::secrets::{SecretLimits, Secrets};
use runcast::storage::signs::{SignTimes, Signs};
use runcast::tasks::exits;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{Notify, oneshot};

use crate::hub::{TestViewer, Wound, hub, room, run};
use crate::support::Saboteur;
use crate::toy::{SOON, eventually, quick, supervise};

/// A worker thread's part of a node, with a heartbeat.
struct Thread {
    live_actors: LiveActors,
    hub: Rc<Hub>,
    thread_agents: ThreadAgents,
    /// Told, the heartbeat panics.
    poison: Arc<Notify>,
    supervisor: Child<Supervisor>,
    escalated: Escalated,
    _entry: ThreadAgentEntry,
}

fn thread(max_restarts: usize) -> Thread {
    let (live_actors, thread_agents) = (LiveActors::default(), ThreadAgents::default());
    let hub = hub(&live_actors);
    let (agent, observed, heartbeat) =
        (Service::new("thread_agent", MAILBOX), Service::new("supervisor", 16), Service::new("heartbeat", 16));
    let entry = thread_agents.add(ThreadAgent::port(&agent, observed.recipient()));
    let (beats_for, enters, poison) = (thread_agents.clone(), live_actors.clone(), Arc::new(Notify::new()));
    let poisoned = poison.clone();
    let children = vec![
        ThreadAgent::child(&agent, hub.clone(), live_actors.clone())
            .with_policy(quick(ChildKind::Permanent, max_restarts)),
        ChildSpec::permanent(&heartbeat, move |ctx: &mut actix::Context<Heartbeat>, _| {
            let poisoned = poisoned.clone();
            ctx.spawn(wrap_future(async move {
                poisoned.notified().await;
                panic!("ouch");
            }));
            Ok(Heartbeat::new(beats_for.clone(), Instant::now(), enters.enter("heartbeat")))
        }),
    ];
    let (supervisor, escalated) = supervise(children, &live_actors);
    observed.bind(supervisor.addr.clone());
    Thread { live_actors, hub, thread_agents, poison, supervisor, escalated, _entry: entry }
}

impl Thread {
    async fn agent(&self) -> ChildReport {
        self.supervisor.addr.send(Observe).await.unwrap().remove(0)
    }

    async fn heartbeat(&self) -> ChildReport {
        self.supervisor.addr.send(Observe).await.unwrap().remove(1)
    }

    fn port(&self) -> ThreadAgentPort {
        self.thread_agents.all().remove(0)
    }
}

fn ends(child: &str, exit: &str) -> u64 {
    exits().get(child).and_then(|ends| ends.get(exit)).copied().unwrap_or(0)
}

#[actix_web::test]
async fn a_thread_agent_that_panics_is_built_anew_and_its_viewers_keep_their_pings() {
    let (thread, before) = (thread(5), ends("thread_agent", "panicked"));
    let (injured, healthy) = (TestViewer::new(), TestViewer::new());
    thread.hub.enter(injured.clone());
    thread.hub.enter(healthy.clone());
    eventually(true, async || healthy.pulses.get() > 0).await;

    injured.wound.set(Some(Wound::Pulse));
    eventually(1, async || thread.agent().await.restarts).await;
    assert_eq!(thread.agent().await.last_exit.unwrap().to_string(), "panicked: ouch");
    assert!(ends("thread_agent", "panicked") > before);
    assert_eq!(thread.live_actors.living()["thread_agent"], 1);
    let (pulses, injured_pulses) = (healthy.pulses.get(), injured.pulses.get());
    eventually(true, async || healthy.pulses.get() > pulses && injured.pulses.get() > injured_pulses).await;
}

#[actix_web::test]
async fn a_heartbeat_that_panics_is_built_anew_and_knows_the_threads() {
    let (thread, before) = (thread(5), ends("heartbeat", "panicked"));
    let viewer = TestViewer::new();
    thread.hub.enter(viewer.clone());
    eventually(true, async || viewer.pulses.get() > 0).await;
    thread.poison.notify_one();
    eventually(1, async || thread.heartbeat().await.restarts).await;
    assert_eq!(ends("heartbeat", "panicked"), before + 1);
    let pulses = viewer.pulses.get();
    eventually(true, async || viewer.pulses.get() > pulses).await;
}

#[actix_web::test]
async fn a_drain_whose_thread_agent_panics_is_asked_for_again_and_closes_everybody() {
    let thread = thread(5);
    let viewers = [TestViewer::new(), TestViewer::new(), TestViewer::new()];
    let seats = viewers.each_ref().map(|viewer| thread.hub.enter(viewer.clone()));
    eventually(true, async || thread.port().supervisor.ask(Observe).await.is_ok()).await;
    viewers[1].wound.set(Some(Wound::Close));

    let close = || {
        let (done, closed) = oneshot::channel();
        thread
            .port()
            .close_all
            .try_send(CloseAll { reason: CloseReason::Restart, per_slice: 50, done })
            .map(|()| closed)
    };
    let asked = Cell::new(0);
    // As the drain does: until it is answered.
    let closing = eventually(true, async || {
        let Ok(closed) = close() else { return false };
        asked.set(asked.get() + 1);
        closed.await.is_ok()
    });
    let leaving = async {
        eventually(true, async || viewers.iter().all(|viewer| viewer.closed.get().is_some())).await;
        seats.into_iter().for_each(|seat| thread.hub.leave(seat));
    };
    tokio::time::timeout(SOON, async { tokio::join!(closing, leaving) }).await.unwrap();
    assert_eq!(asked.get(), 2, "the first one was lost with the thread agent");
    assert!(viewers.iter().all(|viewer| viewer.closed.get() == Some(CloseReason::Restart)));
}

#[actix_web::test]
async fn a_thread_agent_that_ends_too_often_escalates() {
    let mut thread = thread(1);
    let injured = TestViewer::new();
    thread.hub.enter(injured.clone());
    for restarts in 1..=2 {
        injured.wound.set(Some(Wound::Pulse));
        if restarts == 1 {
            eventually(1, async || thread.agent().await.restarts).await;
        }
    }
    let reason = tokio::time::timeout(SOON, thread.escalated.reason()).await.unwrap();
    assert!(reason.starts_with("thread_agent ended 2 times"), "{reason}");
}

#[actix_web::test]
async fn the_end_of_a_threads_supervisor_is_told_to_the_root() {
    let armed = Arc::new(AtomicBool::new(false));
    let saboteur = Saboteur::new("runcast_actor_restarts_total", &armed);
    let _sabotage = set_default_local_recorder(&saboteur);
    let Thread { supervisor: Child { done, .. }, hub, _entry, .. } = thread(5);
    let (escalation, mut escalated) = Escalation::new();
    let injured = TestViewer::new();
    hub.enter(injured.clone());
    eventually(true, async || injured.pulses.get() > 0).await;
    // The supervisor panics when it counts the restart of the thread agent.
    armed.store(true, Ordering::SeqCst);
    injured.wound.set(Some(Wound::Pulse));
    tokio::time::timeout(SOON, escalation.tell_end("the supervisor of a worker thread", done)).await.unwrap();
    assert_eq!(escalated.reason().await, "the supervisor of a worker thread panicked: ouch");
}

#[actix_web::test]
async fn a_threads_entry_goes_with_the_thread() {
    let thread_agents = ThreadAgents::default();
    let (agent, supervisor) = (Service::new("thread_agent", MAILBOX), Service::<Supervisor>::new("supervisor", 16));
    let entries = [0, 1].map(|_| thread_agents.add(ThreadAgent::port(&agent, supervisor.recipient())));
    assert_eq!(thread_agents.all().len(), 2);
    drop(entries);
    assert!(thread_agents.all().is_empty());
}

#[actix_web::test]
async fn a_broadcaster_that_panics_sends_its_viewers_back_and_the_next_viewer_opens_another() {
    let live_actors = LiveActors::default();
    let (hub, (room, subscribed, _room)) = (hub(&live_actors), room(run(), 1));
    let before = ends("broadcaster", "panicked");
    let (injured, healthy) = (TestViewer::new(), TestViewer::new());
    let subscribers = hub.subscribers(&room);
    for viewer in [&injured, &healthy] {
        subscribers.subscribe(viewer.clone()).unwrap();
    }
    eventually(1, async || subscribed.borrow().len()).await;

    injured.wound.set(Some(Wound::Show));
    let port = subscribed.borrow()[0].clone();
    let frame = FrameOnWay::count(Bytes::new(), &Budget::new(1));
    let newest = NewestFrame { stream: StreamId::unnamed(), number: 1, is_auto: true, frame, kept: Weak::new() };
    port.show.try_send(ShowFrames([newest].into())).unwrap();
    eventually(Some(CloseReason::TryAgain), async || healthy.closed.get()).await;
    assert_eq!(injured.closed.get(), Some(CloseReason::TryAgain));
    eventually(true, async || ends("broadcaster", "panicked") > before).await;
    live_actors.emptied(SOON).await.unwrap();

    let again = hub.subscribers(&room);
    assert!(!again.closed() && again.subscribe(healthy).is_some());
    eventually(2, async || subscribed.borrow().len()).await;
}

#[actix_web::test]
async fn a_viewer_that_panics_when_it_is_closed_keeps_no_other_from_being_closed() {
    let live_actors = LiveActors::default();
    let (hub, (room, subscribed, _room)) = (hub(&live_actors), room(run(), 1));
    let before = ends("broadcaster", "panicked");
    let viewers = [TestViewer::new(), TestViewer::new(), TestViewer::new()];
    let subscribers = hub.subscribers(&room);
    for viewer in &viewers {
        subscribers.subscribe(viewer.clone()).unwrap();
    }
    eventually(1, async || subscribed.borrow().len()).await;
    viewers[1].wound.set(Some(Wound::Close));
    subscribed.borrow()[0].evict.try_send(Evict(CloseReason::Restart)).unwrap();
    let closed = || viewers.each_ref().map(|viewer| viewer.closed.get());
    eventually([Some(CloseReason::Restart), None, Some(CloseReason::Restart)], async || closed()).await;
    assert!(ends("broadcaster", "panicked") > before);
    live_actors.emptied(SOON).await.unwrap();
}

/// A pipe whose end that the session has panics when it is read, once `injured`.
struct PoisonedWire {
    pipe: DuplexStream,
    injured: Rc<Cell<bool>>,
}

impl AsyncRead for PoisonedWire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        assert!(!self.injured.get(), "ouch");
        Pin::new(&mut self.pipe).poll_read(cx, buf)
    }
}

impl AsyncWrite for PoisonedWire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}

impl Wire for PoisonedWire {
    fn tune(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn reset(&self) {}
}

/// A service that nobody asks.
fn steering(rooms: ServiceRecipient<FindRoom>) -> Steering {
    let times = SignTimes { ttl: SOON, tell_every: SOON, socket: SOON };
    let signs = Signs::in_memory(Clock::default(), times);
    let secrets = Secrets::in_memory(None, SecretLimits { count: 1 });
    let limits = SteeringLimits { commands_per_sec: 1, command_burst: 1, run_secs: 1 };
    Steering::new(rooms, signs, secrets, limits)
}

#[actix_web::test]
async fn a_session_that_panics_ends_its_own_connection_and_no_other() {
    let (live_actors, before) = (LiveActors::default(), ends("session", "panicked"));
    let hub = hub(&live_actors);
    // Nobody finds the run's room: the sessions wait for it.
    let rooms = Service::<Registry>::new("registry", 1).recipient();
    let port = Rc::new(SessionPort::new(hub.clone(), rooms.clone(), steering(rooms), "n".into()));
    let join = |injured: &Rc<Cell<bool>>| {
        let (pipe, client) = tokio::io::duplex(1024);
        let admission = Admission {
            connection: Connection::begin(run(), None),
            principal: None,
            may_steer: true,
            until: None,
            after: After::Latest,
            encoding: Encoding::Sse,
            screen: ScreenChoice::off(),
            refused: None,
            notice: None,
            client_ip: None,
        };
        let wire = PoisonedWire { pipe, injured: injured.clone() };
        let guards = Guards { live: live_actors.enter("session"), slot: None };
        Session::launch(wire, Bytes::new(), admission, port.clone(), guards);
        client
    };
    let (injury, none) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (mut injured, mut healthy) = (join(&injury), join(&none));
    let mut greeting = [0; 8];
    injured.read_exact(&mut greeting).await.unwrap();
    healthy.read_exact(&mut greeting).await.unwrap();
    assert_eq!(hub.viewers(), 2);

    injury.set(true);
    hub.pulse(1, Instant::now());
    // Whatever wakes it lets it read.
    tokio::io::AsyncWriteExt::write_all(&mut injured, b"x").await.unwrap();
    let mut rest = Vec::new();
    injured.read_to_end(&mut rest).await.unwrap();
    eventually(1, async || hub.viewers()).await;
    assert_eq!(live_actors.living()["session"], 1);
    assert_eq!(ends("session", "panicked"), before + 1);
    hub.close_slice(CloseReason::Restart, 0, 50);
    live_actors.emptied(SOON).await.unwrap();
}
