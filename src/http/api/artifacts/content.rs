//! `/api/runs/{runId}/artifacts/{artifactId}/content`: the bytes of an artifact, for whoever has a URL that we signed. It reads
//! what no store hands out by itself: a directory's objects, and what is decoded on the way.
//!
//! Nothing that was uploaded can run with the rights of our origin: it is sandboxed, never sniffed, and shown only if its
//! type runs nothing.

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
use crate::storage::objects::signing::{Disposition, Grant, GrantError};

/// A document made of it may do nothing.
const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'";

impl From<GrantError> for Problem {
    fn from(error: GrantError) -> Self {
        let code = match error {
            GrantError::Expired => "url_expired",
            GrantError::Tampered => "url_invalid",
        };
        Self::new(StatusCode::FORBIDDEN, code, error.to_string())
    }
}

fn granted(artifacts: &ArtifactService, request: &HttpRequest) -> Result<Grant, Problem> {
    Ok(artifacts.granted(request.method().as_str(), request.uri().path(), request.query_string())?)
}

/// `GET` and `HEAD`
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
    // Decoded, all but a rebuilt zip file are the original byte for byte, and go on where that was left.
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

/// What all answers say of an artifact.
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

/// Something of which nobody knows how long it is: there are no ranges of it.
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
        // Of a length that nobody knows yet, as the answer to a GET.
        return Ok(response.streaming(stream::empty::<io::Result<Bytes>>()));
    }
    Ok(response.streaming(read().await?))
}

/// Something of `size` bytes, or a range of it (RFC 9110, 14).
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

/// A part of what decodes to `size` bytes: what is before it is decoded, too, and thrown away piece by piece. The last byte
/// comes only when the decoder has found everything right.
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

/// An object that is not where its row says is a loss of the store's, and no mistake of the caller's.
fn not_lost(error: ArtifactError) -> ArtifactError {
    if error == ArtifactError::Objects(ObjectsError::NotFound) {
        tracing::error!("an artifact's object is missing from the store");
    }
    error
}

/// The answer to somebody who has it already.
fn unchanged(request: &HttpRequest, tag: &EntityTag) -> Option<HttpResponse> {
    let known = match IfNoneMatch::parse(request).ok()? {
        IfNoneMatch::Any => request.headers().contains_key(header::IF_NONE_MATCH),
        IfNoneMatch::Items(tags) => tags.iter().any(|theirs| theirs.weak_eq(tag)),
    };
    known.then(|| HttpResponse::NotModified().insert_header(ETag(tag.clone())).finish())
}

/// What of an object is asked for.
enum WantedRange {
    All,
    Part(Range<u64>),
    Nothing,
}

/// One range is served; several at once, as a header that can't be read, are answered with all of it.
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

/// `PUT`: the bytes of a pending artifact, into a directory.
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
