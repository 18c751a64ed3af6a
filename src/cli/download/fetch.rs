//! Downloads one artifact: what broke off goes on, and what is there already stays.

use std::fs;
use std::io;
use std::path::Path;

use reqwest::header::{ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::super::artifacts::listing::ShownArtifact;
use super::super::progress::FileBar;
use super::super::request::{ATTEMPT, AskError, Failed, PartFile, Patience, Servers, answer, read, read_body, respond};
use super::super::upload::SourceRead;
use super::DownloadArgs;
use super::place::make_folders;
use crate::protocol::artifact::safe_part;

/// Downloads artifacts; what is common to all of them.
pub(super) struct Fetching<'a> {
    pub(super) args: &'a DownloadArgs,
    pub(super) servers: Servers,
    /// The client for the URLs of files, which may be those of a store.
    pub(super) files: Client,
}

/// What became of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// It is there now, with so many bytes.
    Downloaded(u64),
    /// The file was there, and is this artifact.
    AlreadyThere,
    /// A file of this name was there, and can't be compared with what is stored.
    Unlike,
}

/// Why an artifact was not downloaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("another file is there: --overwrite replaces it")]
    Taken,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Asked(#[from] AskError),
}

/// Where the bytes are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DownloadPlace {
    download_url: String,
    sha256: Option<String>,
    /// Whether they are the original's.
    exact: bool,
}

impl Fetching<'_> {
    /// Downloads an artifact to `place` below the directory.
    pub(super) async fn fetch(
        &self,
        artifact: &ShownArtifact,
        place: &Path,
        bar: &FileBar<'_>,
    ) -> Result<Fetched, FetchError> {
        let path = self.args.dir.join(place);
        if !self.args.overwrite
            && let Some(there) = existing(&path, artifact).await?
        {
            return Ok(there);
        }
        make_folders(&self.args.dir, place)?;
        let mut part = PartFile::open(&path, &safe_part(&artifact.artifact_id))?;
        let (mut patience, mut mark) = (Patience::new(self.args.asking.patience()), None);
        let mut has_restarted = false;
        loop {
            let before = part.size()?;
            let failed = match self.attempt(artifact, &mut part, &mut mark, bar).await {
                Ok(None) => {
                    let size = part.size()?;
                    part.finish()?;
                    return Ok(Fetched::Downloaded(size));
                }
                // What was there of another time, or on its way, was not this.
                Ok(Some(wrong)) if has_restarted => {
                    part.discard();
                    return Err(AskError::Failed(wrong).into());
                }
                Ok(Some(wrong)) => {
                    has_restarted = true;
                    part.clear()?;
                    bar.ends(format_args!("{wrong}; once more"));
                    continue;
                }
                Err(Failed::Again(reason, after)) => (reason, after),
                Err(Failed::ForGood(error)) => return Err(error.into()),
            };
            if part.size()? > before {
                patience = Patience::new(self.args.asking.patience());
            }
            let (pause, retry) = patience.pause(&failed.0, failed.1).map_err(|error| self.servers.hinting(error))?;
            bar.waits(&retry);
            sleep(pause).await;
        }
    }

    /// Reads what is missing. `Some` says why what is there now is not the artifact.
    async fn attempt(
        &self,
        artifact: &ShownArtifact,
        part: &mut PartFile,
        mark: &mut Option<HeaderValue>,
        bar: &FileBar<'_>,
    ) -> Result<Option<String>, Failed> {
        let unwritten = |error: io::Error| Failed::ForGood(AskError::Failed(format!("writing it: {error}")));
        let asking = self.servers.ask(|client, server| {
            answer(client.get(server.download(&self.args.run, &artifact.artifact_id)).timeout(ATTEMPT))
        });
        let place: DownloadPlace = read(&asking.await?).map_err(Failed::ForGood)?;
        let there = part.size().map_err(unwritten)?;
        // What another process has left is the same bytes only where they are the original's.
        let goes_on = there > 0 && (place.exact || mark.is_some());
        if !goes_on {
            part.clear().map_err(unwritten)?;
        }
        let is_whole = place.exact && artifact.size == Some(there);
        if !(goes_on && is_whole) {
            let response = self.ask_for(&place.download_url, goes_on.then_some(there), mark.as_ref()).await?;
            *mark = response.headers().get(ETAG).cloned();
            if response.status() != StatusCode::PARTIAL_CONTENT {
                part.clear().map_err(unwritten)?;
            }
            let begun = part.size().map_err(unwritten)?;
            let bar = bar.of(artifact.size.unwrap_or_default());
            bar.set_position(begun);
            let all = response.content_length().map(|length| begun + length);
            read_body(response, |piece| {
                bar.inc(piece.len() as u64);
                part.write(piece)
            })
            .await?;
            let size = part.size().map_err(unwritten)?;
            if all.is_some_and(|all| all != size) {
                return Err(Failed::Again("it broke off".into(), None));
            }
        }
        if !place.exact || place.sha256.is_none() {
            return Ok(None);
        }
        let read = SourceRead::of(part.part()).await.map_err(unwritten)?;
        let is_it = place.sha256.as_deref() == Some(read.sha256().as_str());
        Ok((!is_it).then(|| "what came has another digest than what was uploaded".to_owned()))
    }

    async fn ask_for(&self, url: &str, from: Option<u64>, mark: Option<&HeaderValue>) -> Result<Response, Failed> {
        let mut request = self.files.get(url);
        if let Some(from) = from {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(mark) = mark {
                request = request.header(IF_RANGE, mark);
            }
        }
        match timeout(ATTEMPT, respond(request)).await {
            Err(_) => Err(Failed::Again("no answer in time".into(), None)),
            // What is there is more than there should be.
            Ok(Err(Failed::ForGood(AskError::Refused { status: StatusCode::RANGE_NOT_SATISFIABLE, .. })))
                if from.is_some() =>
            {
                Box::pin(self.ask_for(url, None, None)).await
            }
            // A signed URL may have expired on the way.
            Ok(Err(Failed::ForGood(AskError::Refused { status: StatusCode::FORBIDDEN, detail, .. }))) => {
                Err(Failed::Again(detail, None))
            }
            Ok(response) => response,
        }
    }
}

/// What is there already in the artifact's place.
async fn existing(path: &Path, artifact: &ShownArtifact) -> Result<Option<Fetched>, FetchError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
        Ok(meta) if !meta.is_file() => return Err(FetchError::Taken),
        Ok(_) => {}
    }
    let read = SourceRead::of(path).await?;
    if read.is_that_of(artifact) {
        return Ok(Some(Fetched::AlreadyThere));
    }
    let is_exact = artifact.sha256.is_some() && artifact.method.as_deref() != Some("rezipped");
    if is_exact { Err(FetchError::Taken) } else { Ok(Some(Fetched::Unlike)) }
}
