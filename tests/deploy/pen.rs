//! A producer that posts to one run all the time, each event under its number, as one that may repeat itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::{Site, numbered};

/// See the module's page.
pub(crate) struct Pen {
    stop: Arc<AtomicBool>,
    going: JoinHandle<Vec<String>>,
}

/// Posts the `n`th event of a run; what was posted.
pub(crate) async fn write(site: &Site, run: &str, n: u64) -> String {
    let lines = numbered(n, 1, 0);
    let number = n.to_string();
    let numbering = [("runcast-producer", "pen"), ("runcast-producer-seq", number.as_str())];
    let reply = site.post_ndjson(run, &lines, &numbering).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    lines.concat()
}

impl Pen {
    pub(crate) fn start(site: &Site, run: &'static str) -> Self {
        let (site, stop) = (site.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let going = tokio::spawn(async move {
            let mut posted = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                posted.push(write(&site, run, posted.len() as u64 + 1).await);
                // Enough to meet every moment, and little enough to leave the machine to others.
                sleep(Duration::from_millis(5)).await;
            }
            posted
        });
        Self { stop, going }
    }

    /// Ends it; all that it posted.
    pub(crate) async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.going.await.unwrap()
    }
}
