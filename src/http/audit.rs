//! The lines of the audit log about requests: who has sent one, and from where.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use super::access::{AccessPolicy, RequestRights};
use super::client_ip;
use super::edge::WatchEdge;
use super::principal::Caller;
use super::problem::Problem;
use crate::access::Identity;
use crate::audit::{AuditAction, AuditEntry};
use crate::protocol::{Principal, Via};

/// Who has sent a request, for the audit log.
#[derive(Clone, Debug)]
pub(super) struct Auditor {
    /// `None`: nobody who is known.
    by: Option<Principal>,
    credential: Option<Arc<str>>,
    address: Option<IpAddr>,
}

impl Auditor {
    /// Of a request whose sender was found out, or was not.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let trusted = request.app_data::<web::Data<WatchEdge>>().map_or(&[][..], |edge| &edge.trusted_proxies);
        let address = client_ip::of(request, trusted);
        let rights = RequestRights::of_request(request);
        if let Some(identity) = rights.identity() {
            return Self { address, ..Self::let_in(identity) };
        }
        let is_open = request.app_data::<web::Data<AccessPolicy>>().is_some_and(|policy| policy.is_open());
        let named = || Caller::of(request, &rights).ok().map(|caller| caller.over_http());
        Self { by: is_open.then(named).flatten(), credential: None, address }
    }

    fn let_in(identity: &Identity) -> Self {
        let by = Some(identity.principal(Via::Http));
        Self { by, credential: Some(identity.credential.clone()), address: None }
    }

    /// The same request, by somebody whom it lets in.
    pub(super) fn as_of(&self, identity: &Identity) -> Self {
        Self { address: self.address, ..Self::let_in(identity) }
    }

    /// A line that the sender did this.
    pub(super) fn did(&self, action: AuditAction) -> AuditEntry<'_> {
        AuditEntry::of(action).by(self.by.as_ref()).with(self.credential.as_deref()).from(self.address)
    }
}

impl FromRequest for Auditor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}
