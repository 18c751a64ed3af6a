//! What artifacts need of the rest of the node, so that they know neither actors nor HTTP.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::SpoolFile;
use crate::protocol::RunId;
use crate::storage::catalog::artifacts::StoredForm;

/// Everything that an [`super::ArtifactService`] is given by the node that it is a part of.
#[derive(Clone)]
pub struct ArtifactPorts {
    /// The logs of runs.
    pub runs: Arc<dyn RunLog>,
    /// Finds smaller forms.
    pub compressor: Arc<dyn Compressor>,
    /// Whether the node has a viewer of traces, at this moment.
    pub shows_traces: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// The logs of the runs that artifacts belong to.
#[async_trait]
pub trait RunLog: Send + Sync + 'static {
    /// Whether the run may get artifacts: `false` once it has expired. The error says why nobody knows.
    async fn is_open(&self, run: &RunId) -> Result<bool, String>;
    /// Whether the run has events, or had some and has expired. The error says why nobody knows.
    async fn is_known(&self, run: &RunId) -> Result<bool, String>;
    /// Appends one of the server's own events, a line of JSON, to the run. The error says why it was not appended, or
    /// may not have been.
    async fn append(&self, run: &RunId, event: Bytes) -> Result<(), String>;
}

/// What makes files smaller.
#[async_trait]
pub trait Compressor: Send + Sync + 'static {
    /// A smaller form of a file that stays until this is answered; `None` when there is none. The error says why it was
    /// not looked for.
    async fn compress(&self, source: PathBuf, content_type: String) -> Result<Option<SmallerFile>, String>;
}

/// A smaller form of an artifact.
#[derive(Debug)]
pub struct SmallerFile {
    /// Its bytes.
    pub file: SpoolFile,
    /// What it is.
    pub stored: StoredForm,
}

impl fmt::Debug for ArtifactPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactPorts").finish_non_exhaustive()
    }
}
