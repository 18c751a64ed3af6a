//! Reads rows of the artifacts' tables, the same way for each database.

use super::{ArtifactRow, DueArtifact, DueFor, KeptArtifact, StoredForm, Totals};
use crate::protocol::artifact::Method;
use crate::protocol::{
    ArtifactId, ArtifactKind, ArtifactName, ArtifactState, ContentCoding, Pin, RunId, Sha256, Timestamp,
};
use crate::storage::catalog::tables::Cells;

/// The columns that [`artifact`] reads.
pub(super) const COLUMNS: &str = "id, run_id, name, kind, content_type, test, state, key, direct, size, sha256, \
                                  stored_size, stored_sha256, coding, method, decoded_size, failure, idempotency_key, \
                                  created_at, deleted_at";

/// The columns that [`pin`] reads.
pub(super) const PIN_COLUMNS: &str = "reason, until, since";

/// Reads an artifact.
pub(super) fn artifact(row: &impl Cells) -> Result<ArtifactRow, sqlx::Error> {
    Ok(ArtifactRow {
        id: must("id", word(row, "id", ArtifactId::parse)?)?,
        run: must("run_id", word(row, "run_id", |text| RunId::parse(text).ok())?)?,
        name: must("name", word(row, "name", |text| ArtifactName::parse(text).ok())?)?,
        kind: must("kind", word(row, "kind", ArtifactKind::parse)?)?,
        content_type: must("content_type", row.text("content_type")?)?,
        test: row.text("test")?,
        state: must("state", word(row, "state", ArtifactState::parse)?)?,
        key: must("key", row.text("key")?)?,
        direct: row.flag("direct")?,
        size: size(row, "size")?,
        sha256: word(row, "sha256", Sha256::parse_hex)?,
        stored: stored(row)?,
        failure: row.text("failure")?,
        idempotency_key: row.text("idempotency_key")?,
        created_at: must("created_at", time(row, "created_at")?)?,
        deleted_at: time(row, "deleted_at")?,
    })
}

fn stored(row: &impl Cells) -> Result<Option<StoredForm>, sqlx::Error> {
    let Some(size) = size(row, "stored_size")? else { return Ok(None) };
    Ok(Some(StoredForm {
        size,
        sha256: must("stored_sha256", word(row, "stored_sha256", Sha256::parse_hex)?)?,
        coding: must("coding", word(row, "coding", ContentCoding::parse)?)?,
        method: must("method", word(row, "method", Method::parse)?)?,
        decoded: self::size(row, "decoded_size")?,
    }))
}

/// Reads a pin, if the row has one.
pub(super) fn pin(row: &impl Cells) -> Result<Option<Pin>, sqlx::Error> {
    let Some(since) = time(row, "since")? else { return Ok(None) };
    Ok(Some(Pin { reason: must("reason", row.text("reason")?)?, until: time(row, "until")?, since }))
}

/// Reads an artifact and the pin on its run.
pub(super) fn kept(row: &impl Cells) -> Result<KeptArtifact, sqlx::Error> {
    Ok(KeptArtifact { artifact: artifact(row)?, pin: pin(row)? })
}

/// Reads a due removal.
pub(super) fn due(row: &impl Cells, reason: DueFor) -> Result<DueArtifact, sqlx::Error> {
    let artifact = artifact(row)?;
    let failures = u32::try_from(number(row, "failures")?).unwrap_or(u32::MAX);
    Ok(match reason {
        DueFor::Replaced => {
            DueArtifact { key: must("former_key", row.text("former_key")?)?, upload: None, failures, artifact }
        }
        DueFor::Expired | DueFor::Abandoned | DueFor::Removed => {
            DueArtifact { key: artifact.key.clone(), upload: row.text("upload")?, failures, artifact }
        }
    })
}

/// Reads the row of totals.
pub(super) fn totals(row: &impl Cells) -> Result<Totals, sqlx::Error> {
    Ok(Totals {
        artifacts: number(row, "artifacts")?,
        bytes: number(row, "bytes")?,
        stored_bytes: number(row, "stored_bytes")?,
        due: number(row, "due")?,
    })
}

/// Reads a number from a column that is never null.
pub(super) fn number(row: &impl Cells, column: &str) -> Result<u64, sqlx::Error> {
    must(column, size(row, column)?)
}

fn size(row: &impl Cells, column: &str) -> Result<Option<u64>, sqlx::Error> {
    Ok(row.integer(column)?.map(|size| size as u64))
}

fn time(row: &impl Cells, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.integer(column)?.map(Timestamp::from_millis))
}

/// Parses a text. A text that can't be parsed was written by another version.
fn word<T>(row: &impl Cells, column: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, sqlx::Error> {
    let Some(text) = row.text(column)? else { return Ok(None) };
    match parse(&text) {
        Some(word) => Ok(Some(word)),
        None => Err(sqlx::Error::Decode(format!("{column} of an artifact is {text:?}").into())),
    }
}

fn must<T>(column: &str, value: Option<T>) -> Result<T, sqlx::Error> {
    value.ok_or_else(|| sqlx::Error::Decode(format!("an artifact has no {column}").into()))
}
