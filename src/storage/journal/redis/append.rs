//! An append: this node decides it, and one script stores the decision if the run has not changed meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::keys::Index;
use super::reply::ReplyParts;
use super::steering::SteeringArgs;
use super::{RedisJournal, malformed, marks, notice, stored, unknown};
use crate::protocol::{RunId, Segment, Timestamp};
use crate::storage::journal::append_rules::{self, AppendContext, AppendDecision, Epochs, RunRecord};
use crate::storage::journal::run_cache::{CachedRun, RunCache};
use crate::storage::journal::{Append, Head, Journal as _, JournalError, Refusal, Stored};
use crate::storage::redis::{RedisCommand, RedisError};

/// A version that no run has. The script then answers with the run's actual version and state.
const NO_VERSION: &str = "?";

/// Error codes of Redis that mean that no command of the script has run.
const BEFORE_ANY_WRITE: [&str; 9] =
    ["OOM", "MISCONF", "READONLY", "LOADING", "BUSY", "MASTERDOWN", "NOREPLICAS", "NOAUTH", "NOPERM"];

/// How far the server's clock may be set back before the script refuses an append and the node sends it again.
const CLOCK_SLACK_MS: i64 = 1_000;

/// The runs that this node appends to, each with the version that the node saw last.
#[derive(Debug, Default)]
pub(super) struct Appends(Mutex<RunCache<SeenVersion>>);

/// A version of a run, and the incarnation of the store in which it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SeenVersion {
    version: String,
    epochs: Epochs,
}

/// The script's answer.
enum AppendReply {
    /// The decision was stored. The first time is the new events', the second one that of the run's first event.
    Stored(Timestamp, Timestamp),
    /// Nothing had to be stored, and the run has not changed.
    Confirmed,
    Late,
    /// The store is in another incarnation.
    Stale,
    /// The run has another version: this one.
    Changed(SeenVersion, Box<RunRecord>),
}

impl Appends {
    fn run_cache(&self) -> MutexGuard<'_, RunCache<SeenVersion>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, run: &RunId, posts: usize, epochs: Epochs) -> Option<CachedRun<SeenVersion>> {
        let mut run_cache = self.run_cache();
        run_cache.get(run, posts).filter(|cached_run| cached_run.location.epochs == epochs).cloned()
    }

    fn keep(&self, run: &RunId, seen: SeenVersion, state: RunRecord) {
        let mut run_cache = self.run_cache();
        run_cache.insert(run.clone(), seen, state);
        run_cache.evict();
    }

    pub(super) fn forget(&self, run: &RunId) {
        self.run_cache().forget(run);
    }
}

impl RedisJournal {
    /// Decides and stores the append, and repeats both until the run does not change in between or the deadline has
    /// passed.
    pub(super) async fn store(&self, append: Append) -> Result<Stored, JournalError> {
        metrics::counter!("runcast_journal_appends_total").increment(1);
        let started = Instant::now();
        let stored = self.store_until(&append).await;
        metrics::histogram!("runcast_journal_commit_seconds").record(started.elapsed());
        if stored.is_err() {
            metrics::counter!("runcast_journal_failures_total", "work" => "write").increment(1);
            self.appends.forget(&append.run);
        }
        stored
    }

    async fn store_until(&self, append: &Append) -> Result<Stored, JournalError> {
        loop {
            if Instant::now() > append.deadline {
                return Ok(late(append, Head::unborn()));
            }
            let epochs = self.incarnation.epochs();
            let known = self.appends.find(&append.run, append.posts.len(), epochs);
            let answer = match &known {
                // This request stores nothing, whatever its outcome was.
                None => self.ask(append, epochs, None).await.map_err(unread_run)?,
                Some(seen) => {
                    let mut run = seen.run.clone();
                    let max_run_bytes = self.limits.max_run_bytes;
                    let (now, monotonic) = (self.now(), Instant::now());
                    let decision = append_rules::append(
                        &mut run,
                        append,
                        &AppendContext { now, monotonic, epochs, max_run_bytes },
                    );
                    match self.ask(append, epochs, Some((seen, &decision))).await? {
                        AppendReply::Stored(at, created) => {
                            return Ok(self.stored(append, epochs, run, decision, at, created));
                        }
                        AppendReply::Confirmed => return Ok(decision.stored),
                        other => other,
                    }
                }
            };
            match answer {
                AppendReply::Changed(seen, run) => {
                    self.incarnation.note(&append.run, &run.head, seen.epochs.incarnation);
                    self.appends.keep(&append.run, seen, *run);
                }
                AppendReply::Stale => self.learn_incarnation().await?,
                // By this node's clock there is still time: the server's clock was set, and its answer has corrected
                // what we know of it.
                AppendReply::Late if Instant::now() < append.deadline => {}
                AppendReply::Late => return Ok(late(append, known.map_or_else(Head::unborn, |known| known.run.head))),
                AppendReply::Stored(..) | AppendReply::Confirmed => {
                    return Err(unknown("a question was answered as an append"));
                }
            }
        }
    }

    /// Completes an append that was stored: the script's answer brings its time.
    fn stored(
        &self,
        append: &Append,
        epochs: Epochs,
        mut run: RunRecord,
        decision: AppendDecision,
        at: Timestamp,
        created: Timestamp,
    ) -> Stored {
        run.head.active_at = SteeringArgs::active(&decision).unwrap_or(at);
        run.head.last_at = at;
        run.head.created_at = created;
        self.incarnation.note(&append.run, &run.head, epochs.incarnation);
        let Stored { outcomes, segments, .. } = decision.stored;
        let timed = |s: Arc<Segment>| {
            let timed = Segment::new(s.epoch(), s.first(), at, s.lines().clone());
            Arc::new(if s.is_control() { timed.with_control() } else { timed })
        };
        let stored = Stored { outcomes, segments: segments.into_iter().map(timed).collect(), head: run.head.clone() };
        let seen = SeenVersion { version: stored::version(&run.head), epochs };
        self.appends.keep(&append.run, seen, run);
        stored
    }

