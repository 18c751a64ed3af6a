//! Where an artifact is to be had on this server, as URLs without a host, and what an artifact's JSON and its event
//! both say.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::ArtifactService;
use crate::protocol::ArtifactKind;
use crate::storage::catalog::artifacts::ArtifactRow;

/// Where its bytes are read and put, by a URL that we have signed.
pub(super) fn content_path(row: &ArtifactRow) -> String {
    format!("/api/runs/{}/artifacts/{}/content", row.run, row.id)
}

/// Where it is downloaded: this stays good as long as the artifact does.
pub fn download_path(row: &ArtifactRow) -> String {
    format!("/api/runs/{}/artifacts/{}/download?redirect=1", row.run, row.id)
}

/// By how much less is stored than came, in percent with one decimal; `None` until it is known. Never more than it is.
pub fn saved_percent(row: &ArtifactRow) -> Option<f64> {
    let (size, stored) = (row.size?, row.stored?.size);
    if size == 0 {
        return Some(0.0);
    }
    let tenths = 1_000.0 * (size as f64 - stored as f64) / size as f64;
    Some(tenths.floor() / 10.0)
}

impl ArtifactService {
    /// Where a trace is looked at, if the node shows traces.
    pub fn trace_path(&self, row: &ArtifactRow) -> Option<String> {
        let is_shown = row.kind == ArtifactKind::Trace && (self.ports().shows_traces)();
        let trace = || utf8_percent_encode(&download_path(row), NON_ALPHANUMERIC).to_string();
        is_shown.then(|| format!("/trace/?trace={}", trace()))
    }
}
