//! Who asks, and the session of somebody who signs in with a key.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::super::super::access::{AccessPolicy, RequestRights};
use super::super::super::audit::Auditor;
use super::super::super::edge::{Bodies, SignInEdge, TokenEdge};
use super::super::super::problem::Problem;
use super::{asker, body};
use crate::access::{Identity, WantedCredential};
use crate::audit::AuditAction;
use crate::protocol::Scopes;
use crate::storage::catalog::access::CredentialKind;

/// `GET /api/me`: who asks, and what it may do.
pub(in crate::http) async fn me(
    policy: web::Data<AccessPolicy>,
    request: HttpRequest,
    rights: RequestRights,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if policy.is_open() {
        return response.json(json!({"mode": "open", "scopes": Scopes::all(), "runs": ["*"]}));
    }
    // A listener for operators has neither: there somebody signs in with a key.
    let tokens = request.app_data::<web::Data<TokenEdge>>();
    let audience = tokens.filter(|tokens| tokens.exchange.is_some()).map(|tokens| &*tokens.public_url);
    let provider = request.app_data::<web::Data<SignInEdge>>().and_then(|edge| edge.provider.as_ref());
    // How people sign in; `null`: with a key.
    let sign_in = provider.map(|provider| json!({"name": &**provider.name(), "url": "/auth/login"}));
    let Some(identity) = rights.identity() else {
        let nobody = json!({
            "mode": "token", "scopes": Scopes::default(), "runs": [], "grants": [], "audience": audience,
            "signIn": sign_in,
        });
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
        "signIn": sign_in,
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
    let wanted = WantedCredential::session_of(&holder, policy.session_end(authenticator.now()));
    let (secret, row) = authenticator.issue(&holder, wanted).await?;
    Auditor::of(&request).as_of(&holder).did(AuditAction::SignedIn).item(&row.id).write();
    let cookie = policy.cookies().of_session(&secret);
    Ok(HttpResponse::NoContent()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::SET_COOKIE, cookie.encoded().to_string()))
        .finish())
}

/// `DELETE /api/session`: the session is revoked, and the browser forgets it.
pub(in crate::http) async fn sign_out(
    policy: web::Data<AccessPolicy>,
    (rights, audit): (RequestRights, Auditor),
) -> Result<HttpResponse, Problem> {
    let authenticator = policy.authenticator()?;
    let credential = asker(&policy, &rights)?.credential.clone();
    if let Some(row) = authenticator.find(&credential).await.map_err(super::super::run_list::unavailable)?
        && row.kind == CredentialKind::Session
    {
        authenticator.revoke_credential(&credential).await?;
        audit.did(AuditAction::SignedOut).item(&credential).write();
    }
    let mut response = HttpResponse::NoContent();
    for cookie in policy.cookies().forget_session() {
        response.append_header((header::SET_COOKIE, cookie.encoded().to_string()));
    }
    Ok(response.finish())
}
