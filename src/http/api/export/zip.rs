//! Everything of a run as a zip file, while it is read: the log, its state, reports, and all artifacts.
//!
//! A thread that may wait packs what a task on the worker thread reads. Both wait for whoever takes the file.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use actix_web::web;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use futures_util::TryStreamExt as _;
use futures_util::stream::{self, Stream};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::info;

use super::super::super::rooms::Rooms;
use super::filled;
use super::gather::ExportState;
use super::pictures::ArtifactExportError;
use crate::actors::messages::room::{Freshness, ReadFrom};
use crate::artifacts::ArtifactService;
use crate::budget::{Budget, Buffer};
use crate::compression::decode::decoded;
use crate::protocol::cursor::Place;
use crate::protocol::{After, RunId};
use crate::report::{ReportRun, ReportTest, html, junit};
use crate::storage::catalog::artifacts::ArtifactRow;
use crate::tasks;

/// Bytes of the log that are read at once.
const PAGE_BYTES: usize = 1024 * 1024;
/// Pieces on their way, in each direction.
const PIECES: usize = 4;
/// Bytes of a piece of the file.
const PIECE: usize = 64 * 1024;
/// Artifacts that are listed at once.
const LISTED: usize = 200;
/// How hard the log is packed: 1 to 9.
const LEVEL: u32 = 4;

/// What goes into the file.
pub(super) struct ZipParts {
    pub(super) run: RunId,
    pub(super) state: Arc<ExportState>,
    pub(super) rooms: web::Data<Rooms>,
    pub(super) artifacts: Option<ArtifactService>,
    /// What the reports take their memory from.
    pub(super) budget: Budget,
    pub(super) permit: OwnedSemaphorePermit,
}

/// What the packing thread is told.
enum Packing {
    /// A file begins. Its data is packed, or stored as it is.
    File { name: String, packed: bool },
    /// Some of its data.
    Data(Bytes),
    /// All files are there.
    End,
}

/// The file cannot be finished.
#[derive(Debug, thiserror::Error)]
enum ZipHalt {
    #[error("whoever wanted the file has gone")]
    Gone,
    #[error("{0}")]
    Failed(String),
}

/// The file, piece by piece. When it can't be finished it ends in an error, and no tool takes what there is for whole.
pub(super) fn stream(parts: ZipParts) -> impl Stream<Item = io::Result<Bytes>> {
    let (told, heard) = mpsc::channel(PIECES);
    let (written, taken) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    let failed = written.clone();
    drop(tasks::spawn_blocking("export_packing", move || pack(heard, written)));
    drop(tasks::spawn_local("export", async move {
        let run = parts.run.clone();
        if let Err(error) = fill(parts, told).await {
            info!(%run, %error, "an export was not finished");
            let _ = failed.send(Err(io::Error::other(error.to_string()))).await;
        }
    }));
    stream::unfold(taken, |mut taken| async move { Some((taken.recv().await?, taken)) })
}

/// Collects what is written, and sends it in pieces.
struct Pieces {
    to: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.to.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Packs what is heard. Only a file whose end was heard gets a directory.
fn pack(mut heard: mpsc::Receiver<Packing>, to: mpsc::Sender<io::Result<Bytes>>) -> Result<(), rawzip::Error> {
    let mut zip = ZipArchiveWriter::new(Pieces { to, piece: Vec::with_capacity(PIECE) });
    let mut next = heard.blocking_recv();
    while let Some(Packing::File { name, packed }) = next {
        let method = if packed { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
        let (mut entry, config) = zip.new_file(&name).compression_method(method).start()?;
        let output = if packed {
            let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::new(LEVEL)));
            next = copy(&mut heard, &mut data)?;
            let (encoder, output) = data.finish()?;
            encoder.finish()?;
            output
        } else {
            let mut data = config.wrap(&mut entry);
            next = copy(&mut heard, &mut data)?;
            data.finish()?.1
        };
        entry.finish(output)?;
    }
    if matches!(next, Some(Packing::End)) {
        zip.finish()?.send()?;
    }
    Ok(())
}

/// Writes the data of a file; what comes behind it.
fn copy(heard: &mut mpsc::Receiver<Packing>, to: &mut impl Write) -> io::Result<Option<Packing>> {
    loop {
        match heard.blocking_recv() {
            Some(Packing::Data(data)) => to.write_all(&data)?,
            other => return Ok(other),
        }
    }
}

