//! Errors of a store, in words for operators. No text holds a secret: a store's response is shortened,
//! because it may quote the signed text or a token.

use std::error::Error as StdError;
use std::io;

use object_store::client::{HttpError, HttpErrorKind};

/// Longest text of a store's response that is shown, in characters.
const MAX_TEXT: usize = 200;

/// Why an operation of a store failed. The text says what happened and what to check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsError {
    /// The settings can't be used.
    #[error("{0}")]
    Settings(String),
    /// The key is not valid on every store.
    #[error("{0:?} is no key of an object")]
    Key(String),
    /// The object does not exist.
    #[error("there is no such object")]
    NotFound,
    /// The bucket, container or directory does not exist, or is in another region.
    #[error("{0}")]
    NoBucket(String),
    /// The credentials are wrong, or do not permit the operation.
    #[error("{0}")]
    Denied(String),
    /// The store can't be reached, does not answer in time, or reports a failure of its own. A later attempt may
    /// succeed.
    #[error("{0}")]
    Unavailable(String),
    /// The disk of the directory is full.
    #[error("{0}")]
    Full(String),
    /// The object is larger than the store allows.
    #[error("{0}")]
    TooLarge(String),
    /// The store refused for another reason.
    #[error("{0}")]
    Refused(String),
}

impl ObjectsError {
    /// The writer was used after it had failed or ended.
    pub(super) fn nowhere() -> Self {
        Self::NoBucket("there is nothing at this address that keeps objects (objects.url, objects.endpoint)".into())
    }

    /// The same error with `context` in front of its text.
    pub(super) fn within(self, context: &str) -> Self {
        let said = |text: String| format!("{context}{text}");
        match self {
            Self::Settings(text) => Self::Settings(said(text)),
            Self::NoBucket(text) => Self::NoBucket(said(text)),
            Self::Denied(text) => Self::Denied(said(text)),
            Self::Unavailable(text) => Self::Unavailable(said(text)),
            Self::Full(text) => Self::Full(said(text)),
            Self::TooLarge(text) => Self::TooLarge(said(text)),
            Self::Refused(text) => Self::Refused(said(text)),
            Self::NotFound | Self::Key(_) => Self::Refused(said(self.to_string())),
        }
    }
}

impl From<object_store::Error> for ObjectsError {
    fn from(error: object_store::Error) -> Self {
        let chain = || causes(&error);
        if let Some(error) = chain().find_map(<dyn StdError>::downcast_ref::<io::Error>) {
            // Errors of the connection are wrapped in an HTTP error.
            if !chain().any(<dyn StdError>::is::<HttpError>) {
                return error.into();
            }
        }
        if chain().any(|error| METADATA_HOSTS.iter().any(|host| error.to_string().contains(host))) {
            return Self::Denied(NO_CREDENTIALS.into());
        }
        if let Some(answer) = chain().filter_map(|error| StoreAnswer::read(&error.to_string())).last() {
            return answer.judge();
        }
        if let Some(error) = chain().find_map(<dyn StdError>::downcast_ref::<HttpError>) {
            return transport(error);
        }
        let innermost = chain().last().map(ToString::to_string).unwrap_or_default();
        match &error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                Self::Denied(short(&innermost))
            }
            _ if innermost.contains("redirect") => Self::NoBucket(ELSEWHERE.into()),
            _ => Self::Refused(short(&innermost)),
        }
    }
}