    async fn ask(
        &self,
        append: &Append,
        epochs: Epochs,
        decided: Option<(&CachedRun<SeenVersion>, &AppendDecision)>,
    ) -> Result<AppendReply, JournalError> {
        let run = &append.run;
        let version = decided.map_or(NO_VERSION, |(seen, _)| seen.location.version.as_str());
        let writes = decided.map(|(_, decision)| decision).filter(|decision| !decision.stored.segments.is_empty());
        let (head, segments) =
            writes.map_or((Head::unborn(), &[][..]), |d| (d.stored.head.clone(), &d.stored.segments[..]));
        let state = stored::state_with(&head, writes.and_then(SteeringArgs::active));
        let after = self.keys.index(stored::index(&head));
        let listed = decided.map(|(seen, _)| &seen.run.head).filter(|head| head.tip > 0);
        let before = listed.map_or_else(|| after.clone(), |head| self.keys.index(stored::index(head)));
        let mut keys =
            vec![self.keys.store(), self.keys.head(run), self.keys.log(run), self.keys.marks(run), before, after];
        let steering = writes.and_then(|decision| SteeringArgs::of(decision, listed));
        if steering.is_some() {
            keys.push(self.keys.control(run));
            keys.extend([Index::Due, Index::OnlySteered].map(|index| self.keys.index(index)));
        }
        // The script judges by the server's clock. It refuses after the deadline, and also before the time that this
        // node knows: then the clock was set back while the append waited for the server, and the deadline has lost its
        // meaning.
        let left = append.deadline.saturating_duration_since(Instant::now());
        let now = self.incarnation.now();
        let deadline = now.plus_millis(i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
        let not_before = now.plus_millis(-CLOCK_SLACK_MS);
        // The decision wrote its time into some events: no segment is dated before what they say.
        let dated = segments.first().map_or(Timestamp::default(), |segment| segment.at());
        let args = |command: RedisCommand| {
            let mut command = command
                .arg(epochs.incarnation.to_string())
                .arg(epochs.births.to_string())
                .arg(version)
                .arg(deadline.as_millis().to_string())
                .arg(if writes.is_some() { stored::version(&head) } else { String::new() })
                .arg(state.as_str())
                .arg(run.as_str())
                .arg(self.keys.doorbell(run))
                .arg(self.rings_as.as_str())
                .arg(notice::text(&state, segments))
                .arg(segments.len().to_string())
                .arg(not_before.as_millis().to_string())
                .arg(dated.as_millis().to_string());
            let (raised, dropped) = writes.map_or((&[][..], &[][..]), |d| (&d.raised[..], &d.dropped[..]));
            command = command.arg(raised.len().to_string()).arg(dropped.len().to_string());
            for segment in segments {
                command = command
                    .arg(segment.last().to_string())
                    .arg(format!("{} {}", segment.epoch(), segment.first()))
                    .arg(segment.lines().bytes().clone());
            }
            for (producer, mark) in raised {
                command = command.arg(producer.as_str()).arg(marks::value(mark, head.tip));
            }
            command = dropped.iter().fold(command, |command, producer| command.arg(producer.as_str()));
            match &steering {
                Some(steering) => steering.args(command),
                None => command,
            }
        };
        // The call ends with the append's deadline at the latest: the caller must be answered by then.
        let within = self.timeout.min(left.max(Duration::from_millis(1)));
        let reply = self.scripts.append.call(&self.client, within, &keys, args).await.map_err(failed)?;
        let mut parts = ReplyParts::of(reply)?;
        let word = parts.text()?;
        self.incarnation.set_clock(parts.time()?);
        match word.as_str() {
            "stored" if parts.is_empty() => Ok(AppendReply::Confirmed),
            "stored" => Ok(AppendReply::Stored(parts.time()?, parts.time()?)),
            "late" => Ok(AppendReply::Late),
            "stale" => Ok(AppendReply::Stale),
            "changed" => {
                let version = parts.text()?;
                let (state, at, created) = (parts.text()?, parts.time_or_none()?, parts.time_or_none()?);
                let head = stored::head(&state, at, created).map_err(malformed)?;
                let run = RunRecord::load(head, marks::load(&parts.text()?)?, epochs);
                Ok(AppendReply::Changed(SeenVersion { version, epochs }, Box::new(run)))
            }
            other => Err(unknown(format!("the script answered {other:?}"))),
        }
    }
}

/// The answer when the deadline has passed: every post is refused.
fn late(append: &Append, head: Head) -> Stored {
    let outcomes = append.posts.iter().map(|_| Err(Refusal::DeadlinePassed)).collect();
    Stored { outcomes, segments: Vec::new(), head }
}

/// Turns an unknown outcome into unavailable: the request only read the run, so nothing was stored.
fn unread_run(error: JournalError) -> JournalError {
    match error {
        JournalError::OutcomeUnknown(reason) => JournalError::Unavailable(reason),
        other => other,
    }
}

/// Translates an error of Redis: it says whether the append may have been stored.
fn failed(error: RedisError) -> JournalError {
    match error {
        RedisError::Saturated => JournalError::Saturated,
        RedisError::Unavailable(reason) => JournalError::Unavailable(reason),
        RedisError::Refused(reason) if BEFORE_ANY_WRITE.iter().any(|word| reason.starts_with(word)) => {
            JournalError::Unavailable(reason)
        }
        RedisError::Refused(reason) | RedisError::OutcomeUnknown(reason) => JournalError::OutcomeUnknown(reason),
    }
}
