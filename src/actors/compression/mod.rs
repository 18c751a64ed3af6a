//! The compression finds smaller forms of artifacts. It works on a bounded number at a time, outside the async threads.
//!
//! It receives [`Compress`] for uploads in progress. While no such request waits, it claims artifacts that were
//! uploaded directly to the store. It sends nothing. On any failure, which is counted, and on overload, the original is
//! kept. When the actor stops, its threads stop within milliseconds.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use super::messages::compression::Compress;
use super::supervision::LiveActorGuard;
use crate::artifacts::{ArtifactError, ArtifactService, SmallerFile};
use crate::compression::{self, CompressionLimits, CompressionOutcome, KeptReason};
use crate::storage::catalog::artifacts::{ArtifactRow, StoredForm};
use crate::storage::space::Reservation;
use crate::tasks;

/// How often it looks for artifacts that were uploaded directly to the store.
const LOOK: Duration = Duration::from_secs(2);
/// Pause after the catalog has failed.
const REST: Duration = Duration::from_secs(15);

/// The compression of a node: its waiting and running jobs.
pub struct Compression {
    artifacts: ArtifactService,
    /// Most concurrent compressions.
    threads: usize,
    running: usize,
    /// Jobs that wait. The upload of each one counts in `artifacts.max_uploads`, so this is bounded.
    waiting: VecDeque<Waiting>,
    /// Set when the actor is dropped. Its threads check it.
    stop: Arc<AtomicBool>,
    /// It claims nothing before this time.
    rest_until: Option<Instant>,
    looking: bool,
    _live: LiveActorGuard,
}

struct Waiting {
    job: Compress,
    reply: oneshot::Sender<Option<SmallerFile>>,
}

impl Compression {
    /// Builds a compression with this many threads, at least one.
    pub fn new(artifacts: ArtifactService, threads: usize, live: LiveActorGuard) -> Self {
        Self {
            artifacts,
            threads: threads.max(1),
            running: 0,
            waiting: VecDeque::new(),
            stop: Arc::default(),
            rest_until: None,
            looking: false,
            _live: live,
        }
    }

    /// Starts waiting jobs while threads are free.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        while self.running < self.threads
            && let Some(Waiting { job, reply }) = self.waiting.pop_front()
        {
            let compress = smaller(self.artifacts.clone(), job.source, job.content_type, None, self.stop.clone());
            let answer = async move {
                // The caller may have stopped waiting; the smaller file is then removed with the answer.
                let _ = reply.send(compress.await.1);
            };
            self.run(answer, ctx);
        }
    }

    fn run(&mut self, work: impl Future<Output = ()> + 'static, ctx: &mut Context<Self>) {
        self.running += 1;
        ctx.spawn(wrap_future::<_, Self>(work).map(|(), compression, ctx| {
            compression.running -= 1;
            compression.advance(ctx);
        }));
    }

    /// Claims artifacts that were uploaded directly to the store, while no request waits.
    fn look(&mut self, ctx: &mut Context<Self>) {
        let free = self.threads - self.running.min(self.threads);
        let rests = self.rest_until.is_some_and(|until| Instant::now() < until);
        if free == 0 || self.looking || rests || !self.waiting.is_empty() {
            return;
        }
        self.looking = true;
        let artifacts = self.artifacts.clone();
        let claim = async move { artifacts.claim_larger(free).await };
        ctx.spawn(wrap_future::<_, Self>(claim).map(|claimed, compression, ctx| {
            compression.looking = false;
            match claimed {
                Ok(rows) => rows.into_iter().for_each(|row| {
                    let work = recompress(compression.artifacts.clone(), row, compression.stop.clone());
                    compression.run(work, ctx);
                }),
                Err(error) => {
                    debug!(%error, "nothing could be claimed");
                    compression.rest_until = Some(Instant::now() + REST);
                }
            }
        }));
    }
}

/// Compresses a file. Returns the outcome for the metrics and the smaller form, if there is one. The smaller form is
/// written to `room`, or to space that is reserved as the file grows.
async fn smaller(
    artifacts: ArtifactService,
    source: PathBuf,
    content_type: String,
    room: Option<Reservation>,
    stop: Arc<AtomicBool>,
) -> (&'static str, Option<SmallerFile>) {
    let began = Instant::now();
    let work = move || attempt(&artifacts, &source, &content_type, room, &stop);
    let (outcome, found) = match tasks::spawn_blocking("compression_work", work).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => {
            warn!(%error, "an artifact is stored as it came: its smaller form could not be written");
            ("disk", None)
        }
        Err(error) => {
            tracing::error!(%error, "a compression panicked; the artifact is stored as it came");
            ("panicked", None)
        }
    };
    count(outcome);
    metrics::histogram!("runcast_compression_seconds").record(began.elapsed().as_secs_f64());
    (outcome, found)
}