impl From<&io::Error> for ObjectsError {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind::{NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match error.kind() {
            NotFound => Self::NotFound,
            PermissionDenied | ReadOnlyFilesystem => Self::Denied(error.to_string()),
            StorageFull | QuotaExceeded => Self::Full(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<io::Error> for ObjectsError {
    fn from(error: io::Error) -> Self {
        (&error).into()
    }
}

/// The address of the cloud's metadata service. It is asked for credentials when no others are set.
const METADATA_HOSTS: [&str; 3] = ["//169.254.169.254", "//169.254.170.2", "//metadata.google.internal"];
const NO_CREDENTIALS: &str = "there are no credentials: objects.access_key and objects.secret_key (or \
                              objects.credentials_file) are empty, and neither the environment nor this machine has any";
const ELSEWHERE: &str = "the store sends us to another region: objects.region or objects.endpoint is not the bucket's";

/// The chain of an error's sources, the innermost last.
pub(super) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// Builds the error for a request without a response.
fn transport(error: &HttpError) -> ObjectsError {
    let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
    let is_tls = ["certificate", "tls", "handshake"].iter().any(|word| innermost.to_ascii_lowercase().contains(word));
    ObjectsError::Unavailable(match error.kind() {
        _ if is_tls => format!("the TLS connection to the store is not to be trusted (objects.ca_file): {innermost}"),
        HttpErrorKind::Timeout => "the store does not answer in time".into(),
        HttpErrorKind::Connect => format!("the store can't be reached: {innermost}"),
        _ => format!("the connection to the store broke: {innermost}"),
    })
}

/// A store's response that reports a failure. The `object_store` crate has it only as the text of an error.
#[derive(Debug, PartialEq, Eq)]
struct StoreAnswer {
    status: u16,
    /// The store's error code.
    code: String,
    /// The store's message.
    message: String,
}

impl StoreAnswer {
    fn read(text: &str) -> Option<Self> {
        let (status, body) = match text.strip_prefix("Server returned non-2xx status code: ") {
            Some(rest) => (rest.get(..3)?.parse().ok()?, rest.split_once(": ").map_or("", |(_, body)| body)),
            None => (200, text.strip_prefix("Server returned error response: ")?),
        };
        let field = |xml: &str, json: &str| {
            let json = format!("\"{json}\"");
            element(body, xml).or_else(|| json_text(body, &json)).unwrap_or_default().to_owned()
        };
        let code = field("Code", "error");
        // Azure adds lines with the request's id and the time.
        let message = field("Message", "error_description");
        let message = short(message.lines().next().unwrap_or_default());
        Some(Self { status, code, message })
    }

    fn judge(&self) -> ObjectsError {
        let Self { status, code, message } = self;
        let denied = |text: &str| ObjectsError::Denied(format!("{text} ({code})"));
        let said = match (code.is_empty(), message.is_empty()) {
            (true, _) => format!("status {status}"),
            (false, true) => format!("{code}, status {status}"),
            (false, false) => format!("{code}, status {status}: {message}"),
        };
        match code.as_str() {
            "NoSuchBucket" | "ContainerNotFound" => {
                ObjectsError::NoBucket("there is no such bucket (objects.url)".into())
            }
            "InvalidBucketName" | "InvalidResourceName" => {
                ObjectsError::NoBucket(format!("no bucket can have this name (objects.url): {said}"))
            }
            "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => {
                ObjectsError::NoBucket(format!("{ELSEWHERE}: {said}"))
            }
            "InvalidAccessKeyId" | "NotSignedUp" => denied("the store does not know objects.access_key"),
            "SignatureDoesNotMatch" => denied("objects.secret_key does not fit objects.access_key"),
            "RequestTimeTooSkewed" => denied("this machine's clock and the store's differ by minutes: set it right"),
            "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" | "invalid_grant" => {
                denied("the store no longer takes these credentials")
            }
            // Azure reports this for a wrong key, and when the clocks differ by more than 15 minutes.
            "AuthenticationFailed" => {
                denied("objects.secret_key does not fit objects.access_key, or this machine's clock is wrong")
            }
            "AccessDenied" | "AllAccessDisabled" | "AuthorizationFailure" | "AuthorizationPermissionMismatch" => {
                denied("these credentials may not do this in the bucket")
            }
            "QuotaExceeded" | "StorageFull" | "XMinioStorageFull" => {
                ObjectsError::Full(format!("the store is full: {said}"))
            }
            "EntityTooLarge" | "RequestBodyTooLarge" => {
                ObjectsError::TooLarge(format!("more than the store takes: {said}"))
            }
            _ => match status {
                401 | 403 => ObjectsError::Denied(format!("the store does not let these credentials do this: {said}")),
                404 => ObjectsError::NotFound,
                301 | 302 | 307 | 308 => ObjectsError::NoBucket(ELSEWHERE.into()),
                413 => ObjectsError::TooLarge(format!("more than the store takes: {said}")),
                507 => ObjectsError::Full(format!("the store is full: {said}")),
                408 | 429 | 500..=599 | 200 => ObjectsError::Unavailable(format!("the store is not well: {said}")),
                _ => ObjectsError::Refused(format!("the store refused: {said}")),
            },
        }
    }
}

/// The text of an XML element.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// The string value of a key in a JSON object, up to its first quotation mark.
fn json_text<'a>(body: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(key)?;
    let text = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    Some(text.split_once('"')?.0)
}

/// The beginning of a text, up to the quoted response.
fn short(text: &str) -> String {
    text.split('<').next().unwrap_or_default().chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> ObjectsError {
        let source = io::Error::other(text).into_inner().unwrap();
        object_store::Error::Generic { store: "S3", source }.into()
    }

    fn s3(status: &str, code: &str) -> ObjectsError {
        judged(&format!(
            "Server returned non-2xx status code: {status}: <?xml version=\"1.0\"?>\n<Error><Code>{code}</Code>\
             <Message>What it says.</Message><StringToSign>x-amz-security-token:hunter2</StringToSign></Error>"
        ))
    }

    #[test]
    fn what_a_store_answers_is_said_for_operators_and_never_quoted_whole() {
        for (status, code, wanted) in [
            ("404 Not Found", "NoSuchBucket", "no such bucket (objects.url)"),
            ("403 Forbidden", "InvalidAccessKeyId", "objects.access_key"),
            ("403 Forbidden", "SignatureDoesNotMatch", "objects.secret_key"),
            ("403 Forbidden", "RequestTimeTooSkewed", "clock"),
            ("400 Bad Request", "AuthorizationHeaderMalformed", "objects.region"),
            ("400 Bad Request", "Odd", "Odd, status 400: What it says."),
            ("503 Service Unavailable", "SlowDown", "not well"),
        ] {
            let text = s3(status, code).to_string();
            assert!(text.contains(wanted) && !text.contains("hunter2"), "{text}");
        }
        assert!(matches!(s3("404 Not Found", "NoSuchKey"), ObjectsError::NotFound));
        assert!(matches!(s3("403 Forbidden", "AccessDenied"), ObjectsError::Denied(_)));
        assert!(matches!(s3("507 Insufficient Storage", "XMinioStorageFull"), ObjectsError::Full(_)));
    }

    #[test]
    fn answers_without_a_body_and_answers_in_json_are_judged_too() {
        assert_eq!(judged("Server returned non-2xx status code: 404 Not Found: "), ObjectsError::NotFound);
        let denied = judged("Server returned non-2xx status code: 403 Forbidden: ");
        assert!(matches!(&denied, ObjectsError::Denied(text) if text.contains("status 403")), "{denied}");
        let body = r#"{"error": "invalid_grant", "error_description": "Invalid JWT: hunter"}"#;
        let denied = judged(&format!("Server returned non-2xx status code: 400 Bad Request: {body}"));
        assert!(matches!(&denied, ObjectsError::Denied(text) if text.contains("invalid_grant")), "{denied}");
    }

    #[test]
    fn a_machine_that_has_no_credentials_is_told_so() {
        let text =
            "Error performing PUT http://169.254.169.254/latest/api/token in 1s - HTTP error: error sending request";
        assert_eq!(judged(text), ObjectsError::Denied(NO_CREDENTIALS.into()));
    }

    #[test]
    fn a_disk_that_is_full_or_read_only_is_told_apart_from_one_that_fails() {
        let judged = |kind: io::ErrorKind| {
            let source = Box::new(io::Error::from(kind));
            ObjectsError::from(object_store::Error::Generic { store: "LocalFileSystem", source })
        };
        assert!(matches!(judged(io::ErrorKind::StorageFull), ObjectsError::Full(_)));
        assert!(matches!(judged(io::ErrorKind::QuotaExceeded), ObjectsError::Full(_)));
        assert!(matches!(judged(io::ErrorKind::ReadOnlyFilesystem), ObjectsError::Denied(_)));
        assert!(matches!(judged(io::ErrorKind::TimedOut), ObjectsError::Unavailable(_)));
    }
}
