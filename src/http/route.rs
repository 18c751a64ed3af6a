//! The route of a request, before it is routed.

use actix_web::dev::ServiceRequest;
use percent_encoding::percent_decode_str;

/// The pattern of the request's route, `/api/runs/{runId}/events`; `None`: there is none. It is that of the path by which
/// the request will be routed, in which what need not be encoded has been decoded.
pub(super) fn pattern(request: &ServiceRequest) -> Option<String> {
    request.resource_map().match_pattern(request.match_info().as_str())
}

/// The part of the request's path that stands for `name` (`{runId}`) in its pattern, decoded; `None` if there is none, or it
/// is not UTF-8.
pub(super) fn part(request: &ServiceRequest, pattern: &str, name: &str) -> Option<String> {
    part_of(request.match_info().as_str(), pattern, name)
}

/// The same of a path by which a request was routed.
pub(super) fn part_of(path: &str, pattern: &str, name: &str) -> Option<String> {
    let place = pattern.split('/').position(|part| part == name)?;
    let part = path.split('/').nth(place)?;
    percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned())
}
