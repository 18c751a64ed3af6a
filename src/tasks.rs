//! Tasks that are no actors. A panic in one is logged, counted, and told to whoever waits for it.
//!
//! Tokio keeps a task's panic for whoever joins it, and most tasks are joined by nobody. So the server starts every
//! task and all blocking work here, and every actor in `actors/supervision/`; a test looks for any other `spawn` in the
//! source. What becomes of the work is the caller's to say: it answers with an error, runs the work anew
//! ([`restarted`]), or ends the node.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tracing::error;

use crate::backoff::Backoff;

/// First pause before work that panicked is run anew.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest such pause. Short enough for those who wait for the work.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Work that ran as long was good: the pauses begin anew.
const STEADY: Duration = Duration::from_secs(60);
/// Threads that fold.
const FOLDING_THREADS: usize = 2;

/// The threads that fold. Nothing else runs in it.
static FOLDING: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    Builder::new_current_thread().thread_name("fold").max_blocking_threads(FOLDING_THREADS).build().ok()
});

/// Why a task has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// It panicked, with this message: a bug. It was logged and counted.
    #[error("panicked: {0}")]
    Panicked(String),
    /// It was aborted, or its runtime has ended.
    #[error("cancelled")]
    Cancelled,
}

/// A running task. Dropping this lets it run on.
#[derive(Debug)]
#[must_use = "whoever does not wait for it lets it go with `drop`"]
pub struct Task<T>(JoinHandle<Result<T, TaskError>>);

impl<T> Task<T> {
    /// Ends the task where it waits next.
    pub fn abort(&self) {
        self.0.abort();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|joined| joined.unwrap_or_else(|error| Err(of_join(error))))
    }
}

/// The task itself ended instead of answering: its future panicked while it was dropped, or it was cancelled.
fn of_join(error: JoinError) -> TaskError {
    match error.try_into_panic() {
        Ok(payload) => TaskError::Panicked(panic_text(&*payload)),
        Err(_) => TaskError::Cancelled,
    }
}

/// Runs `work` in a task of its own. `name` is its name in the log and in the metrics.
pub fn spawn<F>(name: &'static str, work: F) -> Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    Task(tokio::spawn(caught(name, work)))
}

/// As [`spawn`], on this thread, for what may not leave it.
pub fn spawn_local<F: Future + 'static>(name: &'static str, work: F) -> Task<F::Output> {
    Task(tokio::task::spawn_local(caught(name, work)))
}

/// Runs `work` on a thread that may wait.
pub fn spawn_blocking<T: Send + 'static>(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Task<T> {
    Task(tokio::task::spawn_blocking(move || caught_call(name, work)))
}

/// As [`spawn_blocking`], on one of two threads that fold what is large and is kept for long. An allocator keeps memory
/// for each thread that has asked for it, so that what many threads have folded takes several times its size.
pub fn spawn_folding<T: Send + 'static>(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Task<T> {
    let work = move || caught_call(name, work);
    Task(match &*FOLDING {
        Some(threads) => threads.spawn_blocking(work),
        None => tokio::task::spawn_blocking(work),
    })
}

/// Calls `work`, whose panic is an error: what is to be done after it is done all the same.
pub fn caught_call<T>(name: &'static str, work: impl FnOnce() -> T) -> Result<T, TaskError> {
    // Unwind safe: whoever calls goes on without what `work` has touched.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| report(name, &*panic))
}

/// `work`, whose panic is an error. Adds nothing to its size but the name.
pub fn caught<F: Future>(name: &'static str, work: F) -> impl Future<Output = Result<F::Output, TaskError>> {
    // Unwind safe: after a panic the future is only dropped.
    AssertUnwindSafe(work).catch_unwind().map(move |done| done.map_err(|panic| report(name, &*panic)))
}

/// Runs `work` until it returns. After a panic it is run anew: see [`Restarts`].
pub async fn restarted<F: Future>(name: &'static str, mut work: impl FnMut() -> F) -> F::Output {
    let mut restarts = Restarts::new(name);
    loop {
        if let Ok(done) = caught(name, work()).await {
            return done;
        }
        restarts.pause().await;
    }
}

