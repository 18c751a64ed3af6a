//! A session that panics, on a pipe.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::Semaphore;

use super::{TraceAdmission, TracePort, TraceSession, TraceTimes};
use crate::actors::hub::{Hub, SessionLimits};
use crate::actors::registry::Registry;
use crate::actors::session::{Guards, Wire};
use crate::actors::supervision::{LiveActors, Service};
use crate::artifacts::testing::{LIMITS, alone, parts_in};
use crate::budget::Budget;
use crate::protocol::frame::{self, FrameLimits};
use crate::protocol::{Connection, RunId, TraceId};
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
