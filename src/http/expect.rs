//! Refuses bodies that are too large by their `Content-Length`, before they are sent and before `100 Continue`.

use actix_http::RequestHead;
use actix_web::http::{Method, StatusCode, header};

use super::problem::Problem;
use crate::protocol::head::plain;
use crate::protocol::live_trace::batch::MAX_BATCH_BYTES;
use crate::steering::MAX_COMMAND_BYTES;

/// Most bytes of a request body that is a description, such as an announcement or a pin.
pub(super) const MAX_DESCRIPTION: usize = 16 * 1024;

/// Most bytes of request bodies.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Limit of a batch of events, in bytes.
    pub batch: u64,
    /// Limit of a screen frame, in bytes.
    pub frame: u64,
    /// Limit of an artifact, in bytes.
    pub artifact: u64,
}

impl BodyLimits {
    /// The limit of a route and the error code for a larger body; `None` if the route reads no body.
    fn of(&self, method: &Method, path: &str) -> Option<(u64, &'static str)> {
        let parts: Vec<&str> = path.split('/').collect();
        let ["", "api", "runs" | "tests", _, rest @ ..] = parts.as_slice() else {
            let is_small = matches!(
                parts.as_slice(),
                ["", "api", "token" | "session" | "keys" | "login" | "revocations"] | ["", "api", "login", "answer"]
            );
            return (is_small && method == Method::POST).then_some((MAX_DESCRIPTION as u64, "body_too_large"));
        };
        match (method.as_str(), rest) {
            ("POST", ["events"]) => Some((self.batch, "batch_too_large")),
            ("POST", ["live-traces", _]) => Some((MAX_BATCH_BYTES as u64, "batch_too_large")),
            ("POST", ["frame"]) => Some((self.frame, "frame_too_large")),
            ("POST", ["commands" | "finish" | "pause" | "resume" | "override-step" | "update-instructions"]) => {
                Some((MAX_COMMAND_BYTES as u64, "command_too_large"))
            }
            ("POST", ["artifacts" | "shares"]) | ("PUT", ["pin"]) => Some((MAX_DESCRIPTION as u64, "body_too_large")),
            ("PUT", ["artifacts", _] | ["artifacts", _, "content"]) => Some((self.artifact, "artifact_too_large")),
            _ => None,
        }
    }

    /// Refuses a request that announces a longer body than its route accepts.
    pub fn refuse(&self, head: &RequestHead) -> Option<Problem> {
        let length: u64 = head.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()?;
        let path = plain(head.uri.path());
        let (most, code) = self.of(&head.method, path.as_deref().unwrap_or(head.uri.path()))?;
        let detail = || format!("the body has {length} bytes, more than {most} bytes");
        (length > most).then(|| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::Uri;
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn every_route_that_takes_a_body_has_its_limit() {
        let limits = BodyLimits { batch: 100_000, frame: 200_000, artifact: 300_000 };
        let refused = |line: &str, length: u64| {
            let (method, path) = line.split_once(' ').unwrap();
            let mut head = RequestHead::default();
            (head.method, head.uri) = (method.parse().unwrap(), Uri::try_from(path).unwrap());
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            limits.refuse(&head).map(|problem| problem.to_string())
        };
        for (line, most, code) in [
            ("POST /api/runs/r/events", 100_000, "batch_too_large"),
            ("POST /api/tests/r/events", 100_000, "batch_too_large"),
            ("POST //api/runs/r/events/", 100_000, "batch_too_large"),
            ("POST /api/runs/r/live-traces/t", MAX_BATCH_BYTES as u64, "batch_too_large"),
            ("POST /api/runs/r/frame?x", 200_000, "frame_too_large"),
            ("POST /api/runs/r/artifacts", MAX_DESCRIPTION as u64, "body_too_large"),
            ("PUT /api/runs/r/pin", MAX_DESCRIPTION as u64, "body_too_large"),
            ("POST /api/runs/r/commands", MAX_COMMAND_BYTES as u64, "command_too_large"),
            ("POST /api/login", MAX_DESCRIPTION as u64, "body_too_large"),
            ("POST /api/login/answer", MAX_DESCRIPTION as u64, "body_too_large"),
            ("POST /api/runs/r/finish", MAX_COMMAND_BYTES as u64, "command_too_large"),
            ("POST /api/tests/r/pause", MAX_COMMAND_BYTES as u64, "command_too_large"),
            ("PUT /api/runs/r/artifacts/a.zip", 300_000, "artifact_too_large"),
            ("PUT /api/runs/r/artifacts/a/content", 300_000, "artifact_too_large"),
        ] {
            assert_eq!(refused(line, most), None, "{line}");
            let problem = refused(line, most + 1).unwrap();
            assert!(problem.starts_with("413 ") && problem.contains(code), "{line}: {problem}");
        }
        for line in ["GET /api/runs", "POST /api/runs/r/artifacts/a/complete", "POST /api/cleanup/run"] {
            assert_eq!(refused(line, u64::MAX), None, "{line}");
        }
    }
}
