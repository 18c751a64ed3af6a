//! Reading what the headers of an upload say.

use actix_web::HttpRequest;
use actix_web::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::super::super::problem::Problem;
use crate::artifacts::NewArtifact;
use crate::protocol::{ArtifactKind, ArtifactName, ContentCoding, RunId, Sha256};

/// Longest media type, in characters.
const MAX_CONTENT_TYPE: usize = 200;
/// Longest name of a test, in characters.
const MAX_TEST: usize = 500;
/// Longest idempotency key, in characters.
const MAX_KEY: usize = 255;

/// A name from a path or a description.
pub(super) fn name(text: &str) -> Result<ArtifactName, Problem> {
    ArtifactName::parse(text).map_err(|error| Problem::bad_request("invalid_name", error.to_string()))
}

/// The name that is the last part of a request's path. The router would put other characters for what is no text.
pub(super) fn name_in_path(request: &HttpRequest) -> Result<ArtifactName, Problem> {
    let part = request.uri().path().rsplit('/').next().unwrap_or_default();
    let text = percent_decode_str(part).decode_utf8();
    name(&text.map_err(|_| Problem::bad_request("invalid_name", "name must be UTF-8, percent-encoded"))?)
}

/// A kind by its name.
pub(super) fn kind(text: &str) -> Result<ArtifactKind, Problem> {
    ArtifactKind::parse(text).ok_or_else(|| {
        let kinds = ArtifactKind::ALL.map(ArtifactKind::as_str).join(", ");
        Problem::bad_request("invalid_kind", format!("kind {text:?} must be one of {kinds}"))
    })
}

/// A media type that can be handed out again: `type/subtype` and parameters.
pub(super) fn content_type(text: &str) -> Result<String, Problem> {
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_type = essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype));
    if !is_type || text.len() > MAX_CONTENT_TYPE || !text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        let detail = format!("contentType must be like image/png, and have at most {MAX_CONTENT_TYPE} characters");
        return Err(Problem::bad_request("invalid_content_type", detail));
    }
    Ok(text.trim().to_owned())
}

/// The name of a test.
pub(super) fn test(text: &str) -> Result<String, Problem> {
    if !(1..=MAX_TEST).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        let detail = format!("test must have 1 to {MAX_TEST} characters, and no control characters");
        return Err(Problem::bad_request("invalid_test", detail));
    }
    Ok(text.to_owned())
}

/// What the client calls its upload (draft-ietf-httpapi-idempotency-key-header), with or without quotes around it.
pub(super) fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if !(1..=MAX_KEY).contains(&key.len()) || !key.bytes().all(|b| matches!(b, b' '..=b'~')) {
        let detail = format!("Idempotency-Key must have 1 to {MAX_KEY} ASCII characters");
        return Err(Problem::bad_request("invalid_idempotency_key", detail));
    }
    Ok(Some(key.to_owned()))
}

/// The upload that a request's headers describe.
pub(super) fn described(request: &HttpRequest, run: RunId, name: ArtifactName) -> Result<NewArtifact, Problem> {
    let text = |header: &str| match request.headers().get(header).map(|value| value.to_str()) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(_)) => {
            Err(Problem::bad_request("invalid_header", format!("{header} must have ASCII characters only")))
        }
    };
    if let Some(coding) = text("content-encoding")?
        && ContentCoding::parse(coding) != Some(ContentCoding::Identity)
    {
        let detail = "an artifact is sent as it is, without Content-Encoding: the server compresses what is worth it";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail));
    }
    // What curl -T and other simple clients send when nobody says a type.
    let sent = text("content-type")?.filter(|sent| *sent != "application/x-www-form-urlencoded");
    let content_type = sent.map(content_type).transpose()?;
    let kind = text("runcast-kind")?.map(kind).transpose()?;
    let size = text(header::CONTENT_LENGTH.as_str())?.and_then(|length| length.parse().ok());
    let test = text("runcast-test")?.map(test).transpose()?;
    let idempotency_key = idempotency_key(request)?;
    Ok(NewArtifact { run, name, kind, content_type, test, size, sha256: sha256(text)?, idempotency_key })
}

