//! What the sender of a request may do.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};

use super::super::problem::Problem;
use super::AccessPolicy;
use crate::access::{AuthError, Identity};
use crate::protocol::{RunId, RunPatterns, Scope, Scopes};

/// Begins every `WWW-Authenticate` (RFC 6750, section 3).
const CHALLENGE: &str = "Bearer realm=\"runcast\"";

/// What the sender of a request may do: what each of those may whose credentials it has.
#[derive(Clone, Debug)]
pub(in crate::http) struct RequestRights(Whose);

#[derive(Clone, Debug)]
enum Whose {
    /// Everybody may do everything.
    Everybodys,
    /// The first one is who asks.
    Of(Rc<[Arc<Identity>]>),
}

impl RequestRights {
    /// Of a server where everybody may do everything.
    pub(in crate::http) fn everybodys() -> Self {
        Self(Whose::Everybodys)
    }

    /// Of those whose credentials a request has; the first one that permits what the request needs is who asks.
    pub(super) fn of(mut identities: Vec<Arc<Identity>>, needed: Scopes, run: Option<&RunId>) -> Self {
        let permits = |identity: &Arc<Identity>| needed.iter().any(|scope| identity.rights.permit(scope, run));
        if let Some(first) = identities.iter().position(permits) {
            identities.swap(0, first);
        }
        Self(Whose::Of(identities.into()))
    }

    /// Who asks; `None` where everybody may do everything, or nobody is known.
    pub(in crate::http) fn identity(&self) -> Option<&Arc<Identity>> {
        match &self.0 {
            Whose::Everybodys => None,
            Whose::Of(identities) => identities.first(),
        }
    }

    /// Those whose credentials a request has, the one who asks first; nobody where everybody may do everything.
    pub(in crate::http) fn identities(&self) -> &[Arc<Identity>] {
        match &self.0 {
            Whose::Everybodys => &[],
            Whose::Of(identities) => identities,
        }
    }

    /// Whether somebody of them may do this with this run.
    pub(in crate::http) fn permit(&self, scope: Scope, run: Option<&RunId>) -> bool {
        match &self.0 {
            Whose::Everybodys => true,
            Whose::Of(identities) => identities.iter().any(|identity| identity.rights.permit(scope, run)),
        }
    }

    /// Whether a run's files are only shown because of share links.
    pub(in crate::http) fn is_guest_of(&self, run: &RunId) -> bool {
        let Whose::Of(identities) = &self.0 else { return false };
        let reads = |identity: &Identity| {
            [Scope::View, Scope::Publish].into_iter().any(|scope| identity.rights.permit(scope, Some(run)))
        };
        !identities.iter().any(|identity| !identity.is_guest() && reads(identity))
    }

    /// All scopes and all runs of those whose credentials a request has.
    pub(in crate::http) fn together(&self) -> (Scopes, RunPatterns) {
        let Whose::Of(identities) = &self.0 else { return (Scopes::all(), RunPatterns::all()) };
        let scopes = identities.iter().flat_map(|identity| identity.rights.scopes.iter()).collect();
        let runs = identities.iter().flat_map(|identity| identity.rights.runs.iter().cloned());
        (scopes, RunPatterns::of_many(runs.collect()))
    }

    /// The runs that may be viewed; `None`: all.
    pub(in crate::http) fn visible(&self) -> Option<RunPatterns> {
        let Whose::Of(identities) = &self.0 else { return None };
        let viewers = identities.iter().filter(|identity| identity.rights.scopes.has(Scope::View));
        let patterns: Vec<_> = viewers.flat_map(|identity| identity.rights.runs.iter().cloned()).collect();
        // A list is only asked for by somebody who may view something.
        let patterns = RunPatterns::of_many(patterns);
        (!patterns.is_all()).then_some(patterns)
    }

    /// Refuses what nobody of them may do: 401 for nobody, 403 for somebody.
    pub(in crate::http) fn require(&self, one_of: Scopes, run: Option<&RunId>) -> Result<(), Problem> {
        if one_of.is_empty() || one_of.iter().any(|scope| self.permit(scope, run)) {
            return Ok(());
        }
        match self.identity() {
            None => Err(unauthenticated()),
            Some(_) => Err(forbidden(one_of, run)),
        }
    }
}

impl RequestRights {
    /// Those of the sender of a request.
    pub(in crate::http) fn of_request(request: &HttpRequest) -> Self {
        let is_open = request.app_data::<web::Data<AccessPolicy>>().is_some_and(|policy| policy.is_open());
        let found = || request.extensions().get::<Self>().cloned().unwrap_or(Self(Whose::Of(Rc::default())));
        if is_open { Self::everybodys() } else { found() }
    }
}

impl FromRequest for RequestRights {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of_request(request)))
    }
}

/// 401 for who shows no credential.
pub(in crate::http) fn unauthenticated() -> Problem {
    let detail = "a credential is needed: Authorization: Bearer KEY (the command line: runcast login, RUNCAST_TOKEN, --token-file)";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail);
    problem.header(header::WWW_AUTHENTICATE, CHALLENGE)
}

