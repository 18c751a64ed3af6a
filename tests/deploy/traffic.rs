//! What clients ask of a balancer all the time. Each kind of request goes round in its own loop; the first answer that
//! is not as it should be fails the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::{EventStream, SOON, Site, Viewer, eventually};

/// Each numbered post has a producer of its own, and a run takes a thousand.
const POSTS_PER_RUN: usize = 500;

/// A kind of request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// A page.
    Page,
    /// A long poll that nothing ends.
    Poll,
    /// A post that may be repeated.
    NumberedPost,
    /// A post that may not.
    PlainPost,
    /// A viewer that comes and goes.
    WebSocket,
    /// The same by Server-Sent Events.
    Stream,
}

impl Ask {
    async fn post(site: &Site, n: usize, headers: &[(&str, &str)]) {
        let run = format!("posted-{}", n / POSTS_PER_RUN);
        let reply = site.post_ndjson(&run, &[r#"{"type":"log"}"#.to_owned()], headers).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }

    /// The `n`th of its kind.
    async fn once(self, site: &Site, n: usize) {
        match self {
            Self::Page => {
                let reply = site.get("/api/runs").await;
                assert_eq!(reply.status, 200, "{reply:?}");
            }
            Self::Poll => {
                let reply = site.get("/api/runs/nothing-comes/events?wait=1").await;
                assert_eq!(reply.status, 200, "{reply:?}");
            }
            Self::NumberedPost => {
                let producer = format!("producer-{n}");
                Self::post(site, n, &[("runcast-producer", producer.as_str()), ("runcast-producer-seq", "1")]).await;
            }
            Self::PlainPost => Self::post(site, n, &[]).await,
            Self::WebSocket => {
                let mut viewer = Viewer::absent("/ws/runs/watched?after=latest");
                while viewer.connected.is_null() {
                    viewer.try_return(site).await.unwrap();
                    viewer.until("an answer", |viewer| !viewer.connected.is_null() || viewer.closed.is_some()).await;
                    // "Come back at once": it came through a door that was being closed.
                    assert!(matches!(viewer.closed, None | Some(1012)), "{:?}", viewer.closed);
                }
                viewer.leave().await;
            }
            // As an EventSource does, whose stream has ended.
            Self::Stream => {
                while !EventStream::open(site, "/api/runs/watched/events/stream", "").await.connected().await {}
            }
        }
    }
}

/// See the module's page.
pub(crate) struct Traffic {
    stop: Arc<AtomicBool>,
    loops: Vec<(Ask, Arc<AtomicUsize>, JoinHandle<()>)>,
}

impl Traffic {
    pub(crate) fn start(site: &Site, kinds: &[Ask]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |ask: Ask| {
            let (site, stop, done) = (site.clone(), stop.clone(), Arc::new(AtomicUsize::new(0)));
            let count = done.clone();
            let going = tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    ask.once(&site, count.fetch_add(1, Ordering::Relaxed)).await;
                    // Enough to meet every moment, and little enough to leave the machine to others.
                    sleep(Duration::from_millis(2)).await;
                }
            });
            (ask, done, going)
        };
        let loops = kinds.iter().copied().map(start).collect();
        Self { stop, loops }
    }

    /// Waits until each kind has been answered some more times.
    pub(crate) async fn goes_on(&self) {
        for (ask, done, going) in &self.loops {
            let more = if matches!(ask, Ask::Poll) { 2 } else { 20 };
            let until = done.load(Ordering::Relaxed) + more;
            let moves = || going.is_finished() || done.load(Ordering::Relaxed) >= until;
            eventually!(moves(), |moves| *moves, 2 * SOON);
            assert!(!going.is_finished(), "{ask:?} has failed");
        }
    }

    /// Ends it; fails if anything did.
    pub(crate) async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for (ask, _, going) in self.loops {
            going.await.unwrap_or_else(|error| panic!("{ask:?}: {error}"));
        }
    }
}