/// The digest that the headers name: `Content-Digest` or `Repr-Digest` (RFC 9530), or the older `Digest` (RFC 3230).
fn sha256<'a>(text: impl Fn(&str) -> Result<Option<&'a str>, Problem>) -> Result<Option<Sha256>, Problem> {
    for header in ["content-digest", "repr-digest", "digest"] {
        let Some(value) = text(header)? else { continue };
        let found = value.split(',').find_map(|item| {
            let (algorithm, digest) = item.trim().split_once('=')?;
            algorithm.eq_ignore_ascii_case("sha-256").then(|| digest.trim_matches(':'))
        });
        let digest = found.and_then(|digest| STANDARD.decode(digest).ok()?.try_into().ok()).map(Sha256);
        return digest.map(Some).ok_or_else(|| {
            let expected = if header == "digest" { "sha-256=BASE64" } else { "sha-256=:BASE64:" };
            let detail = format!("{header} must be {expected}; nothing else is checked");
            Problem::bad_request("invalid_digest", detail)
        });
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Of "abc" (FIPS 180-4), in base64.
    const ABC: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

    fn read(headers: &[(&'static str, &str)]) -> Result<NewArtifact, String> {
        let name = ArtifactName::parse("trace.zip").unwrap();
        let request =
            headers.iter().fold(TestRequest::put(), |request, (name, value)| request.insert_header((*name, *value)));
        let run = RunId::parse("r").unwrap();
        described(&request.to_http_request(), run, name).map_err(|problem| problem.to_string())
    }

    #[test]
    fn what_is_not_said_is_left_to_be_guessed() {
        for headers in [&[][..], &[("content-type", "application/x-www-form-urlencoded")]] {
            let new = read(headers).unwrap();
            assert_eq!((new.kind, new.content_type), (None, None));
        }
        let new = read(&[("content-type", "video/webm"), ("runcast-kind", "other")]).unwrap();
        assert_eq!((new.kind, new.content_type.as_deref()), (Some(ArtifactKind::Other), Some("video/webm")));
    }

    #[test]
    fn a_digest_is_read_in_its_forms_and_another_one_is_refused() {
        let structured = format!("sha-256=:{ABC}:");
        let several = format!("md5=:AAAA:, {structured}");
        let older = format!("SHA-256={ABC}");
        for (header, value) in [("content-digest", &structured), ("repr-digest", &several), ("digest", &older)] {
            let sha256 = read(&[(header, value)]).unwrap().sha256.unwrap();
            assert!(sha256.to_string().starts_with("ba7816bf"), "{header}");
        }
        for value in ["sha-512=:AAAA:", "sha-256=:AAAA:", "sha-256", "x"] {
            assert!(read(&[("content-digest", value)]).is_err_and(|text| text.contains("invalid_digest")), "{value}");
        }
    }

    #[test]
    fn an_idempotency_key_may_be_quoted() {
        for value in ["8e03978e-40d5-43dd-bc93-6894a57f9324", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\""] {
            let key = read(&[("idempotency-key", value)]).unwrap().idempotency_key;
            assert_eq!(key.as_deref(), Some("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        }
        assert_eq!(read(&[]).unwrap().idempotency_key, None);
    }

    #[test]
    fn what_could_not_be_handed_out_again_is_refused() {
        for (header, value, code) in [
            ("content-type", "zip", "invalid_content_type"),
            ("content-encoding", "gzip", "unsupported_encoding"),
            ("runcast-kind", "film", "invalid_kind"),
            ("runcast-test", "", "invalid_test"),
            ("idempotency-key", "", "invalid_idempotency_key"),
            ("idempotency-key", "\"\"", "invalid_idempotency_key"),
            ("idempotency-key", "\u{e9}", "invalid_idempotency_key"),
            ("idempotency-key", &"k".repeat(256), "invalid_idempotency_key"),
        ] {
            let refused = read(&[(header, value)]).err().unwrap_or_default();
            assert!(refused.contains(code) || refused.contains("invalid_header"), "{header}: {value}: {refused}");
        }
    }
}
