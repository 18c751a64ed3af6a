//! What the recorded tests left behind: traces, videos, screenshots. The files are in the program, and
//! `demo/artifacts/index.json` says what they are and when they were uploaded.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::DemoError;
use crate::cli::producer::FileUpload;

const INDEX: &[u8] = include_bytes!("../../demo/artifacts/index.json");

/// A file of `demo/artifacts` with its content.
macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../demo/artifacts/", $name)))
    };
}

/// The files that the index names.
const FILES: &[(&str, &[u8])] = &[
    file!("failed--cart-Cart-says-when-it-arrives--error-context.md"),
    file!("failed--cart-Cart-says-when-it-arrives--test-failed-1.png"),
    file!("failed--checkout-Checkout-refuses-a-voucher-that-is-unknown--error-context.md"),
    file!("failed--checkout-Checkout-takes-a-voucher-off-once--error-context.md"),
    file!("failed--checkout-Checkout-takes-a-voucher-off-once--order.json"),
    file!("failed--checkout-Checkout-takes-a-voucher-off-once--test-failed-1.png"),
    file!("failed--checkout-Checkout-takes-a-voucher-off-once--trace.zip"),
    file!("failed--checkout-Checkout-takes-a-voucher-off-once--video.webm"),
    file!("passed--checkout-Checkout-refuses-a-voucher-that-is-unknown--error-context.md"),
    file!("passed--checkout-Checkout-takes-a-voucher-off-once--order.json"),
];

/// A recorded artifact.
#[derive(Clone, Debug)]
pub(super) struct DemoArtifact {
    /// When its upload is due, since the replay's start.
    pub(super) offset: Duration,
    /// Its name.
    pub(super) name: String,
    kind: String,
    content_type: String,
    test: Option<String>,
    content: &'static [u8],
}

impl DemoArtifact {
    /// It, as it is uploaded.
    pub(super) fn upload(&self) -> FileUpload<'_> {
        FileUpload {
            name: &self.name,
            kind: &self.kind,
            content_type: &self.content_type,
            test: self.test.as_deref(),
            content: Bytes::from_static(self.content),
        }
    }
}

/// An entry of the index.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    run: String,
    file: String,
    /// Milliseconds since the run's first event.
    after_ms: u64,
    name: String,
    kind: String,
    content_type: String,
    test: Option<String>,
}

/// The bundled artifacts of a run, `passed` or `failed`, in the order of their times.
///
/// # Errors
/// Never: a test reads them.
pub(super) fn bundled_artifacts(of: &str) -> Result<Vec<DemoArtifact>, DemoError> {
    let entries: Vec<Entry> = serde_json::from_slice(INDEX).map_err(|error| DemoError::Artifacts(error.to_string()))?;
    let artifact = |Entry { file, after_ms, name, kind, content_type, test, .. }| {
        let (_, content) = FILES
            .iter()
            .find(|(bundled, _)| *bundled == file)
            .ok_or_else(|| DemoError::Artifacts(format!("{file} is not bundled")))?;
        Ok(DemoArtifact { offset: Duration::from_millis(after_ms), name, kind, content_type, test, content })
    };
    let mut artifacts =
        entries.into_iter().filter(|entry| entry.run == of).map(artifact).collect::<Result<Vec<_>, DemoError>>()?;
    artifacts.sort_by_key(|artifact| artifact.offset);
    Ok(artifacts)
}
