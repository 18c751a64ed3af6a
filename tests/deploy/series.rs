//! What PromQL asks for, and what a node exports.

use std::collections::BTreeSet;

use runcast::telemetry::metrics::{METRICS, MetricKind};

/// Labels that Prometheus adds to every series, and the one of a histogram's buckets.
const EVERYWHERE: [&str; 3] = ["instance", "job", "le"];

/// What `METRICS` says of the series `name`: that it is exported, and as what.
fn described(name: &str) -> Option<(MetricKind, &'static str)> {
    METRICS.iter().find_map(|(kind, metric, _, help)| {
        let is_it = match kind {
            MetricKind::Counter | MetricKind::Gauge => name == *metric,
            MetricKind::Histogram => {
                ["_bucket", "_sum", "_count"].iter().any(|part| name.strip_suffix(part) == Some(*metric))
            }
        };
        is_it.then_some((*kind, *help))
    })
}

/// A series that an expression names: its name, and the matchers behind it.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    pub(crate) name: &'a str,
    pub(crate) matchers: Vec<(&'a str, &'a str)>,
    /// Whether a range follows.
    is_over_time: bool,
    /// Whether it stands in a function that a gauge may stand in with a range.
    is_forecast: bool,
}

/// The series of runcast's that an expression names.
pub(crate) fn series(expression: &str) -> Vec<Series<'_>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (start, _) in expression.match_indices("runcast_") {
        if expression[..start].ends_with(is_part) {
            continue;
        }
        let text = &expression[start..];
        let (name, rest) = text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()));
        let (matchers, rest) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}').unwrap(),
            None => ("", rest),
        };
        // label="value", label=~"value" ...
        let matchers = matchers.split(',').filter_map(|matcher| matcher.split_once('"'));
        let matchers = matchers
            .map(|(label, value)| (label.trim().trim_end_matches(['=', '!', '~']), value.trim_end_matches('"')));
        let is_forecast = expression[..start].ends_with("predict_linear(");
        found.push(Series { name, matchers: matchers.collect(), is_over_time: rest.starts_with('['), is_forecast });
    }
    found
}

/// Labels by which an expression groups.
fn groups(expression: &str) -> impl Iterator<Item = &str> {
    let by = expression.split("by (").skip(1).filter_map(|rest| rest.split_once(')'));
    by.flat_map(|(labels, _)| labels.split(',')).map(str::trim)
}

/// That every series is exported with the labels asked for, and that nobody asks for the rate of a gauge.
#[track_caller]
pub(crate) fn assert_exported(whose: &str, expression: &str) {
    let mut labels = BTreeSet::from(EVERYWHERE);
    for Series { name, matchers, is_over_time, is_forecast } in series(expression) {
        let (kind, help) = described(name).unwrap_or_else(|| panic!("{whose}: no node exports {name}"));
        // The table names labels between backticks.
        let own: Vec<_> = help.split('`').skip(1).step_by(2).collect();
        for (label, _) in &matchers {
            assert!(own.contains(label) || EVERYWHERE.contains(label), "{whose}: {name} has no label {label}");
        }
        labels.extend(own);
        assert!((kind == MetricKind::Gauge && is_over_time) == is_forecast, "{whose}: {name} is a {kind:?}");
    }
    for group in groups(expression) {
        assert!(labels.contains(group), "{whose}: nothing there has a label {group}");
    }
}
