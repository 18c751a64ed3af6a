//! Finding out what there is of live traces.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;

use super::known::KnownTrace;
use super::{LiveTrace, LiveTraceError};
use crate::artifacts::{ArtifactError, ArtifactService};
use crate::protocol::live_trace::index::{MAX_PARTS, TraceIndex};
use crate::protocol::live_trace::key::{self, PartKey, TraceObject};
use crate::protocol::{RunId, Timestamp, TraceId};

/// A trace of fewer parts is always listed as a whole: that is one page of a store's listing.
const ONE_PAGE: usize = 500;
/// After so long a trace is listed as a whole again: it may have been removed.
const WHOLE_AGAIN: Duration = Duration::from_secs(60);
/// Most traces of a run that are listed.
const MAX_LISTED: usize = 1_000;

/// A live trace as the list of a run shows it.
#[derive(Clone, Debug)]
pub struct ListedTrace {
    /// The trace.
    pub id: TraceId,
    /// Its bytes.
    pub bytes: u64,
    /// When its last part came, by the store's clock.
    pub updated_at: Timestamp,
    /// Whether it is larger than it may be, and has ended.
    pub full: bool,
}

impl LiveTrace {
    pub(super) fn of(id: &TraceId, index: &TraceIndex) -> Self {
        Self {
            id: id.clone(),
            bytes: index.bytes(),
            readable: index.readable(),
            full: index.full,
            can_be_shown: index.can_be_shown(),
            line_bytes: index.line_bytes(),
            entries: index.entries().map(|(name, end)| (name.clone(), end)).collect(),
        }
    }
}

impl ArtifactService {
    /// What there is of a live trace, as it was at most `age` ago.
    ///
    /// # Errors
    /// [`LiveTraceError::Unknown`]; that of the store, or of the journal.
    pub async fn live_trace(&self, run: &RunId, trace: &TraceId, age: Duration) -> Result<LiveTrace, LiveTraceError> {
        self.refuse_expired(run).await?;
        let known = self.parts().live.known.of(run, trace);
        self.list_trace(run, trace, &known, age, false).await?;
        let state = known.state();
        if state.index.is_empty() {
            return Err(LiveTraceError::Unknown(trace.clone()));
        }
        Ok(LiveTrace::of(trace, &state.index))
    }

    /// Brings what is known of a trace up to date, unless it is younger than `age`. `whole`: nothing that is known is
    /// taken for true.
    pub(super) async fn list_trace(
        &self,
        run: &RunId,
        trace: &TraceId,
        known: &KnownTrace,
        age: Duration,
        whole: bool,
    ) -> Result<(), LiveTraceError> {
        let _listing = known.listing.lock().await;
        let age = age.max(self.parts().live.limits.alone_for);
        let (began, folder) = (Instant::now(), key::trace_folder(run, trace));
        let is_older = |then: Option<Instant>, age: Duration| then.is_none_or(|then| began - then >= age);
        let (whole, from) = {
            let mut state = known.state();
            if !whole && !is_older(state.listed, age) {
                return Ok(());
            }
            let small = state.index.parts() < ONE_PAGE;
            let whole = whole || small || is_older(state.listed_whole, WHOLE_AGAIN);
            if whole {
                state.begin_whole();
            }
            (whole, state.index.list_from())
        };
        let _permit = self.connect(&self.parts().downloads, ArtifactError::Busy(self.parts().limits().downloads))?;
        let objects = &self.parts().objects;
        let mut listed = match whole {
            true => objects.list(&folder),
            false => objects.list_after(&folder, &format!("{folder}{}", PartKey::from_position(from))),
        };
        let mut found = TraceIndex::default();
        let mut news = Vec::new();
        while let Some(object) = listed.next().await {
            let object = object?;
            let read = object.key.strip_prefix(&folder).and_then(key::read_file);
            match read {
                Some(TraceObject::Part(part)) if whole => found.add(part, object.size),
                Some(TraceObject::Part(part)) => news.push((part, object.size)),
                Some(TraceObject::Full) => found.full = true,
                None => {}
            }
            // Nobody has stored more.
            if found.parts() + news.len() >= 2 * MAX_PARTS {
                break;
            }
        }
        let mut state = known.state();
        if whole {
            state.replace(found, began);
        } else {
            state.index.full |= found.full;
            news.into_iter().for_each(|(part, size)| state.index.add(part, size));
        }
        state.listed = Some(began);
        Ok(())
    }

    /// The live traces of a run, at most 1,000, and whether there are more.
    ///
    /// # Errors
    /// That of the store, or of the journal.
    pub async fn live_traces(&self, run: &RunId) -> Result<(Vec<ListedTrace>, bool), LiveTraceError> {
        self.refuse_expired(run).await?;
        let _permit = self.connect(&self.parts().downloads, ArtifactError::Busy(self.parts().limits().downloads))?;
        let mut listed = self.parts().objects.list(&key::run_folder(run));
        let (mut traces, mut more) = (BTreeMap::new(), false);
        while let Some(object) = listed.next().await {
            let object = object?;
            let Some((of, id, file)) = key::read_key(&object.key) else { continue };
            if of != *run || !traces.contains_key(&id) && traces.len() == MAX_LISTED {
                more |= of == *run;
                continue;
            }
            let new = ListedTrace { id: id.clone(), bytes: 0, updated_at: object.modified, full: false };
            let trace = traces.entry(id).or_insert(new);
            match key::read_file(file) {
                Some(TraceObject::Part(part)) => trace.bytes = trace.bytes.max(part.position + object.size),
                Some(TraceObject::Full) => trace.full = true,
                None => continue,
            }
            trace.updated_at = trace.updated_at.max(object.modified);
        }
        Ok((traces.into_values().collect(), more))
    }
}
