//! The dashboard.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::series::{assert_exported, series};
use crate::shipped;
use crate::yaml::{list, number, text};

fn dashboard() -> Value {
    serde_json::from_str(&shipped("grafana/dashboard.json")).unwrap()
}

/// What its panels ask for.
pub(crate) fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let targets = list(&dashboard, "/panels").iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| text(target, "/expr").to_owned()).collect()
}

#[test]
fn every_panel_asks_for_what_is_exported() {
    for expression in expressions() {
        assert_exported(&expression, &expression);
    }
    assert!(expressions().iter().filter(|expression| !series(expression).is_empty()).count() > 20);
}

#[test]
fn every_variable_that_a_panel_uses_is_defined() {
    let dashboard = dashboard();
    let variables = list(&dashboard, "/templating/list");
    let mut defined: BTreeSet<&str> = variables.iter().map(|variable| text(variable, "/name")).collect();
    defined.insert("__rate_interval");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for expression in expressions() {
        for used in expression.split('$').skip(1) {
            let used = &used[..used.find(|c| !is_part(c)).unwrap_or(used.len())];
            assert!(defined.contains(used), "${used} in {expression}");
        }
    }
    for variable in variables.iter().filter(|variable| variable["type"] == "query") {
        assert_exported("a variable", text(variable, "/query/query"));
    }
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_cover_one_another() {
    let dashboard = dashboard();
    let panels = list(&dashboard, "/panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| number(panel, "/id")).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let at = |key: &str| number(panel, &format!("/gridPos/{key}"));
        assert!(at("x") + at("w") <= 24, "{panel}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", text(panel, "/title"));
            }
        }
    }
}
