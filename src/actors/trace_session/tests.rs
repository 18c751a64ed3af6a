//! Sessions on pipes: one that panics, and one that watches a trace whose parts appear in another order.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix::{Actor, Handler};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::Semaphore;

use super::{TraceAdmission, TracePort, TraceSession, TraceTimes};
use crate::actors::hub::{Hub, SessionLimits};
use crate::actors::messages::registry::{FindError, FindRoom};
use crate::actors::messages::room::RoomPort;
use crate::actors::registry::Registry;
use crate::actors::session::{Guards, Wire};
use crate::actors::supervision::{LiveActors, Service};
use crate::artifacts::testing::{LIMITS, alone, parts_in};
use crate::budget::Budget;
use crate::protocol::frame::{self, FrameLimits};
use crate::protocol::live_trace::EntryName;
use crate::protocol::live_trace::key::{PartKey, trace_folder};
use crate::protocol::{Connection, ContentCoding, RunId, TraceId};
use crate::storage::objects::ObjectMeta;
use crate::thread_metrics::NodeMetrics;

/// A pipe that panics when it is read, once `injured`.
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

fn hub() -> Rc<Hub> {
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
    Rc::new(Hub::new(Rc::new(limits), NodeMetrics::default().thread(), Box::new(|_| {})))
}

/// Says `initialize`, as a viewer does, and reads the answer.
async fn initialize(viewer: &mut DuplexStream) {
    // An empty mask leaves the text as it is.
    let text = br#"{"id":1,"method":"initialize","params":{}}"#;
    viewer.write_all(&[&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], &text[..]].concat()).await.unwrap();
    let want = frame::text(r#"{"id":1,"result":{}}"#);
    let mut answer = vec![0; want.len()];
    viewer.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, want);
}

/// Knows no room.
struct NoRooms;

impl Actor for NoRooms {
    type Context = actix::Context<Self>;
}

impl Handler<FindRoom> for NoRooms {
    type Result = Result<Arc<RoomPort>, FindError>;

    fn handle(&mut self, _: FindRoom, _: &mut Self::Context) -> Self::Result {
        Err(FindError::TooManyRooms(0))
    }
}

/// The URL of the next trace that the viewer is told to load.
async fn next_load(viewer: &mut DuplexStream) -> String {
    let mut said = Vec::new();
    loop {
        said.push(viewer.read_u8().await.unwrap());
        let text = String::from_utf8_lossy(&said);
        if let Some((_, rest)) = text.split_once(r#""traceUrl":""#)
            && let Some((url, _)) = rest.split_once('"')
        {
            return url.to_owned();
        }
    }
}

#[actix::test]
async fn a_part_that_appears_behind_later_ones_is_loaded_too() {
    let home = tempfile::tempdir().unwrap();
    let (parts, _) = parts_in(home.path(), LIMITS, 0).await;
    let objects = parts.objects.clone();
    let (run, trace) = (RunId::parse("r").unwrap(), TraceId::parse("t").unwrap());
    let folder = trace_folder(&run, &trace);
    let put = async |position, entry: &str| {
        let key = PartKey { position, offset: 0, entry: EntryName::parse(entry).unwrap() };
        let meta = ObjectMeta {
            content_type: "text/plain".into(),
            coding: ContentCoding::Identity,
            disposition: String::new(),
        };
        objects.put(&format!("{folder}{}", key.file()), &meta, b"{}\n").await.unwrap();
    };
    let registry = Service::new("registry", 1);
    registry.bind(NoRooms.start());
    let times = TraceTimes { poll: Duration::from_millis(10), update: Duration::ZERO };
    let permits = Arc::new(Semaphore::new(1));
    let port = Rc::new(TracePort::new(hub(), registry.recipient(), alone(parts), times, permits));
    let (pipe, mut viewer) = tokio::io::duplex(1024);
    let admission =
        TraceAdmission { connection: Connection::begin(run, None), trace, until: None, refused: None, client_ip: None };
    let wire = PoisonedWire { pipe, injured: Rc::default() };
    let guards = Guards { live: LiveActors::default().enter("trace_session"), slot: None };
    TraceSession::launch(wire, b"", admission, port, guards);
    initialize(&mut viewer).await;
    put(3, "b.trace").await;
    let first = next_load(&mut viewer).await;
    put(0, "a.trace").await;
    let second = tokio::time::timeout(Duration::from_secs(20), next_load(&mut viewer)).await;
    assert_ne!(second.expect("it is loaded again"), first, "the viewer keeps what it has loaded by its URL");
}

#[actix::test]
async fn a_trace_session_that_panics_ends_its_own_connection_and_no_other() {
    let home = tempfile::tempdir().unwrap();
    let (parts, _) = parts_in(home.path(), LIMITS, 0).await;
    let (live_actors, hub, permits) = (LiveActors::default(), hub(), Arc::new(Semaphore::new(2)));
    let rooms = Service::<Registry>::new("registry", 1).recipient();
    let hour = Duration::from_secs(3_600);
    let times = TraceTimes { poll: hour, update: hour };
    let port = Rc::new(TracePort::new(hub.clone(), rooms, alone(parts), times, permits.clone()));
    let join = |injured: &Rc<Cell<bool>>| {
        let (pipe, viewer) = tokio::io::duplex(1024);
        let admission = TraceAdmission {
            connection: Connection::begin(RunId::parse("r").unwrap(), None),
            until: None,
            trace: TraceId::parse("t").unwrap(),
            refused: None,
            client_ip: None,
        };
        let wire = PoisonedWire { pipe, injured: injured.clone() };
        let guards = Guards { live: live_actors.enter("trace_session"), slot: None };
        TraceSession::launch(wire, b"", admission, port.clone(), guards);
        viewer
    };
    let (injury, none) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let (mut injured, mut healthy) = (join(&injury), join(&none));
    initialize(&mut injured).await;
    initialize(&mut healthy).await;
    assert_eq!(permits.available_permits(), 0);

    injury.set(true);
    injured.write_all(b"x").await.unwrap();
    assert_eq!(injured.read_to_end(&mut Vec::new()).await.unwrap(), 0, "it says nothing more");
    initialize(&mut healthy).await;
    assert_eq!((live_actors.living()["trace_session"], permits.available_permits()), (1, 1));
    drop(healthy);
    live_actors.emptied(Duration::from_secs(20)).await.unwrap();
}