fn count(outcome: &'static str) {
    metrics::counter!("runcast_compressions_total", "outcome" => outcome).increment(1);
}

fn attempt(
    artifacts: &ArtifactService,
    source: &Path,
    content_type: &str,
    room: Option<Reservation>,
    stop: &AtomicBool,
) -> std::io::Result<(&'static str, Option<SmallerFile>)> {
    let spool = &artifacts.parts().spool;
    let (mut target, mut file) = match room.map_or_else(|| spool.file(None), |room| spool.file_in(room)) {
        Ok(made) => made,
        Err(error) if error.kind() == ErrorKind::StorageFull => return Ok((KeptReason::NoSpace.as_str(), None)),
        Err(error) => return Err(error),
    };
    let source = std::fs::File::open(source)?;
    let stopped = || stop.load(Ordering::Relaxed);
    let room = Some(file.room());
    match compression::compress_in(room, &source, &mut target, content_type, &CompressionLimits::default(), &stopped)? {
        CompressionOutcome::Kept(reason) => Ok((reason.as_str(), None)),
        CompressionOutcome::Smaller(found) => {
            file.room().end();
            let compression::Smaller { size, sha256, coding, method, decoded, .. } = found;
            let stored = StoredForm { size, sha256, coding, method, decoded: Some(decoded) };
            Ok((found.method.as_str(), Some(SmallerFile { file, stored })))
        }
    }
}

/// Compresses an artifact that is in the store already.
async fn recompress(artifacts: ArtifactService, row: ArtifactRow, stop: Arc<AtomicBool>) {
    if let Err(error) = try_recompress(&artifacts, &row, stop).await {
        info!(run = %row.run, artifact = %row.id, %error, "an upload was not compressed; it is tried again later");
    }
}

/// Does the work of [`recompress`] and returns the outcome for the metrics.
async fn try_recompress(
    artifacts: &ArtifactService,
    row: &ArtifactRow,
    stop: Arc<AtomicBool>,
) -> Result<&'static str, ArtifactError> {
    // Space for the original and the smaller form is reserved before a byte is fetched. The smaller form never needs
    // more than the original.
    let disk = artifacts.parts().spool.disk();
    let size = row.stored.map_or(0, |stored| stored.size);
    let both = async { Ok::<_, std::io::Error>((disk.reserve(size).await?, disk.reserve(size).await?)) };
    let (original, room) = match both.await {
        Ok(both) => both,
        // It is claimed again later, when there may be more space.
        Err(error) if error.kind() == ErrorKind::StorageFull => {
            count(KeptReason::NoSpace.as_str());
            info!(run = %row.run, artifact = %row.id, %error, "an upload was not fetched to be compressed");
            return Ok(KeptReason::NoSpace.as_str());
        }
        Err(error) => return Err(ArtifactError::Spool(error.to_string())),
    };
    let source = artifacts.fetch(row, original).await?;
    let (path, content_type) = (source.path().to_owned(), row.content_type.clone());
    let (outcome, found) = smaller(artifacts.clone(), path, content_type, Some(room), stop.clone()).await;
    match found {
        Some(found) => {
            let saved = row.size.unwrap_or_default().saturating_sub(found.stored.size);
            let replaced = artifacts.replace(row, &found).await?;
            debug!(run = %row.run, artifact = %row.id, saved, replaced, "an upload was compressed");
        }
        // The node stops; the next node that claims the artifact compresses it.
        None if stop.load(Ordering::Relaxed) => {}
        // Other writers took the space first. It is claimed again later, when there may be more space.
        None if outcome == KeptReason::NoSpace.as_str() => {}
        None => artifacts.leave_as_stored(row).await?,
    }
    Ok(outcome)
}

impl Actor for Compression {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.artifacts.parts().limits().compress_direct {
            ctx.run_interval(LOOK, Self::look);
        }
    }
}

impl Drop for Compression {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed); // after a panic, too
    }
}

impl Handler<Compress> for Compression {
    type Result = ResponseFuture<Option<SmallerFile>>;

    fn handle(&mut self, job: Compress, ctx: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        self.waiting.push_back(Waiting { job, reply });
        self.advance(ctx);
        Box::pin(async move { answer.await.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests;
