//! The cost of handing one segment to a thread's viewers, up to the last queue: everything but the kernel.
#![allow(clippy::unwrap_used)] // a benchmark without its run has nothing to measure

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use runcast::actors::hub::SessionLimits;
use runcast::actors::messages::viewer::Viewer;
use runcast::actors::session::Wire;
use runcast::actors::session::write_half::WriteHalf;
use runcast::budget::Budget;
use runcast::protocol::frame::FrameLimits;
use runcast::protocol::segment::Encoding;
use runcast::protocol::{Connection, Epoch, Lines, RunId, Segment, Timestamp};
use runcast::thread_metrics::NodeMetrics;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket that accepts all bytes at once.
struct Sink;

impl AsyncRead for Sink {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Wire for Sink {
    fn tune(&self, _: u32) -> io::Result<()> {
        Ok(())
    }
    fn reset(&self) {}
}

fn viewers(count: usize) -> Vec<Rc<dyn Viewer>> {
    let limits = Rc::new(SessionLimits {
        outbox_bytes: 256 * 1024,
        page_bytes: 256 * 1024,
        outboxes: Budget::new(1 << 30),
        stall_secs: 60,
        pong_deadline_secs: 50,
        ping_secs: 20,
        incoming: FrameLimits { max_frame_bytes: 1024, max_message_bytes: 1024 },
        send_buffer_bytes: 65_536,
    });
    let thread_metrics = NodeMetrics::default().thread();
    let run = RunId::parse("bench").unwrap();
    let viewer = |_| {
        let connection = Connection::begin(run.clone(), None);
        let write_half =
            WriteHalf::new(Sink, connection, Encoding::WebSocket, limits.clone(), thread_metrics.clone(), 0);
        write_half.set_place(runcast::protocol::cursor::Place { epoch: Some(Epoch(1)), next: 1 });
        let _ = write_half.poll_flush(&mut Context::from_waker(Waker::noop()));
        write_half.go_live();
        Rc::new(write_half) as Rc<dyn Viewer>
    };
    (0..count).map(viewer).collect()
}

fn segment(first: u64, events: usize) -> Arc<Segment> {
    let event = format!(r#"{{"type":"log","pad":"{}"}}"#, "x".repeat(100));
    let lines = Lines::from_stored(vec![event; events].join("\n").into());
    let segment = Arc::new(Segment::new(Epoch(1), first, Timestamp::now(), lines));
    segment.note_arrived(Instant::now());
    segment.encoded(Encoding::WebSocket);
    segment
}

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand_over");
    group.measurement_time(Duration::from_secs(4));
    for (count, events) in [(1_000, 1), (10_000, 1), (1_000, 10)] {
        let viewers = viewers(count);
        let mut next = 1;
        group.throughput(Throughput::Elements((count * events) as u64));
        group.bench_function(BenchmarkId::new(format!("{events}_event"), count), |bencher| {
            bencher.iter_batched(
                || {
                    let segment = segment(next, events);
                    next += events as u64;
                    [segment]
                },
                |segments| {
                    let now = Instant::now();
                    for viewer in &viewers {
                        viewer.deliver(&segments, now);
                    }
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, hand_over);
criterion_main!(benches);
