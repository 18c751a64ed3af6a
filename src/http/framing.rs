//! Message framing, independent of content: the path's plain form, `HEAD`, HTTP/1.0, and upgrades that do not happen.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{ConnectionType, Method, StatusCode, Uri, Version};
use actix_web::middleware::Next;
use bytes::Bytes;

use super::heads::{HeadClock, OpenRequest};
use crate::protocol::head::plain;

/// The outermost middleware: normalizes the path and frames the response.
pub async fn framing<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(uri) = plain(request.path()).and_then(|path| with_path(request.uri(), &path)) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    let (is_head, is_old) = (*request.method() == Method::HEAD, request.version() == Version::HTTP_10);
    let asks_for_upgrade = request.head().connection_type() == ConnectionType::Upgrade;
    let in_hand = request.request().conn_data::<Rc<HeadClock>>().cloned().map(OpenRequest::begin);
    let mut response = next.call(request).await?.map_into_boxed_body();
    let size = response.response().body().size();
    let head = response.response_mut().head_mut();
    if is_old && size == BodySize::Stream {
        // HTTP/1.0 has no chunks: a body of unknown length ends with its connection.
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    if asks_for_upgrade && head.status != StatusCode::SWITCHING_PROTOCOLS {
        // actix closes the connection after a request with `Connection: Upgrade`, but its response would say `upgrade`.
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| {
        let body = if is_head { BoxBody::new(Bodiless(size)) } else { body };
        match in_hand {
            Some(in_hand) => in_hand.until_sent(body),
            None => body,
        }
    }))
}

/// The same request target with another path.
fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

/// The body of a response to `HEAD`: empty, but of the size that `GET` would return. The real body is dropped unread.
struct Bodiless(BodySize);

impl MessageBody for Bodiless {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_keeps_everything_but_its_path() {
        let with = |uri: &str| with_path(&Uri::try_from(uri).unwrap(), "/b").unwrap().to_string();
        assert_eq!(with("//a/?x=//y&z"), "/b?x=//y&z");
        assert_eq!(with("//a/"), "/b");
        assert_eq!(with("http://localhost:1//a?x"), "http://localhost:1/b?x");
    }
}
