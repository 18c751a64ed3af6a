//! Credentials over HTTP: API keys, share links, and the sessions of people.

use std::str::FromStr as _;

use actix_web::http::StatusCode;
use actix_web::web;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::access::{AccessPolicy, RequestRights};
use super::super::body::read::{self, Limit};
use super::super::edge::Bodies;
use super::super::media_type::content_type;
use super::super::problem::Problem;
use crate::access::{Identity, IssueError};
use crate::protocol::{PrincipalKind, RunPatterns, Scopes, Timestamp};
use crate::storage::catalog::access::CredentialRow;

mod devices;
mod keys;
mod me;
mod revocations;
mod shares;

pub(in crate::http) use devices::{answer_device, ask_device, show_device};
pub(in crate::http) use keys::{create_key, list_keys, revoke_key};
pub(in crate::http) use me::{me, sign_in, sign_out};
pub(in crate::http) use revocations::{list_revocations, revoke_subject};
pub(in crate::http) use shares::{list_shares, open_share, revoke_share, share};

/// Most bytes of a request. 16 KiB.
const MAX_REQUEST: usize = 16 * 1024;
/// Most characters of a credential's name.
const MAX_NAME: usize = 128;
/// Default rows of a list.
const DEFAULT_LIMIT: usize = 100;
/// Most rows of a list.
const MAX_LIMIT: usize = 1_000;

/// A credential as it is shown: without its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownCredential {
    id: String,
    name: String,
    holder: PrincipalKind,
    scopes: Scopes,
    runs: RunPatterns,
    maker: String,
    created_at: Timestamp,
    /// `null`: never.
    expires_at: Option<Timestamp>,
    /// To the minute or so; `null`: never.
    used_at: Option<Timestamp>,
    /// Whether it has neither expired nor been revoked.
    is_good: bool,
}

impl ShownCredential {
    fn of((row, is_good): (CredentialRow, bool)) -> Self {
        Self {
            id: row.id,
            name: row.name,
            holder: row.holder,
            scopes: row.rights.scopes,
            runs: row.rights.runs,
            maker: row.maker,
            created_at: row.created_at,
            expires_at: row.rights.expires,
            used_at: row.used_at,
            is_good,
        }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let detail = error.to_string();
        match error {
            IssueError::Guest | IssueError::TooMuch | IssueError::TooFar => {
                Self::new(StatusCode::FORBIDDEN, "cannot_grant", detail)
            }
            IssueError::TooMany(_) => Self::new(StatusCode::CONFLICT, "too_many_credentials", detail),
            IssueError::Taken => Self::new(StatusCode::CONFLICT, "credential_taken", detail),
            IssueError::Unknown => Self::new(StatusCode::NOT_FOUND, "credential_not_found", detail),
            IssueError::NoRandomness => Self::unavailable("no_randomness", detail),
            IssueError::Catalog(error) => super::run_list::unavailable(error),
        }
    }
}

/// Who asks, where credentials are needed for what is asked.
fn asker<'a>(policy: &AccessPolicy, rights: &'a RequestRights) -> Result<&'a Identity, Problem> {
    policy.authenticator()?;
    rights.identity().map(|identity| &**identity).ok_or_else(super::super::access::unauthenticated)
}

/// Reads a body of JSON.
async fn body<T: DeserializeOwned>(
    bodies: &Bodies,
    request: &actix_web::HttpRequest,
    payload: &mut web::Payload,
) -> Result<T, Problem> {
    if content_type(request).as_deref() != Some("application/json") {
        let detail = "Content-Type must be application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_type", detail));
    }
    let limit = Limit { bytes: MAX_REQUEST, code: "body_too_large" };
    let body = read::take(request, payload, limit, &bodies.bounds()).await?;
    serde_json::from_slice(&body.body).map_err(|error| Problem::bad_request("invalid_body", error.to_string()))
}

/// Checks a name for people.
fn name(text: &str) -> Result<String, Problem> {
    if (1..=MAX_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    let detail = format!("name must have 1 to {MAX_NAME} characters, and no control characters");
    Err(Problem::bad_request("invalid_name", detail))
}

/// Checks scopes.
fn scopes(names: &[String]) -> Result<Scopes, Problem> {
    let scopes = Scopes::from_str(&names.join(","));
    let scopes = scopes.map_err(|error| Problem::bad_request("invalid_scopes", format!("scopes: {error}")))?;
    if scopes.is_empty() {
        Err(Problem::bad_request("invalid_scopes", "scopes must name one or more"))
    } else {
        Ok(scopes)
    }
}
