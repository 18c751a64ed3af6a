//! Who asks, and the session of somebody who signs in with a key.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::super::super::access::{AccessPolicy, RequestRights};
use super::super::super::edge::{Bodies, TokenEdge};
use super::super::super::problem::Problem;
use super::{asker, body};
use crate::access::{Identity, WantedCredential};
use crate::protocol::{Rights, Scopes};
use crate::storage::catalog::access::CredentialKind;

/// `GET /api/me`: who asks, and what it may do.
pub(in crate::http) async fn me(
    policy: web::Data<AccessPolicy>,
    tokens: web::Data<TokenEdge>,
    rights: RequestRights,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if policy.is_open() {
        return response.json(json!({"mode": "open", "scopes": Scopes::all(), "runs": ["*"]}));
    }
    let audience = tokens.exchange.as_ref().map(|_| &*tokens.public_url);
    let Some(identity) = rights.identity() else {
        let nobody =
            json!({"mode": "token", "scopes": Scopes::default(), "runs": [], "grants": [], "audience": audience});
        return response.json(nobody);
    };
    let (scopes, runs) = rights.together();
    let grant = |identity: &Arc<Identity>| {
        json!({
            "subject": &*identity.subject,
            "name": &*identity.name,
            "scopes": identity.rights.scopes,
            "runs": identity.rights.runs,
            "expiresAt": identity.rights.expires,
            "isGuest": identity.is_guest(),
        })
    };
    response.json(json!({
        "mode": "token",
        "subject": &*identity.subject,
        "name": &*identity.name,
        "kind": identity.kind,
        "scopes": scopes,
        "runs": runs,
        "expiresAt": identity.rights.expires,
        "isGuest": identity.is_guest(),
        // Which scopes go with which runs.
        "grants": rights.identities().iter().map(grant).collect::<Vec<_>>(),
        "audience": audience,
    }))
}

/// What somebody signs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    key: String,
}

/// `POST /api/session`: a session for the browser of somebody who has a key. The key itself is not kept.
pub(in crate::http) async fn sign_in(
    policy: web::Data<AccessPolicy>,
    bodies: web::Data<Bodies>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let SignIn { key } = body(&bodies, &request, &mut payload).await?;
    let holder = authenticator.authenticate(key.trim()).await?;
    let asked = policy.session_end(authenticator.now());
    let expires = Some(holder.rights.expires.map_or(asked, |own| own.min(asked)));
    let wanted = WantedCredential {
        kind: CredentialKind::Session,
        name: holder.name.as_ref().to_owned(),
        holder: holder.kind,
        rights: Rights { expires, ..holder.rights.clone() },
    };
    let (secret, _) = authenticator.issue(&holder, wanted).await?;
    let cookie = policy.cookies().of_session(&secret);
    Ok(HttpResponse::NoContent()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::SET_COOKIE, cookie.encoded().to_string()))
        .finish())
}

/// `DELETE /api/session`: the session is revoked, and the browser forgets it.
pub(in crate::http) async fn sign_out(
    policy: web::Data<AccessPolicy>,
    rights: RequestRights,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let credential = asker(&policy, &rights)?.credential.clone();
    if let Some(row) = authenticator.find(&credential).await.map_err(super::super::run_list::unavailable)?
        && row.kind == CredentialKind::Session
    {
        authenticator.revoke_credential(&credential).await?;
    }
    let mut response = HttpResponse::NoContent();
    for cookie in policy.cookies().forget_session(&request) {
        response.append_header((header::SET_COOKIE, cookie.encoded().to_string()));
    }
    Ok(response.finish())
}
