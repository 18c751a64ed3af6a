//! Refuses query parameters that a route does not have, so that a misspelt one is told and not passed over.
//!
//! The parameters of each route are those that `openapi.json` names: what is not described there is not taken. Paths
//! outside of the API, but for `/ready`, take whatever they are given: pages, the trace viewers, packages and figures.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, web};
use serde_json::Value;

use super::api::ops::OPENAPI;
use super::problem::Problem;
use super::route;
use crate::protocol::likeness::nearest;

/// Most characters of an unknown name that are shown.
const SHOWN: usize = 64;

/// The names of the parameters of each route: by its pattern, then by its method in lower case.
static KNOWN: LazyLock<HashMap<String, HashMap<String, Vec<String>>>> = LazyLock::new(|| read(OPENAPI));

fn read(openapi: &str) -> HashMap<String, HashMap<String, Vec<String>>> {
    let document: Value = serde_json::from_str(openapi).unwrap_or_default();
    let of_path = |item: &Value| {
        let methods = members(item).filter(|(name, _)| *name != "parameters");
        methods.map(|(method, operation)| (method.clone(), names(&document, &[item, operation]))).collect()
    };
    members(&document["paths"]).map(|(pattern, item)| (pattern.clone(), of_path(item))).collect()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The names of the query parameters of a path item and of an operation in it.
fn names(document: &Value, owners: &[&Value]) -> Vec<String> {
    let parameters = owners.iter().filter_map(|owner| owner["parameters"].as_array()).flatten();
    let resolved = parameters.map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
        None => parameter,
    });
    let queries = resolved.filter(|parameter| parameter["in"] == "query");
    queries.filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned())).collect()
}

/// Whether the parameters of this path are checked.
fn is_checked(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/ws/") || path == "/ready"
}

/// The refusal of a query, if a name in it is none of those that the route has.
fn refusal(method: &Method, pattern: &str, query: &str) -> Option<Problem> {
    let method = if *method == Method::HEAD { "get".to_owned() } else { method.as_str().to_ascii_lowercase() };
    let known = KNOWN.get(pattern)?.get(&method)?;
    // What is no query at all is told by whoever reads it.
    let given = web::Query::<Vec<(String, String)>>::from_query(query).ok()?.into_inner();
    let (unknown, _) = given.into_iter().find(|(name, _)| !known.contains(name))?;
    let name: String = unknown.chars().take(SHOWN).collect();
    let meant = nearest(&name, known.iter().map(String::as_str));
    let hint = meant.map(|meant| format!(" (did you mean {meant}?)")).unwrap_or_default();
    let all = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let route = format!("{} {pattern}", method.to_ascii_uppercase());
    let detail = format!("{name:?} is no parameter of {route}{hint}, which takes {all}");
    let problem =
        Problem::bad_request("unknown_parameter", detail).with("parameter", name).with("known", known.clone());
    Some(match meant {
        Some(meant) => problem.with("didYouMean", meant),
        None => problem,
    })
}

/// Middleware that refuses a request with an unknown query parameter with 400 `unknown_parameter`.
pub async fn check_parameters<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !request.query_string().is_empty() && is_checked(request.match_info().as_str()) {
        let pattern = route::pattern(&request).unwrap_or_default();
        if let Some(problem) = refusal(request.method(), &pattern, request.query_string()) {
            return Ok(request.error_response(problem));
        }
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: Method, pattern: &str, query: &str) -> Option<String> {
        refusal(&method, pattern, query).map(|problem| problem.to_string())
    }

    #[test]
    fn a_name_that_the_route_has_not_is_refused_with_the_one_that_may_be_meant() {
        let told = refused(Method::GET, "/api/runs", "branch=main&limt=3").unwrap();
        assert!(
            told.contains(
                "unknown_parameter: \"limt\" is no parameter of GET /api/runs (did you mean limit?), which takes "
            ),
            "{told}"
        );
        let told = refused(Method::GET, "/api/runs/{runId}/timeline", "odd=1").unwrap();
        assert!(
            told.ends_with("\"odd\" is no parameter of GET /api/runs/{runId}/timeline, which takes bins"),
            "{told}"
        );
        let told = refused(Method::POST, "/api/runs/{runId}/events", "after=1").unwrap();
        assert!(told.ends_with("which takes none"), "{told}");
        let long = refused(Method::GET, "/api/runs", &"x".repeat(5_000)).unwrap();
        assert!(long.len() < 400, "{long}");
    }

    #[test]
    fn what_the_route_has_passes_however_it_is_written() {
        for (method, pattern, query) in [
            (Method::GET, "/api/runs", "status=failed&%6Cimit=3&q=a+b"),
            (Method::HEAD, "/api/runs", "limit=3"),
            (Method::GET, "/api/tests/{runId}/history", "test=a&test=b"),
            (Method::GET, "/api/runs/{runId}/events", "&&"),
            (Method::GET, "/none", "odd=1"),
            (Method::PATCH, "/api/runs", "odd=1"),
        ] {
            assert_eq!(refused(method, pattern, query), None, "{pattern}?{query}");
        }
    }

    #[test]
    fn routes_of_the_api_are_checked_and_pages_are_not() {
        for (path, checked) in [
            ("/api/runs", true),
            ("/ws/runs/r", true),
            ("/ready", true),
            ("/", false),
            ("/runs/r", false),
            ("/trace/", false),
            ("/metrics", false),
        ] {
            assert_eq!(is_checked(path), checked, "{path}");
        }
    }
}