/// 403 for who may not do what it asks for.
pub(super) fn forbidden(one_of: Scopes, run: Option<&RunId>) -> Problem {
    let names: Vec<&str> = one_of.iter().map(Scope::as_str).collect();
    let of_run = run.map(|run| format!(" of run {run}")).unwrap_or_default();
    let detail = format!("this credential does not have the scope {}{of_run}", names.join(" or "));
    let challenge = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{}\"", names.join(" "));
    Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", detail)
        .with("scopes", names)
        .header(header::WWW_AUTHENTICATE, challenge)
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Unavailable(_) => {
                return Self::unavailable("credentials_unavailable", error.to_string());
            }
            AuthError::Unknown => "credential_unknown",
            AuthError::Expired(_) => "credential_expired",
            AuthError::Revoked => "credential_revoked",
            AuthError::Refused(_) => "credential_refused",
        };
        let challenge =
            format!("{CHALLENGE}, error=\"invalid_token\", error_description=\"{}\"", quotable(&error.to_string()));
        Self::new(StatusCode::UNAUTHORIZED, code, error.to_string()).header(header::WWW_AUTHENTICATE, challenge)
    }
}

/// A text as a quoted string of a header (RFC 6750, section 3).
fn quotable(text: &str) -> String {
    let fits = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    text.chars().map(|c| if fits(c) { c } else { '\'' }).collect()
}

/// The token of `Authorization: Bearer TOKEN`; `None`: there is no such header.
///
/// # Errors
/// Another scheme, or what is no text.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    // Of two, a proxy in front may have looked at the other one.
    let alone = if values.next().is_none() { value.to_str().ok() } else { None };
    let token = alone.and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(Some(token.trim()))
        }
        _ => {
            let challenge = format!("{CHALLENGE}, error=\"invalid_request\"");
            let problem = Problem::new(
                StatusCode::UNAUTHORIZED,
                "invalid_authorization",
                "Authorization must be \"Bearer TOKEN\", once",
            );
            Err(problem.header(header::WWW_AUTHENTICATE, challenge))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;
    use crate::protocol::{PrincipalKind, Rights, Timestamp};

    fn identity(name: &str, scopes: &str, runs: &str) -> Arc<Identity> {
        let runs = RunPatterns::parse(&[runs]).unwrap();
        Arc::new(Identity {
            subject: name.into(),
            name: name.into(),
            kind: PrincipalKind::Human,
            rights: Rights { scopes: scopes.parse().unwrap(), runs, expires: None },
            credential: name.into(),
            made_with: Vec::new(),
            makers: Vec::new(),
            is_session: false,
            issued_at: Timestamp::from_millis(0),
        })
    }

    #[test]
    fn who_asks_is_the_first_one_that_may_and_all_rights_count() {
        let (run, other) = (RunId::parse("b1").unwrap(), RunId::parse("c").unwrap());
        let both = vec![identity("a", "view control", "a*"), identity("b", "view", "b*")];
        let view = Scopes::from_iter([Scope::View]);
        let rights = RequestRights::of(both, view, Some(&run));
        assert_eq!(rights.identity().map(|identity| &*identity.name), Some("b"));
        assert!(rights.permit(Scope::View, Some(&run)) && !rights.permit(Scope::Control, Some(&run)));
        assert!(rights.require(view, Some(&run)).is_ok());
        let told = rights.require(view, Some(&other)).unwrap_err().to_string();
        assert_eq!(told, "403 insufficient_scope: this credential does not have the scope view of run c");
        let shown: Vec<String> = rights.visible().unwrap().iter().map(|pattern| pattern.as_str().to_owned()).collect();
        assert_eq!(shown, ["b*", "a*"]);
        assert!(RequestRights::everybodys().visible().is_none());
    }

    #[test]
    fn nobody_is_told_that_a_credential_is_needed() {
        let nobody = RequestRights::of(Vec::new(), Scopes::default(), None);
        assert!(nobody.require(Scopes::default(), None).is_ok(), "what is public is everybody's");
        let told = nobody.require(Scopes::from_iter([Scope::View]), None).unwrap_err().to_string();
        assert!(told.starts_with("401 unauthenticated: "), "{told}");
    }

    #[test]
    fn a_bearer_is_read_whatever_the_case_of_its_scheme_and_nothing_else_is() {
        let read = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            bearer(&headers).map(|token| token.map(str::to_owned)).map_err(|problem| problem.to_string())
        };
        assert_eq!(read("Bearer x"), Ok(Some("x".to_owned())));
        assert_eq!(read("bearer  x "), Ok(Some("x".to_owned())));
        for bad in ["Basic eA==", "Bearer", "Bearer  ", "x"] {
            assert!(read(bad).unwrap_err().starts_with("401 invalid_authorization"), "{bad}");
        }
        assert!(bearer(&HeaderMap::new()).unwrap().is_none());
        let mut two = HeaderMap::new();
        two.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
        two.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer y"));
        assert!(bearer(&two).unwrap_err().to_string().starts_with("401 invalid_authorization"));
    }
}
