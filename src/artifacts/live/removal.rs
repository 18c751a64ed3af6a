//! Removing live traces whose time is over, or whose run is gone.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use crate::artifacts::ArtifactService;
use crate::protocol::live_trace::{LIVE, key};
use crate::protocol::{RunId, Timestamp, TraceId};
use crate::storage::objects::{ListedObject, ObjectsError};

/// Objects that are removed at a time.
const ABREAST: usize = 8;
/// Most traces that are looked at in one go; the others have their turn when some of these are gone.
const MAX_TRACES: usize = 100_000;

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovedTraces {
    /// Traces.
    pub traces: u64,
    /// Objects of these, and others that were where only live traces are.
    pub objects: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Objects that could not be removed. They are tried again.
    pub failed: u64,
}

impl ArtifactService {
    /// Removes live traces whose last part is old enough, or whose run has expired. While the clock has jumped nothing
    /// is removed (I10).
    ///
    /// # Errors
    /// [`ObjectsError`]: the store could not be listed.
    pub async fn remove_live_traces(&self) -> Result<RemovedTraces, ObjectsError> {
        let mut removed = RemovedTraces::default();
        let keep = self.parts().live.limits.keep;
        let mut newest: HashMap<(RunId, TraceId), Timestamp> = HashMap::new();
        let mut strays: Vec<ListedObject> = Vec::new();
        let mut listed = self.parts().objects.list(&format!("{LIVE}/"));
        while let Some(object) = listed.next().await {
            let object = object?;
            match key::read_key(&object.key) {
                Some((run, trace, _))
                    if newest.len() < MAX_TRACES || newest.contains_key(&(run.clone(), trace.clone())) =>
                {
                    let last = newest.entry((run, trace)).or_insert(object.modified);
                    *last = object.modified.max(*last);
                }
                None if strays.len() < MAX_TRACES => strays.push(object),
                _ => {}
            }
        }
        let mut gone: HashMap<RunId, bool> = HashMap::new();
        for ((run, trace), last) in newest {
            let is_gone = match gone.get(&run) {
                Some(is_gone) => *is_gone,
                None => {
                    // While nobody knows, it is not gone.
                    let is_gone = self.ports().runs.is_open(&run).await == Ok(false);
                    gone.insert(run.clone(), is_gone);
                    is_gone
                }
            };
            if !is_gone && !self.is_over(last, keep) {
                continue;
            }
            let folder = key::trace_folder(&run, &trace);
            let objects: Vec<_> = self.parts().objects.list(&folder).collect().await;
            let objects = objects.into_iter().collect::<Result<Vec<_>, _>>()?;
            let goes_on = objects.iter().any(|object| !self.is_over(object.modified, keep));
            if is_gone || !goes_on {
                self.remove_objects(objects, &mut removed).await;
                self.parts().live.known.forget(&run, &trace);
                removed.traces += 1;
                tracing::debug!(%run, %trace, "a live trace is removed");
            }
        }
        let strays = strays.into_iter().filter(|stray| self.is_over(stray.modified, keep)).collect();
        self.remove_objects(strays, &mut removed).await;
        Ok(removed)
    }

    /// Whether something of this time has been kept long enough, by a clock that can be trusted.
    fn is_over(&self, last: Timestamp, keep: Duration) -> bool {
        let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        self.parts().clock.check().is_ok_and(|now| last.plus_millis(keep_ms) <= now)
    }

    async fn remove_objects(&self, objects: Vec<ListedObject>, removed: &mut RemovedTraces) {
        let removals = stream::iter(objects).map(|object| async move {
            let done = match self.parts().clock.check() {
                Ok(_) => self.delete_object(&object.key).await.map_err(|error| error.to_string()),
                Err(jump) => Err(jump.to_string()),
            };
            (object, done)
        });
        let mut removals = removals.buffer_unordered(ABREAST);
        while let Some((object, done)) = removals.next().await {
            match done {
                Ok(()) => {
                    removed.objects += 1;
                    removed.bytes += object.size;
                }
                Err(error) => {
                    removed.failed += 1;
                    tracing::info!(key = object.key, %error, "a part of a live trace could not be removed");
                }
            }
        }
    }
}