async fn fill(parts: ZipParts, told: mpsc::Sender<Packing>) -> Result<(), ZipHalt> {
    let ZipParts { run, state, rooms, artifacts, budget, permit } = parts;
    let file = async |name: &str, data: Vec<Bytes>| {
        tell(&told, Packing::File { name: name.to_owned(), packed: true }).await?;
        for piece in data {
            tell(&told, Packing::Data(piece)).await?;
        }
        Ok::<_, ZipHalt>(())
    };
    tell(&told, Packing::File { name: "events.ndjson".into(), packed: true }).await?;
    fill_log(&run, &rooms, &told).await?;
    let xml = Buffer::new(&budget);
    let xml = state.report(|run, tests| filled(xml, |xml| junit::write(run, tests, xml))).await.map_err(failed)?;
    file("junit.xml", Arc::new(xml.map_err(failed)?).share()).await?;
    let page = Buffer::new(&budget);
    let write = |run: &ReportRun, tests: &[ReportTest<'_>]| {
        let parts = html::ReportParts { run, tests, pictures: &[], log: &[], log_is_cut: false };
        filled(page, |page| html::write(&parts, page))
    };
    let page = state.report(write).await.map_err(failed)?.map_err(failed)?;
    file("report.html", Arc::new(page).share()).await?;
    file("state.json", vec![state.overview.clone().into()]).await?;
    tell(&told, Packing::File { name: "tests.ndjson".into(), packed: true }).await?;
    for page in &state.pages {
        tell(&told, Packing::Data(format!("{page}\n").into())).await?;
    }
    if let Some(artifacts) = artifacts {
        let listed = fill_artifacts(&run, &artifacts, &told).await?;
        file("artifacts.json", vec![listed.into()]).await?;
    }
    tell(&told, Packing::End).await?;
    drop(permit);
    Ok(())
}

async fn tell(told: &mpsc::Sender<Packing>, what: Packing) -> Result<(), ZipHalt> {
    told.send(what).await.map_err(|_| ZipHalt::Gone)
}

fn failed(error: impl std::fmt::Display) -> ZipHalt {
    ZipHalt::Failed(error.to_string())
}

async fn fill_log(run: &RunId, rooms: &Rooms, told: &mpsc::Sender<Packing>) -> Result<(), ZipHalt> {
    let mut from = ReadFrom::After(After::Start);
    loop {
        let (page, _) = rooms.read(run, from, PAGE_BYTES, Freshness::AsStored).await.map_err(failed)?;
        for segment in &page.segments {
            let encoded = segment.encoded(crate::protocol::segment::Encoding::NdJson);
            tell(told, Packing::Data(encoded.bytes().clone())).await?;
        }
        // A gap comes without segments: the place is behind it.
        let next = page.segments.last().map_or(page.place.next, |last| last.last() + 1);
        if next > page.tip {
            return Ok(());
        }
        from = ReadFrom::Place(Place { epoch: page.epoch, next });
    }
}

/// Puts all artifacts into the file, and says which of them are not in it.
async fn fill_artifacts(
    run: &RunId,
    artifacts: &ArtifactService,
    told: &mpsc::Sender<Packing>,
) -> Result<String, ZipHalt> {
    let (mut listed, mut names, mut after) = (Vec::new(), BTreeSet::new(), None);
    loop {
        let page = artifacts.list(run, after, LISTED).await.map_err(failed)?;
        after = page.artifacts.last().map(|kept| kept.artifact.id);
        for row in page.artifacts.into_iter().map(|kept| kept.artifact) {
            let name = entry_name(&row, &mut names);
            let error = match fill_artifact(artifacts, &row, &name, told).await? {
                Ok(()) => None,
                Err(error) => Some(error.to_string()),
            };
            listed.push(json!({
                "artifactId": row.id, "name": row.name, "kind": row.kind, "contentType": row.content_type,
                "test": row.test, "size": row.size, "file": error.is_none().then_some(&name), "error": error,
            }));
        }
        if !page.more {
            return serde_json::to_string_pretty(&listed).map_err(failed);
        }
    }
}

/// Puts an artifact into the file, as it was before it was stored. An error that comes before its first byte leaves the
/// file whole.
async fn fill_artifact(
    artifacts: &ArtifactService,
    row: &ArtifactRow,
    name: &str,
    told: &mpsc::Sender<Packing>,
) -> Result<Result<(), ArtifactExportError>, ZipHalt> {
    let Some(stored) = row.stored else { return Ok(Err(io::Error::other("it was not uploaded").into())) };
    let body = match artifacts.read(row, None).await {
        Ok(body) => body,
        Err(error) => return Ok(Err(error.into())),
    };
    tell(told, Packing::File { name: name.to_owned(), packed: false }).await?;
    let mut pieces = decoded(stored.coding, body.stream.map_err(io::Error::other));
    while let Some(piece) = pieces.try_next().await.map_err(failed)? {
        tell(told, Packing::Data(piece)).await?;
    }
    Ok(Ok(()))
}

/// A name that is no path to elsewhere on any system, and that no other artifact has.
fn entry_name(row: &ArtifactRow, taken: &mut BTreeSet<String>) -> String {
    let name = row.name.in_key();
    let name = if taken.contains(&name.to_ascii_lowercase()) { format!("{}-{name}", row.id) } else { name };
    taken.insert(name.to_ascii_lowercase());
    format!("artifacts/{name}")
}
