//! `/api/runs/{runId}/artifacts/{artifactId}/content`: the bytes of an artifact, for whoever has a URL that we signed.
//! The route serves what no store hands out by itself: objects in a directory, and those that are decoded on the way.
//!
//! Nothing that was uploaded can run with the rights of our origin: it is sandboxed, never sniffed, and shown only if
//! its type runs nothing.

use std::io;
use std::ops::Range;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, ByteRangeSpec, ContentType, ETag, EntityTag, Header as _, IfNoneMatch, IfRange};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::super::super::edge::{ArtifactsEdge, Bodies};
use super::super::super::problem::Problem;
use super::ids;
use crate::artifacts::{ArtifactError, ArtifactService, content_disposition, is_shown};
use crate::compression::decode::decoded;
use crate::protocol::{ContentCoding, artifact};
use crate::storage::catalog::artifacts::ArtifactRow;
use crate::storage::objects::ObjectsError;
use crate::storage::objects::signing::{Disposition, Grant};

/// The policy of a document that is an artifact: it runs nothing and loads nothing.
const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'";

/// What the request's signed URL allows.
fn granted(artifacts: &ArtifactService, request: &HttpRequest) -> Result<Grant, Problem> {
    Ok(artifacts.granted(request.method().as_str(), request.uri().path(), request.query_string())?)
}

/// `GET` and `HEAD`: reads an artifact.
pub(in crate::http) async fn get(
    edge: web::Data<ArtifactsEdge>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let artifacts = edge.service()?;
    let grant = granted(artifacts, &request)?;
    let (run, id) = ids(&path)?;
    let row = artifacts.find_ready(&run, id).await?.artifact;
    let Some(stored) = row.stored else { return Err(ArtifactError::NotReady(row.state, None).into()) };
    let mut response = described(&row, grant.disposition);
    if !grant.decoded || stored.coding == ContentCoding::Identity {
        if stored.coding != ContentCoding::Identity {
            response.insert_header((header::CONTENT_ENCODING, stored.coding.as_str()));
        }
        let tag = EntityTag::new_strong(stored.sha256.to_string());
        let read = async |part| Ok(artifacts.read(&row, part).await.map_err(not_lost)?.stream);
        return sized(&request, stored.size, tag, &mut response, read).await;
    }
    // Except for a rebuilt zip file the decoded bytes are the original's, so that a broken download of the original can
    // go on.
    let exact = row.sha256.filter(|_| stored.method != artifact::Method::Rezipped);
    let tag = exact.map_or_else(|| format!("{}-decoded", stored.sha256), |sha256| sha256.to_string());
    let tag = EntityTag::new_strong(tag);
    let read = async || {
        let body = artifacts.read(&row, None).await.map_err(not_lost)?;
        Ok(decoded(stored.coding, body.stream.map_err(io::Error::other)))
    };
    match row.decoded_size() {
        Some(size) => {
            let part = async |part: Option<Range<u64>>| Ok(part_of(read().await?, part.unwrap_or(0..size), size));
            sized(&request, size, tag, &mut response, part).await
        }
        None => of_unknown_size(&request, tag, &mut response, read).await,
    }
}

/// The head that all answers share.
fn described(row: &ArtifactRow, disposition: Disposition) -> HttpResponseBuilder {
    let shown = disposition == Disposition::Inline && is_shown(&row.content_type);
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, row.content_type.as_str()))
        .insert_header((header::CONTENT_DISPOSITION, content_disposition(row.name.as_str(), shown)))
        .insert_header((header::CACHE_CONTROL, "private, no-transform, max-age=3600"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, SANDBOX))
        .insert_header(("cross-origin-resource-policy", "cross-origin"));
    response
}

/// Answers with a body of unknown length, of which no range can be asked for.
async fn of_unknown_size(
    request: &HttpRequest,
    tag: EntityTag,
    response: &mut HttpResponseBuilder,
    read: impl AsyncFnOnce() -> Result<Pieces<io::Error>, Problem>,
) -> Result<HttpResponse, Problem> {
    if let Some(unchanged) = unchanged(request, &tag) {
        return Ok(unchanged);
    }
    response.insert_header(ETag(tag)).insert_header((header::ACCEPT_RANGES, "none"));
    if request.method() == Method::HEAD {
        // Without a length, as the answer to a GET has none.
        return Ok(response.streaming(stream::empty::<io::Result<Bytes>>()));
    }
    Ok(response.streaming(read().await?))
}

