//! Variables that begin like those of the settings and mean nothing.

use std::collections::BTreeMap;

use crate::protocol::likeness;

/// Prefix of the variables that set a key: `RUNCAST__SECTION__KEY`.
pub(super) const PREFIX: &str = "RUNCAST__";

/// How all variables of runcast begin.
const NAMESPACE: &str = "RUNCAST_";

/// What follows it in variables that are no settings of the server: those of its tools, clients and tests.
const OTHERS: [&str; 15] = [
    "config",
    "url",
    "run",
    "variant",
    "token",
    "enabled",
    "trace",
    "producer",
    "node",
    "bin",
    "binary",
    "write",
    "playwright",
    "port",
    "service",
];

/// A variable that means nothing.
pub(super) enum Misspelt {
    /// It is a key's name: whoever sets it means that key.
    Certainly(String),
    /// It is like one.
    Perhaps(String),
}

/// What is wrong with a variable that begins like ours with one underscore, and means nothing: `RUNCAST_BIND`. `keys` are
/// all keys behind their sections.
pub(super) fn find(name: &str, keys: &[(String, String)]) -> Option<Misspelt> {
    let rest = name.strip_prefix(NAMESPACE).filter(|rest| !rest.starts_with('_'))?.to_ascii_lowercase();
    // Others set theirs beside ours; Kubernetes sets some for each service, also for one that is called runcast.
    if OTHERS.contains(&rest.as_str()) || ["port_", "service_"].iter().any(|start| rest.starts_with(start)) {
        return None;
    }
    let text = |section: &str, key: &str| {
        let meant = format!("{PREFIX}{section}__{key}").to_ascii_uppercase();
        format!("there is no such variable{}", hint(&meant))
    };
    let is_it = |(section, key): &&(String, String)| rest == *key || rest == format!("{section}_{key}");
    if let Some((section, key)) = keys.iter().find(is_it) {
        return Some(Misspelt::Certainly(text(section, key)));
    }
    let names: BTreeMap<String, _> =
        keys.iter().map(|(section, key)| (format!("{section}_{key}"), (section, key))).collect();
    let (section, key) = names.get(likeness::nearest(&rest, names.keys().map(String::as_str))?)?;
    Some(Misspelt::Perhaps(text(section, key)))
}

/// Names what may have been meant.
pub(super) fn hint(known: &str) -> String {
    format!("; did you mean {known}?")
}
