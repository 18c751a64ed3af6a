//! A run's file is read back as it was written, and refused by its line when it is not.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use super::read::{Item, Next, RunLogReader, check};
use super::write::RunLogWriter;
use crate::protocol::artifact::Method;
use crate::protocol::status::RunStatus;
use crate::protocol::verdict::ProducerState;
use crate::protocol::{
    ArtifactKind, ArtifactName, ArtifactState, ContentCoding, Cursor, Epoch, Lineage, Lines, Pin, ProducerId, RunId,
    Segment, Sha256, Timestamp,
};
use crate::storage::catalog::artifacts::{ArtifactRow, StoredForm};
use crate::storage::journal::append_rules::Mark;
use crate::storage::journal::moving::{MovedMark, MovedRun};
use crate::storage::journal::{Head, RunPhase};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn moved() -> MovedRun {
    let head = Head {
        lineage: Lineage::new(vec![(Epoch(3), 1), (Epoch(5), 3), (Epoch(7), 4)]),
        tip: 3,
        phase: RunPhase::Sealed,
        status: Some(RunStatus::Passed),
        bytes: 40,
        control_bytes: 10,
        created_at: AT,
        last_at: AT.plus_millis(9),
        active_at: AT.plus_millis(4),
        control: Some(Cursor { epoch: Some(Epoch(5)), seq: 3 }),
        steered: true,
        ..Head::unborn()
    };
    let worker = Mark { high: 7, state: Some(ProducerState { joined: true, ..ProducerState::default() }) };
    let mark = |producer: &str, mark, used_at| MovedMark { producer: ProducerId::from_stored(producer), mark, used_at };
    let marks = vec![mark("p", Mark { high: 2, state: None }, 2), mark("w", worker, 3)];
    MovedRun { run: RunId::parse("r:1").unwrap(), head, marks, due: Some(AT.plus_millis(60)) }
}

fn segment(epoch: u64, first: u64, text: &'static str) -> Segment {
    Segment::new(Epoch(epoch), first, AT, Lines::from_stored(Bytes::from_static(text.as_bytes())))
}

fn artifact() -> ArtifactRow {
    let stored = StoredForm {
        size: 5,
        sha256: Sha256([1; 32]),
        coding: ContentCoding::Gzip,
        method: Method::Gzip,
        decoded: Some(9),
    };
    ArtifactRow {
        run: moved().run,
        name: ArtifactName::parse("trace \"ü\".zip").unwrap(),
        kind: ArtifactKind::Trace,
        content_type: "application/zip".into(),
        test: Some("t".into()),
        state: ArtifactState::Ready,
        key: "runs/r_1/x/trace.zip".into(),
        direct: true,
        size: Some(9),
        sha256: Some(Sha256([2; 32])),
        stored: Some(stored),
        idempotency_key: Some("k".into()),
        created_at: AT,
        ..ArtifactRow::sample()
    }
}

fn write(path: &Path, artifact: &ArtifactRow, pin: &Pin) {
    let mut writer = RunLogWriter::begin(path, &moved()).unwrap();
    writer.segment(&segment(3, 1, "{\"type\":\"log\",\"text\":\"\\ud800 é\"}\n{\"type\":\"x\"}")).unwrap();
    writer.segment(&segment(5, 3, "{\"type\":\"sealed\"}").with_control()).unwrap();
    writer.artifact(artifact).unwrap();
    writer.artifact(&ArtifactRow { state: ArtifactState::Pending, ..artifact.clone() }).unwrap();
    writer.pin(pin).unwrap();
    let end = writer.finish(path).unwrap();
    assert_eq!((end.segments, end.events, end.artifacts), (2, 3, 1));
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("r.runlog");
    let (artifact, pin) = (artifact(), Pin { reason: "why".into(), until: None, since: AT });
    write(&path, &artifact, &pin);
    assert!(RunLogWriter::begin(&path, &moved()).err().unwrap().to_string().ends_with("exists already"));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing else is left");

    check(&path).unwrap();
    let mut reader = RunLogReader::open(&path).unwrap();
    assert_eq!(reader.moved, moved());
    let mut read = Vec::new();
    while let Next::Item(item) = reader.next().unwrap() {
        read.push(match item {
            Item::Segment(segment) => {
                let text = String::from_utf8(segment.lines().bytes().to_vec()).unwrap();
                format!("{} {} {} {text}", segment.epoch(), segment.first(), segment.is_control())
            }
            Item::Artifact(row) => format!("{}", *row == artifact),
            Item::Pin(read) => format!("{}", read == pin),
        });
    }
    let events = "3 1 false {\"type\":\"log\",\"text\":\"\\ud800 é\"}\n{\"type\":\"x\"}";
    assert_eq!(read, [events, "5 3 true {\"type\":\"sealed\"}", "true", "true"]);
}

#[test]
fn a_log_with_a_hole_is_not_written() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = RunLogWriter::begin(&home.path().join("r.runlog"), &moved()).unwrap();
    let refused = writer.segment(&segment(5, 3, "{\"type\":\"sealed\"}")).unwrap_err().to_string();
    assert!(refused.starts_with("the log goes on with event 3 instead of 1"), "{refused}");
}

#[test]
fn a_damaged_file_is_refused_by_its_line() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("r.runlog");
    write(&path, &artifact(), &Pin { reason: "why".into(), until: None, since: AT });
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let without_end = lines[..lines.len() - 1].join("\n") + "\n";
    for (text, said) in [
        (whole.replace("{\"type\":\"x\"}", "{\"type\":\"y\"}"), "line 9: the file is damaged: its SHA-256 is"),
        (whole.replace("{\"type\":\"x\"}", "no event"), "line 4: is no event"),
        (whole.replace("\"first\":3", "\"first\":4"), "line 5: begins at event 4 instead of 3"),
        (whole.replace("\"epoch\":5", "\"epoch\":4"), "line 5: epoch 4 did not store event 3"),
        (whole.replace("\"tip\":3", "\"tip\":2"), "line 1 is no run"),
        (whole.replace("\"tip\":3", "\"tip\":18446744073709551615"), "line 9: the file is damaged"),
        (whole.replace("\"sha256\":\"0202", "\"sha256\":\"x202"), "line 7: is no artifact"),
        (whole.replace("\"runcastLog\":1", "\"runcastLog\":2"), "has format version 2, and the newest"),
        (without_end, "line 9: the file is broken off"),
        (whole[..whole.len() - 3].to_owned(), "line 9: the file is broken off"),
        (whole.clone() + "x", "something stands behind the end"),
        ("{}\n".to_owned(), "is no file of runcast export-log"),
        (String::new(), "the file is broken off"),
    ] {
        fs::write(&path, text).unwrap();
        let error = format!("{:#}", check(&path).unwrap_err());
        assert!(error.contains(said), "{said}: {error}");
    }
}
