//! The use cases without HTTP and without actors: the order of their steps, and what is left after each failure.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::testing::{LIMITS, parts_in};
use super::*;
use crate::protocol::{ArtifactName, ArtifactState, RunId, Sha256};
use crate::storage::catalog::artifacts::{ArtifactCatalog, KeptArtifact};

mod direct;
mod upload;

/// A service, and everything around it that a test looks at or injures.
struct TestBed {
    service: ArtifactService,
    node: Arc<TestNodePorts>,
    home: tempfile::TempDir,
    clock: Arc<AtomicI64>,
}

/// The ports of a node that notes what it is asked, and how far the artifact was then.
struct TestNodePorts {
    catalog: Arc<dyn ArtifactCatalog>,
    objects: PathBuf,
    steps: Mutex<Vec<String>>,
    events: Mutex<Vec<serde_json::Value>>,
    runs: Mutex<Runs>,
    compressing: Mutex<Compressing>,
}

#[derive(Clone, Copy)]
enum Runs {
    Open,
    Expired,
    /// The journal does not answer.
    Away,
    /// Takes no events.
    Sealed,
}

/// What happens to a file that is to become smaller.
#[derive(Clone)]
enum Compressing {
    Nothing,
    Refused,
    Panics,
    /// Its artifact is deleted meanwhile.
    Deleted,
    /// The directory of objects is taken away meanwhile.
    StoreLost,
    /// It takes until there is a permit.
    Waits(Arc<Semaphore>),
}

fn run() -> RunId {
    RunId::parse("r").unwrap()
}

fn new(name: &str) -> NewArtifact {
    NewArtifact {
        run: run(),
        name: ArtifactName::parse(name).unwrap(),
        kind: None,
        content_type: None,
        test: None,
        size: None,
        sha256: None,
        idempotency_key: None,
    }
}

/// Text that may become smaller, so that it goes through the spool.
fn text() -> Vec<u8> {
    b"a line of a log, as there are many\n".repeat(4_000)
}

fn digest(bytes: &[u8]) -> Sha256 {
    let mut digest = Digesting::default();
    digest.take(bytes);
    digest.sha256()
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap());
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

impl TestBed {
    async fn with(limits: ArtifactLimits) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (parts, clock) = parts_in(home.path(), limits, 0).await;
        let node = Arc::new(TestNodePorts {
            catalog: parts.catalog.clone(),
            objects: home.path().join("objects"),
            steps: Mutex::default(),
            events: Mutex::default(),
            runs: Mutex::new(Runs::Open),
            compressing: Mutex::new(Compressing::Nothing),
        });
        let ports = ArtifactPorts { runs: node.clone(), compressor: node.clone(), shows_traces: Arc::new(|| true) };
        Self { service: ArtifactService::new(Arc::new(parts), ports), node, home, clock }
    }

    async fn new() -> Self {
        Self::with(LIMITS).await
    }

    fn body(&self, pieces: impl IntoIterator<Item = Result<Bytes, &'static str>>) -> Pieces {
        Pieces { node: self.node.clone(), pieces: pieces.into_iter().collect::<Vec<_>>().into_iter() }
    }

    async fn upload(&self, new: NewArtifact, bytes: &[u8]) -> Result<Completed, Refusal> {
        let body = self.body([Ok(bytes.to_vec().into())]);
        self.service.upload(self.service.admit().unwrap(), new, body).await
    }

    async fn rows(&self) -> Vec<KeptArtifact> {
        self.service.list(&run(), None, 100).await.unwrap().artifacts
    }

    /// The only row: its state, and why it failed.
    async fn row(&self) -> (ArtifactState, Option<String>) {
        let [kept] = self.rows().await.try_into().unwrap();
        (kept.artifact.state, kept.artifact.failure)
    }

    fn steps(&self) -> Vec<String> {
        std::mem::take(&mut *self.node.steps.lock().unwrap())
    }

    /// Nothing is in the store, nothing in the spool but its lock, and the next upload may begin.
    fn nothing_is_left(&self) {
        assert_eq!((files(&self.node.objects), files(&self.home.path().join("spool"))), (0, 1), "objects and spool");
        assert!(self.service.admit().is_ok(), "the permit is given back");
    }
}

impl TestNodePorts {
    async fn note(&self, step: &str) {
        let rows = self.catalog.of_run(&run(), None, 100).await.unwrap();
        let state = rows.last().map_or("no row", |kept| kept.artifact.state.as_str());
        self.steps.lock().unwrap().push(format!("{step}: {state}, {} objects", files(&self.objects)));
    }
}

#[async_trait]
impl RunLog for TestNodePorts {
    async fn is_open(&self, _: &RunId) -> Result<bool, String> {
        self.note("run").await;
        match *self.runs.lock().unwrap() {
            Runs::Open | Runs::Sealed => Ok(true),
            Runs::Expired => Ok(false),
            Runs::Away => Err("the journal is away".into()),
        }
    }

    async fn is_known(&self, _: &RunId) -> Result<bool, String> {
        Ok(true)
    }

    async fn append(&self, _: &RunId, event: Bytes) -> Result<(), String> {
        self.note("event").await;
        if matches!(*self.runs.lock().unwrap(), Runs::Sealed) {
            return Err("the run is sealed".into());
        }
        self.events.lock().unwrap().push(serde_json::from_slice(&event).unwrap());
        Ok(())
    }
}

#[async_trait]
impl Compressor for TestNodePorts {
    async fn compress(&self, source: PathBuf, _: String) -> Result<Option<SmallerFile>, String> {
        self.note("compress").await;
        assert!(source.is_file());
        let compressing = self.compressing.lock().unwrap().clone();
        match compressing {
            Compressing::Nothing => {}
            Compressing::Refused => return Err("too many requests wait".into()),
            Compressing::Panics => panic!("as a test wants it"),
            Compressing::Deleted => {
                let [kept] = self.catalog.of_run(&run(), None, 100).await.unwrap().try_into().unwrap();
                let row = kept.artifact;
                assert!(self.catalog.remove(&row.run, row.id, row.created_at).await.unwrap());
            }
            Compressing::StoreLost => {
                std::fs::remove_dir_all(&self.objects).unwrap();
                std::fs::write(&self.objects, "no directory").unwrap();
            }
            Compressing::Waits(permits) => drop(permits.acquire().await.unwrap()),
        }
        Ok(None)
    }
}

/// A body of these pieces, each of which is noted as a step; it ends, or fails as its last piece says.
struct Pieces {
    node: Arc<TestNodePorts>,
    pieces: std::vec::IntoIter<Result<Bytes, &'static str>>,
}

impl UploadBody for Pieces {
    type Error = Refusal;

    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        let piece = self.pieces.next();
        self.node.note(if piece.is_some() { "piece" } else { "end" }).await;
        piece.transpose().map_err(Refusal::Body)
    }
}

/// Why an upload was refused: by the service, or by its body.
#[derive(Debug, PartialEq)]
enum Refusal {
    Artifact(ArtifactError),
    Body(&'static str),
}

impl From<ArtifactError> for Refusal {
    fn from(error: ArtifactError) -> Self {
        Self::Artifact(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Artifact(error) => write!(f, "the service: {error}"),
            Self::Body(reason) => write!(f, "the body: {reason}"),
        }
    }
}