/// Answers with a body of `size` bytes, or a range of it (RFC 9110, 14).
async fn sized<E: std::error::Error + 'static>(
    request: &HttpRequest,
    size: u64,
    tag: EntityTag,
    response: &mut HttpResponseBuilder,
    read: impl AsyncFnOnce(Option<Range<u64>>) -> Result<Pieces<E>, Problem>,
) -> Result<HttpResponse, Problem> {
    if let Some(unchanged) = unchanged(request, &tag) {
        return Ok(unchanged);
    }
    response.insert_header((header::ACCEPT_RANGES, "bytes"));
    let range = match wanted(request, &tag, size) {
        WantedRange::All => 0..size,
        WantedRange::Part(range) => {
            let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            response.status(StatusCode::PARTIAL_CONTENT).insert_header((header::CONTENT_RANGE, content_range));
            range
        }
        WantedRange::Nothing => {
            return Ok(HttpResponse::RangeNotSatisfiable()
                .insert_header((header::CONTENT_RANGE, format!("bytes */{size}")))
                .finish());
        }
    };
    response.insert_header(ETag(tag));
    let length = range.end - range.start;
    if request.method() == Method::HEAD || length == 0 {
        return Ok(response.no_chunking(length).body(SizedStream::new(length, stream::empty::<io::Result<Bytes>>())));
    }
    let part = (length < size).then_some(range);
    Ok(response.body(SizedStream::new(length, read(part).await?)))
}

/// A body, piece by piece.
type Pieces<E> = BoxStream<'static, Result<Bytes, E>>;

/// A part of a stream that decodes to `size` bytes. What is before the part is decoded and thrown away piece by piece.
/// The last byte comes only once the decoder has found everything right.
fn part_of(whole: Pieces<io::Error>, part: Range<u64>, size: u64) -> Pieces<io::Error> {
    let cut = move |(whole, at): (Pieces<io::Error>, u64)| async move {
        let (mut whole, mut at) = (whole, at);
        while at < part.end
            && let Some(piece) = whole.try_next().await?
        {
            let (begins, ends) = (at, at + piece.len() as u64);
            at = ends;
            if ends > size || ends == size && whole.try_next().await?.is_some() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it decodes to more than it did"));
            }
            if ends > part.start {
                let from = part.start.saturating_sub(begins) as usize;
                let to = (part.end.min(ends) - begins) as usize;
                return Ok(Some((piece.slice(from..to), (whole, at))));
            }
        }
        Ok(None)
    };
    stream::try_unfold((whole, 0), cut).boxed()
}

/// Logs that an object is not where its row says: the store has lost it, and the caller made no mistake.
fn not_lost(error: ArtifactError) -> ArtifactError {
    if error == ArtifactError::Objects(ObjectsError::NotFound) {
        tracing::error!("an artifact's object is missing from the store");
    }
    error
}

/// The answer 304 to a client that has this version already.
fn unchanged(request: &HttpRequest, tag: &EntityTag) -> Option<HttpResponse> {
    let known = match IfNoneMatch::parse(request).ok()? {
        IfNoneMatch::Any => request.headers().contains_key(header::IF_NONE_MATCH),
        IfNoneMatch::Items(tags) => tags.iter().any(|theirs| theirs.weak_eq(tag)),
    };
    known.then(|| HttpResponse::NotModified().insert_header(ETag(tag.clone())).finish())
}

/// The part of a body that a request asks for.
enum WantedRange {
    All,
    Part(Range<u64>),
    Nothing,
}

/// The range that a request asks for. Several ranges, or a header that can't be read, are answered with the whole.
fn wanted(request: &HttpRequest, tag: &EntityTag, size: u64) -> WantedRange {
    if request.headers().contains_key(header::IF_RANGE) {
        match request.get_header::<IfRange>() {
            Some(IfRange::EntityTag(theirs)) if theirs.strong_eq(tag) => {}
            _ => return WantedRange::All,
        }
    }
    match request.get_header::<header::Range>() {
        Some(header::Range::Bytes(specs)) => match specs.as_slice() {
            [spec] => part(spec, size),
            _ => WantedRange::All,
        },
        _ => WantedRange::All,
    }
}

fn part(spec: &ByteRangeSpec, size: u64) -> WantedRange {
    match spec.to_satisfiable_range(size) {
        Some((first, last)) => WantedRange::Part(first..last + 1),
        None => WantedRange::Nothing,
    }
}

/// `PUT`: takes the bytes of a pending artifact into a directory.
pub(in crate::http) async fn put(
    edge: web::Data<ArtifactsEdge>,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let service = edge.service()?;
    granted(service, &request)?;
    let (run, id) = ids(&path)?;
    let row = service.find_pending(&run, id).await?;
    let permit = bodies.admit_upload(service).await?;
    service.put_pending(permit, &row, bodies.upload(&mut payload)).await?;
    Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).finish())
}
