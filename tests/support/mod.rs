//! Shared parts of the tests that run the whole server: a real process, HTTP and WebSocket clients, and waits with a
//! limit.
//!
//! Nothing sleeps for a fixed time: a test polls for a condition, and fails with the last value seen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]
#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses its own part of it")]

use std::time::Duration;

mod azurite;
mod certificates;
mod cluster;
mod events;
mod http;
mod live_trace;
mod node;
mod postgres;
mod process;
mod proxy;
mod recording;
mod redis;
mod s3;
mod saboteur;
mod socket;
mod stream;
mod viewer;
mod wall_clock;

pub(crate) use azurite::Azurite;
pub(crate) use certificates::Certificates;
pub(crate) use cluster::Cluster;
pub(crate) use events::{Dice, numbered, real_run, stamp_of, without_seq};
pub(crate) use http::{Reply, Site, exchange, gzip, zstd};
pub(crate) use live_trace::{TraceViewer, post_trace, trace_parts};
pub(crate) use node::{Exit, TestNode, lasting_port};
pub(crate) use postgres::{PASSWORD, Postgres};
pub(crate) use proxy::FaultProxy;
pub(crate) use recording::{RecordedPost, check_state, recorded_posts};
pub(crate) use redis::RedisServer;
pub(crate) use s3::S3Server;
pub(crate) use saboteur::{LogSaboteur, Saboteur};
pub(crate) use socket::{Frame, Op, Socket, frame};
pub(crate) use stream::{EventStream, Record};
pub(crate) use viewer::{Event, Viewer};
pub(crate) use wall_clock::WallClock;

/// Timeout for anything that is expected to happen; generous, for busy machines.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Awaits `future`, for at most [`SOON`].
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(SOON, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {SOON:?}"),
    }
}

/// `eventually!(probe, |value| condition, within)`: polls `probe` until the condition holds, and returns that value.
/// Fails with the last value seen.
macro_rules! eventually {
    ($probe:expr, $fits:expr, $within:expr) => {{
        let deadline = std::time::Instant::now() + $within;
        loop {
            let seen = $probe;
            if crate::support::fits(&seen, $fits) {
                break seen;
            }
            if std::time::Instant::now() > deadline {
                panic!("not within {:?}: {}, last {seen:?}", $within, stringify!($fits));
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }};
}
pub(crate) use eventually;

/// Gives the closure of [`eventually`] its type.
pub(crate) fn fits<T>(value: &T, condition: impl FnOnce(&T) -> bool) -> bool {
    condition(value)
}
