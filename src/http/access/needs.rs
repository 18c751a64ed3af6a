//! What each route needs, as `openapi.json` says it in its members `security`: one of these scopes, or nothing.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::super::api::ops::OPENAPI;
use crate::protocol::{Scope, Scopes};

/// By the pattern of the route, then by the method in lower case.
type Needs = HashMap<String, HashMap<String, Scopes>>;

static NEEDS: LazyLock<Result<Needs, String>> = LazyLock::new(|| read(OPENAPI));

/// The scopes of which a request needs one; none: it is public. `None`: the route has no such method.
pub(in crate::http) fn of(method: &str, pattern: &str) -> Option<Scopes> {
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
    NEEDS.as_ref().ok()?.get(pattern)?.get(&method).copied()
}

/// Checks that each route says what it needs.
///
/// # Errors
/// The operation that does not.
pub fn check_needs() -> Result<(), String> {
    NEEDS.as_ref().map(drop).map_err(Clone::clone)
}

fn read(openapi: &str) -> Result<Needs, String> {
    let document: Value = serde_json::from_str(openapi).map_err(|error| error.to_string())?;
    let paths = document["paths"].as_object().into_iter().flatten();
    let of_path = |(pattern, item): (&String, &Value)| {
        let operations = item.as_object().into_iter().flatten().filter(|(name, _)| *name != "parameters");
        let needs = operations.map(|(method, operation)| {
            let scopes = scopes(&operation["security"]).ok_or_else(|| format!("{method} {pattern} has no security"))?;
            Ok((method.clone(), scopes))
        });
        // A path's last part may have slashes, which OpenAPI does not say.
        let routed = pattern.replace("{file}", "{file:.*}").replace("{entry}", "{entry:.*}");
        let needs: HashMap<String, Scopes> = needs.collect::<Result<_, String>>()?;
        Ok([(pattern.clone(), needs.clone()), (routed, needs)])
    };
    let all: Vec<_> = paths.map(of_path).collect::<Result<_, String>>()?;
    Ok(all.into_iter().flatten().collect())
}

/// `[{"access": ["view"]}, {"access": ["publish"]}]`: one of both.
fn scopes(security: &Value) -> Option<Scopes> {
    let alternatives = security.as_array()?.iter();
    let one = |alternative: &Value| match alternative["access"].as_array()?.as_slice() {
        [scope] => scope.as_str()?.parse::<Scope>().ok(),
        _ => None,
    };
    alternatives.map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_says_what_it_needs() {
        check_needs().unwrap();
        let need = |method, pattern| of(method, pattern).map(|scopes| scopes.to_string());
        assert_eq!(need("POST", "/api/runs/{runId}/events").as_deref(), Some("publish"));
        assert_eq!(need("HEAD", "/api/tests/{runId}/artifacts").as_deref(), Some("view publish"));
        assert_eq!(need("GET", "/trace/{file:.*}").as_deref(), Some(""));
        assert_eq!(need("PATCH", "/api/runs"), None);
        assert_eq!(need("GET", "/none"), None);
    }

    #[test]
    fn a_route_that_does_not_say_it_is_told() {
        let told = read(r#"{"paths":{"/x":{"get":{"security":[]},"post":{}}}}"#).unwrap_err();
        assert_eq!(told, "post /x has no security");
        for odd in [r#"[{"access":[]}]"#, r#"[{"access":["admin"]}]"#, r#"[{"key":["view"]}]"#, r#"["view"]"#] {
            let document = format!(r#"{{"paths":{{"/x":{{"get":{{"security":{odd}}}}}}}}}"#);
            assert!(read(&document).is_err(), "{odd}");
        }
    }
}
