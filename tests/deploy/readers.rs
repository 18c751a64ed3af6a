//! Those who follow a run through a balancer and come back with their cursor, as clients do. Each looks at every event
//! when it comes: that it is the next one, and that nothing was skipped or taken back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;

use crate::support::{EventStream, Record, SOON, Site, Viewer, eventually, without_seq};

/// How a run is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    WebSocket,
    /// Server-Sent Events; comes back with `Last-Event-ID`.
    Stream,
    LongPoll,
}

/// One of them. Ends when it is dropped.
pub(crate) struct Reader {
    by: By,
    log: Log,
    going: JoinHandle<()>,
}

/// What it has, shared with its task.
#[derive(Clone, Default)]
struct Log {
    events: Arc<Mutex<Vec<String>>>,
    returns: Arc<AtomicUsize>,
}

impl Log {
    fn len(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    fn take(&self, (seq, event): (u64, String)) {
        let mut events = self.events.lock().unwrap();
        events.push(event);
        assert_eq!(seq, events.len() as u64, "each once, in order");
    }

    /// It is connected again.
    fn returned(&self) {
        self.returns.fetch_add(1, Ordering::Relaxed);
    }
}

impl Reader {
    pub(crate) fn start(by: By, site: &Site, run: &'static str) -> Self {
        let (site, log) = (site.clone(), Log::default());
        let seen = log.clone();
        let going = tokio::spawn(async move {
            match by {
                By::WebSocket => watch(&site, run, &seen).await,
                By::Stream => stream(&site, run, &seen).await,
                By::LongPoll => poll(&site, run, &seen).await,
            }
        });
        Self { by, log, going }
    }

    /// Waits until it has so many events.
    pub(crate) async fn has(&self, count: usize) {
        let by = self.by;
        let seen = || (by, self.log.len(), self.going.is_finished());
        let (_, _, failed) = eventually!(seen(), |(_, events, failed)| *failed || *events >= count, SOON);
        assert!(!failed, "{by:?} has failed");
    }

    /// Waits until it has been back so many times.
    pub(crate) async fn is_back(&self, times: usize) {
        let seen = || (self.by, self.log.returns.load(Ordering::Relaxed), self.going.is_finished());
        let (by, _, failed) = eventually!(seen(), |(_, returns, failed)| *failed || *returns >= times, SOON);
        assert!(!failed, "{by:?} has failed");
    }

    /// Waits until it has as many events as were posted, and compares.
    pub(crate) async fn has_all(&self, posted: &[String]) {
        self.has(posted.len()).await;
        assert!(*self.log.events.lock().unwrap() == posted, "{:?}: what it has is not what was posted", self.by);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.going.abort();
    }
}

async fn watch(site: &Site, run: &str, log: &Log) {
    let mut viewer = Viewer::join(site, run).await;
    loop {
        while viewer.closed.is_none() && viewer.told("draining").is_empty() {
            viewer.read().await;
            digest(&viewer, log);
        }
        viewer.leave().await;
        digest(&viewer, log);
        viewer.said.clear();
        while viewer.connected.is_null() || viewer.closed.is_some() {
            viewer.try_return(site).await.unwrap();
            viewer.until("an answer", |viewer| !viewer.connected.is_null() || viewer.closed.is_some()).await;
        }
        log.returned();
    }
}

/// A viewer holds itself to the order of its events; what it may hear of is neither gap nor reset.
fn digest(viewer: &Viewer, log: &Log) {
    assert!(viewer.told("gap").is_empty() && viewer.told("reset").is_empty(), "{:?}", viewer.said);
    for event in &viewer.events[log.len()..] {
        log.take((event.seq, event.text.clone()));
    }
}

async fn stream(site: &Site, run: &str, log: &Log) {
    let path = format!("/api/runs/{run}/events/stream");
    let mut last = String::new();
    for attempt in 0.. {
        let mut stream = EventStream::open(site, &path, &last).await;
        if stream.connected().await && attempt > 0 {
            log.returned();
        }
        while let Some(Record { id, event, data }) = stream.next().await {
            match (id, event.as_deref()) {
                (Some(id), None) => {
                    log.take(without_seq(&data));
                    last = format!("Last-Event-ID: {id}\r\n");
                }
                (_, Some("epoch" | "draining")) => {}
                other => panic!("{other:?}: {data}"),
            }
        }
    }
}

async fn poll(site: &Site, run: &str, log: &Log) {
    let mut cursor = "0".to_owned();
    loop {
        let path = format!("/api/runs/{run}/events?after={cursor}&wait=10");
        let page = site.get_with(&path, &[("accept", "application/x-ndjson")]).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!((page.header("runcast-gap"), page.header("runcast-reset")), ("", ""), "{page:?}");
        page.text.lines().for_each(|line| log.take(without_seq(line)));
        page.header("runcast-cursor").clone_into(&mut cursor);
    }
}
