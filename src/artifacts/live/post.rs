//! Taking in parts of a live trace.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::known::KnownTrace;
use super::{LiveTrace, LiveTraceError};
use crate::artifacts::{ArtifactService, UploadPermit};
use crate::protocol::live_trace::batch::Part;
use crate::protocol::live_trace::index::{Plan, PlanError};
use crate::protocol::live_trace::key::{self, FULL, PartKey};
use crate::protocol::{ContentCoding, RunId, TraceId};
use crate::storage::objects::ObjectMeta;

/// Parts of a post that are stored at a time.
const ABREAST: usize = 8;
/// How long what a node knows of a trace is good enough for a post. What another node has stored meanwhile is found out
/// when a post does not fit.
const GOOD_FOR: Duration = Duration::from_secs(60);

fn meta() -> ObjectMeta {
    let content_type = "application/octet-stream".to_owned();
    ObjectMeta { content_type, coding: ContentCoding::Identity, disposition: String::new() }
}

impl ArtifactService {
    /// Counts a post to a live trace, before its body is read.
    ///
    /// # Errors
    /// [`LiveTraceError::TooOften`].
    pub fn count_live_post(&self, run: &RunId, trace: &TraceId) -> Result<(), LiveTraceError> {
        let live = &self.parts().live;
        let most = live.limits.posts_per_sec;
        live.known.of(run, trace).take_post(most).map_err(|_| LiveTraceError::TooOften(most))
    }

    /// Stores the parts of a batch, those last that point to others. What is there already is not stored again. A batch
    /// that fails midway may have stored some of its parts; it can be repeated.
    ///
    /// # Errors
    /// [`LiveTraceError`]: nothing was stored, unless the store failed.
    pub async fn take_live_parts(
        &self,
        permit: UploadPermit,
        run: &RunId,
        trace: &TraceId,
        batch: &[Part],
    ) -> Result<LiveTrace, LiveTraceError> {
        self.refuse_expired(run).await?;
        let known = self.parts().live.known.of(run, trace);
        let _posting = known.posting.lock().await;
        self.list_trace(run, trace, &known, GOOD_FOR, false).await?;
        let plan = match self.plan(&known, batch) {
            // Another node may have stored what is missing.
            Err(PlanError::Gap(_)) => {
                self.list_trace(run, trace, &known, Duration::ZERO, true).await?;
                self.plan(&known, batch)
            }
            plan => plan,
        };
        let Plan { stores, repeats } = match plan {
            Ok(plan) => plan,
            Err(refused) => {
                if matches!(refused, PlanError::Full { .. }) {
                    self.end_full(run, trace, &known).await?;
                }
                return Err(refused.into());
            }
        };
        for part in &repeats {
            self.compare(run, trace, &known, part).await?;
        }
        let folder = key::trace_folder(run, trace);
        for group in stores.chunk_by(|(a, _), (b, _)| a.entry.rank() == b.entry.rank()) {
            let stored = stream::iter(group).map(|(part, bytes)| self.store_part(&folder, &known, part, bytes));
            stored.buffered(ABREAST).try_collect::<()>().await?;
        }
        drop(permit);
        let bytes: usize = stores.iter().map(|(_, bytes)| bytes.len()).sum();
        metrics::counter!("runcast_live_trace_parts_total").increment(stores.len() as u64);
        metrics::counter!("runcast_live_trace_bytes_total").increment(bytes as u64);
        Ok(LiveTrace::of(trace, &known.state().index))
    }

    fn plan(&self, known: &KnownTrace, batch: &[Part]) -> Result<Plan, PlanError> {
        known.state().index.plan(batch, self.parts().live.limits.bytes)
    }

    async fn store_part(
        &self,
        folder: &str,
        known: &KnownTrace,
        part: &PartKey,
        bytes: &Bytes,
    ) -> Result<(), LiveTraceError> {
        let key = format!("{folder}{}", part.file());
        self.parts().objects.put(&key, &meta(), bytes).await?;
        self.parts().live.memory.keep(&key, bytes);
        known.state().stored(part.clone(), bytes.len() as u64);
        Ok(())
    }

    /// Whether what is posted again is what was stored.
    async fn compare(
        &self,
        run: &RunId,
        trace: &TraceId,
        known: &KnownTrace,
        part: &Part,
    ) -> Result<(), LiveTraceError> {
        let pieces = known.state().index.pieces(&part.entry, part.offset, part.end());
        let mut left = part.bytes.clone();
        let mut stored = self.read_pieces(run, trace, pieces);
        while let Some(bytes) = stored.try_next().await? {
            let ours = left.split_to(bytes.len().min(left.len()));
            if ours != bytes {
                return Err(LiveTraceError::Changed { entry: part.entry.clone(), offset: part.offset });
            }
        }
        Ok(())
    }

    /// Notes for all nodes that a trace has ended because it is too large.
    async fn end_full(&self, run: &RunId, trace: &TraceId, known: &KnownTrace) -> Result<(), LiveTraceError> {
        let (is_new, is_empty) = {
            let state = known.state();
            (!state.index.full, state.index.is_empty())
        };
        if is_new && !is_empty {
            self.parts().objects.put(&format!("{}{FULL}", key::trace_folder(run, trace)), &meta(), b"").await?;
            known.state().index.full = true;
            tracing::info!(%run, %trace, "a live trace has ended: it is as large as it may be");
        }
        Ok(())
    }
}