/// The restarts of work that panics: each comes after a pause of 100 ms, doubling up to 5 s, and is counted.
#[derive(Debug)]
pub struct Restarts {
    name: &'static str,
    pauses: Backoff,
    since: Instant,
}

impl Restarts {
    /// None yet; the work begins now.
    pub fn new(name: &'static str) -> Self {
        Self { name, pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), since: Instant::now() }
    }

    /// Waits until the work may begin again.
    pub async fn pause(&mut self) {
        if self.since.elapsed() >= STEADY {
            self.pauses.reset();
        }
        tokio::time::sleep(self.pauses.pause()).await;
        self.since = Instant::now();
        count_restart(self.name);
    }
}

fn report(name: &'static str, payload: &(dyn Any + Send)) -> TaskError {
    let panic = TaskError::Panicked(panic_text(payload));
    error!(child = name, exit = %panic, "task ended");
    count_exit(name, "panicked");
    panic
}

/// What `panic!` was given.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// How many actors and tasks have ended, by name and by how.
pub type Exits = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

/// Of this process: several nodes in one share it, as they share the metrics.
static EXITS: Mutex<Exits> = Mutex::new(BTreeMap::new());

/// Counts the end of an actor or a task: `how` is `stopped`, `failed`, `panicked` or `start_failed`. Of tasks only
/// panics are counted.
pub fn count_exit(name: &'static str, how: &'static str) {
    metrics::counter!("runcast_actor_exits_total", "child" => name, "exit" => how).increment(1);
    // Nothing panics while it is held.
    let mut exits = EXITS.lock().unwrap_or_else(PoisonError::into_inner);
    *exits.entry(name).or_default().entry(how).or_default() += 1;
}

/// Counts that an actor or a task was started anew.
pub fn count_restart(name: &'static str) {
    metrics::counter!("runcast_actor_restarts_total", "child" => name).increment(1);
}

/// What [`count_exit`] has counted.
pub fn exits() -> Exits {
    EXITS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn panicked(text: &str) -> TaskError {
        TaskError::Panicked(text.to_owned())
    }

    #[tokio::test]
    async fn a_panic_of_a_task_is_told_and_counted_and_a_result_is_its_result() {
        assert_eq!(spawn("task-test", async { 7 }).await, Ok(7));
        assert_eq!(spawn("task-test", async { panic!("ouch {}", 7) }).await, Err::<(), _>(panicked("ouch 7")));
        assert_eq!(spawn_blocking("task-test", || panic!("ouch")).await, Err::<(), _>(panicked("ouch")));
        let local = tokio::task::LocalSet::new();
        let told = local.run_until(async { spawn_local("task-test", async { panic!("ouch") }).await });
        assert_eq!(told.await, Err::<(), _>(panicked("ouch")));
        assert_eq!(exits()["task-test"], BTreeMap::from([("panicked", 3)]));
    }

    #[tokio::test]
    async fn an_aborted_task_is_no_panic() {
        let task = spawn("aborted-test", std::future::pending::<()>());
        task.abort();
        assert_eq!(task.await, Err(TaskError::Cancelled));
        assert_eq!(exits().get("aborted-test"), None);
    }

    #[tokio::test]
    async fn work_that_panics_is_run_anew_until_it_returns() {
        let runs = Cell::new(0);
        let work = || async {
            runs.set(runs.get() + 1);
            assert!(runs.get() > 2, "ouch");
            runs.get()
        };
        assert_eq!(restarted("restarted-test", work).await, 3);
        assert_eq!(exits()["restarted-test"], BTreeMap::from([("panicked", 2)]));
    }

    #[test]
    fn a_caught_future_is_hardly_larger() {
        let future = || async {
            let buffer = [0_u8; 1_000];
            tokio::task::yield_now().await;
            buffer.len()
        };
        assert!(size_of_val(&caught("size-test", future())) <= size_of_val(&future()) + 24);
    }
}
