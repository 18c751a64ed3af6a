//! Handing out the entries of a live trace.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::LiveTraceError;
use crate::artifacts::permit_stream::PermitStream;
use crate::artifacts::{ArtifactError, ArtifactService};
use crate::protocol::live_trace::EntryName;
use crate::protocol::live_trace::index::Piece;
use crate::protocol::live_trace::key;
use crate::protocol::{RunId, TraceId};
use crate::storage::objects::ObjectsError;

/// Parts that are read ahead. A part has 1 MiB, or as many bytes of lines as a post has.
const AHEAD: usize = 4;

/// An entry of a live trace.
pub struct LiveEntry {
    /// Its bytes, as many as there are now.
    pub size: u64,
    /// The bytes, part by part. Dropping the stream early ends the read.
    pub stream: BoxStream<'static, Result<Bytes, ObjectsError>>,
}

impl ArtifactService {
    /// Reads an entry of a live trace from its beginning to where there is no more of it now.
    ///
    /// # Errors
    /// [`LiveTraceError::Unknown`], [`LiveTraceError::NoEntry`]; that of the store, or of the journal.
    pub async fn read_live_entry(
        &self,
        run: &RunId,
        trace: &TraceId,
        entry: &EntryName,
    ) -> Result<LiveEntry, LiveTraceError> {
        self.refuse_expired(run).await?;
        let known = self.parts().live.known.of(run, trace);
        // Who asks for an entry has been told of it, perhaps by another node.
        if known.state().index.end(entry).is_none() {
            self.list_trace(run, trace, &known, Duration::ZERO, false).await?;
        }
        let (size, pieces) = {
            let state = known.state();
            let size = match state.index.end(entry) {
                Some(size) => size,
                None if state.index.is_empty() => return Err(LiveTraceError::Unknown(trace.clone())),
                None => return Err(LiveTraceError::NoEntry),
            };
            (size, state.index.pieces(entry, 0, size))
        };
        let permit = self.connect(&self.parts().downloads, ArtifactError::Busy(self.parts().limits().downloads))?;
        let stream = PermitStream::new(self.read_pieces(run, trace, pieces), permit).boxed();
        Ok(LiveEntry { size, stream })
    }

    /// The bytes of these pieces, one after the other.
    pub(super) fn read_pieces(
        &self,
        run: &RunId,
        trace: &TraceId,
        pieces: Vec<Piece>,
    ) -> BoxStream<'static, Result<Bytes, ObjectsError>> {
        let (artifacts, folder) = (self.clone(), key::trace_folder(run, trace));
        let read = move |piece: Piece| {
            let (artifacts, key) = (artifacts.clone(), format!("{folder}{}", piece.key.file()));
            async move {
                let part = artifacts.read_part(&key, piece.size).await?;
                let (from, to) = (piece.from as usize, (piece.from + piece.len) as usize);
                Ok(part.slice(from.min(part.len())..to.min(part.len())))
            }
        };
        stream::iter(pieces).map(read).buffered(AHEAD).boxed()
    }

    /// A part, which stays in memory if it is small.
    async fn read_part(&self, key: &str, size: u64) -> Result<Bytes, ObjectsError> {
        let memory = &self.parts().live.memory;
        if let Some(bytes) = memory.find(key) {
            return Ok(bytes);
        }
        let mut body = self.parts().objects.read(key, None).await?;
        let mut bytes = BytesMut::with_capacity(size as usize);
        while let Some(piece) = body.stream.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        memory.keep(key, &bytes);
        Ok(bytes.freeze())
    }
}
