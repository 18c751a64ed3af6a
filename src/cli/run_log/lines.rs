//! The lines of a run's file: the run, its segments, its artifacts, the end. `docs/internals/moving.md` describes them.
//!
//! All times are milliseconds since 1970, UTC.

use serde::{Deserialize, Serialize};

use crate::protocol::artifact::Method;
use crate::protocol::status::RunStatus;
use crate::protocol::verdict::ProducerState;
use crate::protocol::{
    ArtifactId, ArtifactKind, ArtifactName, ArtifactState, ContentCoding, Cursor, Epoch, Lineage, Pin, ProducerId,
    RunId, Seq, Sha256, Timestamp,
};
use crate::storage::catalog::artifacts::{ArtifactRow, StoredForm};
use crate::storage::journal::append_rules::Mark;
use crate::storage::journal::moving::{MovedMark, MovedRun};
use crate::storage::journal::{Head, RunPhase};

/// The version of the file's form.
pub(super) const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FirstLine {
    /// [`FORMAT`] of the build that wrote it.
    pub(super) runcast_log: u32,
    /// That build's version.
    pub(super) version: String,
    pub(super) exported_at: i64,
    pub(super) run: RunLine,
}

/// Any other line that is no event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum OtherLine {
    /// As many events as it says follow, a line each.
    Segment(SegmentLine),
    Artifact(Box<ArtifactLine>),
    Pin(PinLine),
    End(EndLine),
}

/// A run without its events.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunLine {
    run_id: String,
    /// Each epoch with its first seq.
    lineage: Vec<(u64, Seq)>,
    tip: Seq,
    sealed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<RunStatus>,
    bytes: u64,
    control_bytes: u64,
    created_at: i64,
    last_at: i64,
    active_at: i64,
    /// Epoch and seq of the last control event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control: Option<(u64, Seq)>,
    steered: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
    producers: Vec<ProducerLine>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProducerLine {
    producer: String,
    /// The highest number that is stored.
    high: u64,
    /// The run's tip when it was stored.
    used_at: Seq,
    /// How it stands in the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<ProducerState>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SegmentLine {
    pub(super) epoch: u64,
    pub(super) first: Seq,
    pub(super) events: u64,
    pub(super) at: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) control: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLine {
    artifact_id: String,
    name: String,
    kind: ArtifactKind,
    content_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test: Option<String>,
    key: String,
    direct: bool,
    size: u64,
    sha256: String,
    stored_size: u64,
    stored_sha256: String,
    coding: String,
    method: String,
    decoded_size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    created_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PinLine {
    reason: String,
    until: Option<i64>,
    since: i64,
}

/// What a file had before its last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndLine {
    pub(super) segments: u64,
    pub(super) events: u64,
    pub(super) artifacts: u64,
    /// SHA-256 of all bytes before this line.
    pub(super) sha256: String,
}

impl RunLine {
    pub(super) fn of(moved: &MovedRun) -> Self {
        let MovedRun { run, head, marks, due } = moved;
        let producer = |moved: &MovedMark| ProducerLine {
            producer: moved.producer.as_str().to_owned(),
            high: moved.mark.high,
            used_at: moved.used_at,
            state: moved.mark.state.clone(),
        };
        Self {
            run_id: run.to_string(),
            lineage: head.lineage.entries().iter().map(|(epoch, first)| (epoch.0, *first)).collect(),
            tip: head.tip,
            sealed: head.phase == RunPhase::Sealed,
            status: head.status,
            bytes: head.bytes,
            control_bytes: head.control_bytes,
            created_at: head.created_at.as_millis(),
            last_at: head.last_at.as_millis(),
            active_at: head.active_at.as_millis(),
            control: head.control.and_then(|control| Some((control.epoch?.0, control.seq))),
            steered: head.steered,
            due: due.map(Timestamp::as_millis),
            producers: marks.iter().map(producer).collect(),
        }
    }

