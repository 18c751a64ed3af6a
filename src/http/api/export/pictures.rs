//! The screenshots of tests that failed, for a page that is one file.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use futures_util::TryStreamExt as _;

use super::super::super::problem::Problem;
use super::gather::ExportState;
use crate::artifacts::{ArtifactError, ArtifactService};
use crate::budget::Held;
use crate::compression::decode::decoded;
use crate::protocol::{ArtifactKind, RunId};
use crate::report::html::ReportPicture;
use crate::report::{ReportOutcome, ReportRun, ReportTest};

/// Largest picture, and all of them, in bytes.
const MAX_PICTURE: u64 = 2 << 20;
const MAX_ALL: u64 = 20 << 20;
/// Most artifacts that are looked through.
const MAX_LISTED: usize = 1_000;
const TYPES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];

/// The pictures of the tests that failed, as far as they find room: `held` counts them. One that can't be read is left out.
pub(super) async fn of_failed(
    artifacts: Option<&ArtifactService>,
    run: &RunId,
    state: &Arc<ExportState>,
    held: &mut Held,
) -> Result<Vec<ReportPicture>, Problem> {
    let Some(artifacts) = artifacts else { return Ok(Vec::new()) };
    let ids = |_: &ReportRun, tests: &[ReportTest<'_>]| -> BTreeSet<String> {
        let failed = tests.iter().filter(|test| test.outcome() == ReportOutcome::Failed);
        failed.map(|test| test.test_id.to_string()).collect()
    };
    let failed = state.report(ids).await?;
    let listed = artifacts.list(run, None, MAX_LISTED).await?;
    let (mut pictures, mut bytes) = (Vec::new(), 0);
    for row in listed.artifacts.into_iter().map(|kept| kept.artifact) {
        let (Some(test), Some(stored)) = (row.test.clone(), row.stored) else { continue };
        let size = row.size.unwrap_or(stored.size);
        let is_wanted = failed.contains(&test) && row.kind == ArtifactKind::Screenshot;
        let is_shown = TYPES.contains(&row.content_type.as_str()) && size <= MAX_PICTURE && bytes + size <= MAX_ALL;
        if !is_wanted || !is_shown || !held.grow(usize::try_from(size).unwrap_or(usize::MAX)) {
            continue;
        }
        match whole(artifacts, &row, stored.coding).await {
            Ok(content) => {
                bytes += size;
                let (name, content_type) = (row.name.as_str().to_owned(), row.content_type.clone());
                pictures.push(ReportPicture { test, name, content_type, bytes: content });
            }
            Err(error) => tracing::info!(%run, artifact = %row.id, %error, "a picture is left out of an export"),
        }
    }
    Ok(pictures)
}

async fn whole(
    artifacts: &ArtifactService,
    row: &crate::storage::catalog::artifacts::ArtifactRow,
    coding: crate::protocol::ContentCoding,
) -> Result<Vec<u8>, ArtifactExportError> {
    let body = artifacts.read(row, None).await?;
    let mut pieces = decoded(coding, body.stream.map_err(io::Error::other));
    let mut content = Vec::new();
    while let Some(piece) = pieces.try_next().await? {
        if content.len() as u64 + piece.len() as u64 > MAX_PICTURE {
            return Err(io::Error::other("it is larger than its row says").into());
        }
        content.extend_from_slice(&piece);
    }
    Ok(content)
}

/// Why an artifact is not in an export.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArtifactExportError {
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Read(#[from] io::Error),
}
