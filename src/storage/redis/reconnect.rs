//! The task behind a client: it connects, attests and serves, and starts over when the connection is lost. A panic ends
//! the connection in the same way, and the task starts over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::connection::{ConnectionEnded, RedisConnection};
use super::metrics::ConnectionMetrics;
use super::request::Request;
use super::status::{CLOSED, LinkStatus};
use super::{Attest, Link, RedisError, RedisSettings};
use crate::backoff::Backoff;
use crate::tasks::{self, Restarts};

/// The task's name in the log and in the metrics.
pub(super) const NAME: &str = "redis_connection";
/// Shortest and longest pause between two attempts, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// After a connection that lived this long, the pauses begin at the shortest again.
const STEADY: Duration = Duration::from_secs(10);

/// The state of the client's task.
pub(super) struct ClientTask {
    pub(super) settings: RedisSettings,
    pub(super) attest: Arc<dyn Attest>,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    pub(super) status: watch::Sender<LinkStatus>,
    pub(super) metrics: ConnectionMetrics,
    /// Number of the last connection. It only grows.
    pub(super) connection: u64,
}

impl ClientTask {
    /// Runs until the client is closed or all its clones are dropped.
    pub(super) async fn run(mut self) {
        let mut restarts = Restarts::new(NAME);
        while tasks::caught(NAME, self.serve()).await.is_err() {
            self.tell_down("its connection failed by a bug", false);
            if refusing(restarts.pause(), &mut self.requests, &self.status).await.is_none() {
                break;
            }
        }
        self.metrics.up.set(0);
        self.status.send_replace(LinkStatus::Down { reason: CLOSED.into(), since: Instant::now().into_std() });
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            request.refuse(CLOSED);
        }
    }

    async fn serve(&mut self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            let attempt = connect(&self.settings, &*self.attest);
            let (reason, refused) = match refusing(attempt, &mut self.requests, &self.status).await {
                None => break,
                Some(Err(error)) => (error.reason(), matches!(error, RedisError::Refused(_))),
                Some(Ok(link)) => {
                    self.connection += 1;
                    self.tell_live();
                    let since = Instant::now();
                    let connection = RedisConnection::new(link, self.settings.command_timeout, self.metrics.clone());
                    let ConnectionEnded::Lost(reason) = connection.serve(&mut self.requests).await else { break };
                    if since.elapsed() >= STEADY {
                        backoff.reset();
                    }
                    (reason, false)
                }
            };
            self.tell_down(&reason, refused);
            if refusing(sleep(backoff.pause()), &mut self.requests, &self.status).await.is_none() {
                break;
            }
        }
    }

    fn tell_live(&self) {
        let connection = self.connection;
        tracing::info!(redis = %self.settings.url, connection, "connected to Redis");
        self.metrics.connects.increment(1);
        self.metrics.up.set(1);
        self.status.send_replace(LinkStatus::Live { connection });
    }

    /// Sets the state to down. It logs a warning once when the connection goes down, and once for each reason why a
    /// Redis that is there is not used; other reasons are logged at debug level.
    fn tell_down(&self, reason: &str, refused: bool) {
        self.metrics.up.set(0);
        let redis = &self.settings.url;
        let since = match &*self.status.borrow() {
            LinkStatus::Down { since, .. } => *since,
            LinkStatus::Connecting | LinkStatus::Live { .. } => Instant::now().into_std(),
        };
        match self.status.send_replace(LinkStatus::Down { reason: reason.into(), since }) {
            LinkStatus::Down { reason: before, .. } if !refused || *before == *reason => {
                tracing::debug!(%redis, reason, "Redis is still unavailable");
            }
            LinkStatus::Down { .. } | LinkStatus::Connecting | LinkStatus::Live { .. } => {
                tracing::warn!(%redis, reason, "Redis is unavailable");
            }
        }
    }
}

async fn connect(settings: &RedisSettings, attest: &dyn Attest) -> Result<Link, RedisError> {
    let mut link = Link::connect(settings).await?;
    attest.attest(&mut link).await?;
    match link.is_in_step() {
        true => Ok(link),
        false => Err(RedisError::Unavailable("attesting gave up a command".to_owned())),
    }
}

/// Awaits `work` and refuses all requests meanwhile; `None` when the client is closed.
async fn refusing<T>(
    work: impl Future<Output = T>,
    requests: &mut mpsc::UnboundedReceiver<Request>,
    status: &watch::Sender<LinkStatus>,
) -> Option<T> {
    tokio::pin!(work);
    loop {
        let request = tokio::select! {
            done = &mut work => return Some(done),
            request = requests.recv() => request?,
        };
        if matches!(request, Request::Close) {
            return None;
        }
        let reason = status.borrow().reason();
        request.refuse(&reason);
    }
}