    /// The run; `None` when the line says what no run can be.
    pub(super) fn moved(self) -> Option<MovedRun> {
        let grows = |pair: &[(u64, Seq)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
        let begins = self.lineage.first().is_some_and(|(_, first)| *first == 1);
        let last = self.lineage.last().map_or(0, |(_, first)| *first);
        if !begins || !self.lineage.windows(2).all(grows) || self.tip == 0 || last > self.tip.saturating_add(1) {
            return None;
        }
        let lineage = self.lineage.into_iter().map(|(epoch, first)| (Epoch(epoch), first)).collect();
        let head = Head {
            lineage: Lineage::new(lineage),
            tip: self.tip,
            first: 1,
            phase: if self.sealed { RunPhase::Sealed } else { RunPhase::Live },
            status: self.status,
            bytes: self.bytes,
            control_bytes: self.control_bytes,
            created_at: Timestamp::from_millis(self.created_at),
            last_at: Timestamp::from_millis(self.last_at),
            active_at: Timestamp::from_millis(self.active_at),
            control: self.control.map(|(epoch, seq)| Cursor { epoch: Some(Epoch(epoch)), seq }),
            steered: self.steered,
            incarnation: None,
        };
        let mark = |line: ProducerLine| MovedMark {
            producer: ProducerId::from_stored(&line.producer),
            mark: Mark { high: line.high, state: line.state },
            used_at: line.used_at,
        };
        let marks = self.producers.into_iter().map(mark).collect();
        let due = self.due.map(Timestamp::from_millis);
        Some(MovedRun { run: RunId::parse(&self.run_id).ok()?, head, marks, due })
    }
}

impl ArtifactLine {
    /// The line of an artifact; `None` unless it is ready.
    pub(super) fn of(row: &ArtifactRow) -> Option<Self> {
        let stored = row.stored.filter(|_| row.state == ArtifactState::Ready)?;
        let (size, sha256) = (row.size?, row.sha256?);
        Some(Self {
            artifact_id: row.id.to_string(),
            name: row.name.as_str().to_owned(),
            kind: row.kind,
            content_type: row.content_type.clone(),
            test: row.test.clone(),
            key: row.key.clone(),
            direct: row.direct,
            size,
            sha256: sha256.to_string(),
            stored_size: stored.size,
            stored_sha256: stored.sha256.to_string(),
            coding: stored.coding.as_str().into(),
            method: stored.method.as_str().into(),
            decoded_size: stored.decoded,
            idempotency_key: row.idempotency_key.clone(),
            created_at: row.created_at.as_millis(),
        })
    }

    /// The artifact of a run; `None` when the line says what no artifact can be.
    pub(super) fn row(self, run: &RunId) -> Option<ArtifactRow> {
        let digest = |text: String| Sha256::parse_hex(&text);
        Some(ArtifactRow {
            id: ArtifactId::parse(&self.artifact_id)?,
            run: run.clone(),
            name: ArtifactName::parse(&self.name).ok()?,
            kind: self.kind,
            content_type: self.content_type,
            test: self.test,
            state: ArtifactState::Ready,
            key: self.key,
            direct: self.direct,
            size: Some(self.size),
            sha256: Some(digest(self.sha256)?),
            stored: Some(StoredForm {
                size: self.stored_size,
                sha256: digest(self.stored_sha256)?,
                coding: ContentCoding::parse(&self.coding)?,
                method: Method::parse(&self.method)?,
                decoded: self.decoded_size,
            }),
            failure: None,
            idempotency_key: self.idempotency_key,
            created_at: Timestamp::from_millis(self.created_at),
            deleted_at: None,
        })
    }
}

impl PinLine {
    pub(super) fn of(pin: &Pin) -> Self {
        let until = pin.until.map(Timestamp::as_millis);
        Self { reason: pin.reason.clone(), until, since: pin.since.as_millis() }
    }

    pub(super) fn pin(self) -> Pin {
        let until = self.until.map(Timestamp::from_millis);
        Pin { reason: self.reason, until, since: Timestamp::from_millis(self.since) }
    }
}
