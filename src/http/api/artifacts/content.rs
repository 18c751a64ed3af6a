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

use super::super::super::Edge;
use super::super::super::host;
use super::super::super::problem::Problem;
use super::ids;
use crate::artifacts::{ArtifactError, ArtifactService, content_disposition, is_shown};
use crate::compression::decode::decoded;
use crate::protocol::{ArtifactState, ContentCoding, Timestamp, artifact};
use crate::storage::catalog::artifacts::ArtifactRow;
use crate::storage::objects::ObjectsError;
use crate::storage::objects::signing::{Access, Disposition, Grant, GrantError};

/// A document made of it may do nothing.
const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'";

fn path_of(row: &ArtifactRow) -> String {
    format!("/api/runs/{}/artifacts/{}/content", row.run, row.id)
}

/// A URL without a host that reads an artifact until then.
pub(super) fn get_url(artifacts: &ArtifactService, row: &ArtifactRow, expires: Timestamp, decoded: bool) -> String {
    let path = path_of(row);
    let shown = is_shown(&row.content_type);
    let disposition = if shown { Disposition::Inline } else { Disposition::Attachment };
    let grant = Grant { access: Access::Get, path: path.clone(), expires, disposition, decoded };
    format!("{path}?{}", grant.sign(&artifacts.parts().urls))
}

/// A URL that takes the bytes of a pending artifact, and until when.
pub(super) fn put_url(
    edge: &Edge,
    request: &HttpRequest,
    artifacts: &ArtifactService,
    row: &ArtifactRow,
    ttl_ms: i64,
) -> (String, Timestamp) {
    let (path, expires) = (path_of(row), artifacts.parts().clock.expected().plus_millis(ttl_ms));
    let disposition = Disposition::Attachment;
    let grant = Grant { access: Access::Put, path: path.clone(), expires, disposition, decoded: false };
    (absolute(edge, request, format!("{path}?{}", grant.sign(&artifacts.parts().urls))), expires)
}

/// With the host by which we are reached.
pub(super) fn absolute(edge: &Edge, request: &HttpRequest, url: String) -> String {
    if !url.starts_with('/') {
        return url;
    }
    match edge.public_url.as_str() {
        "" => {
            // As it was read, and not as it came: nothing else can be hidden in it.
            let host = host::of(request.uri(), request.headers()).ok().flatten().map(|host| host.to_string());
            format!("http://{}{url}", host.as_deref().unwrap_or("localhost"))
        }
        public => format!("{public}{url}"),
    }
}

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
    let (method, path, query) = (request.method().as_str(), request.uri().path(), request.query_string());
    // A clock that has jumped ends no URL, and gives none a longer life.
    Ok(Grant::verify(&artifacts.parts().urls, method, path, query, artifacts.parts().clock.expected())?)
}

/// `GET` and `HEAD`
pub(in crate::http) async fn get(
    edge: web::Data<Edge>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let artifacts = edge.artifacts()?;
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
    edge: web::Data<Edge>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let artifacts = edge.artifacts()?;
    granted(artifacts, &request)?;
    let (run, id) = ids(&path)?;
    let row = artifacts.find(&run, id).await?.artifact;
    if row.state != ArtifactState::Pending {
        return Err(ArtifactError::NotReady(row.state, row.failure).into());
    }
    let _place = edge.upload_place(artifacts).await?;
    let most = row.size.unwrap_or(artifacts.parts().limits.bytes);
    let objects = &artifacts.parts().objects;
    let room = objects.reserve(row.size).await.map_err(ArtifactError::from)?;
    let mut writer = objects.writer_in(&row.key, &artifacts.meta_of_upload(&row), room).map_err(ArtifactError::from)?;
    let mut size = 0;
    let mut body = edge.upload(&mut payload);
    let filled = async {
        while let Some(bytes) = body.next().await? {
            size += bytes.len() as u64;
            if size > most {
                let detail = format!("the body has more than the {most} bytes that were announced");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "artifact_too_large", detail));
            }
            writer.write(&bytes).await.map_err(ArtifactError::from)?;
        }
        Ok(())
    };
    match filled.await {
        Ok(()) => writer.commit().await.map_err(ArtifactError::from)?,
        Err(problem) => {
            if let Err(error) = writer.abort().await {
                tracing::info!(artifact = %id, %error, "what is left of an upload is left to the cleanup");
            }
            return Err(problem);
        }
    };
    // It may have been completed or deleted meanwhile: nobody would come for these bytes.
    let refusal = match artifacts.find(&run, id).await {
        Ok(kept) if kept.artifact.state == ArtifactState::Pending => None,
        Ok(kept) => Some(ArtifactError::NotReady(kept.artifact.state, kept.artifact.failure)),
        Err(ArtifactError::Gone) => Some(ArtifactError::Gone),
        Err(error) => return Err(error.into()),
    };
    if let Some(refusal) = refusal {
        artifacts.parts().objects.delete(&row.key).await.map_err(ArtifactError::from)?;
        return Err(refusal.into());
    }
    Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).finish())
}
