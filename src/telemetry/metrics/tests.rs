use std::fs;
use std::path::Path;

use super::*;

#[test]
fn a_second_install_gives_the_same_metrics() {
    let first = install().unwrap();
    metrics::counter!("runcast_actor_restarts_total", "child" => "metrics-test").increment(2);
    let text = install().unwrap().render();
    assert!(text.contains("runcast_actor_restarts_total{child=\"metrics-test\"} 2"), "{text}");
    assert!(text.contains("# HELP runcast_actor_restarts_total Restarts"), "{text}");
    assert!(first.render().contains(&format!("runcast_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn seconds_fall_into_buckets() {
    let handle = install().unwrap();
    metrics::histogram!("metrics_test_seconds").record(0.002);
    handle.upkeep();
    let text = handle.render();
    assert!(text.contains("metrics_test_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
    assert!(text.contains("metrics_test_seconds_bucket{le=\"0.001\"} 0"), "{text}");
}

#[test]
fn every_metric_in_the_source_is_described() {
    fn visit(directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let names = text.split('"').filter(|word| word.starts_with("runcast_") && !word.contains(['{', ' ']));
                found.extend(names.map(str::to_owned));
            }
        }
    }
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() >= METRICS.len());
    // The beginning of names, and a table of the catalog.
    for name in found.iter().filter(|name| !["runcast_", "runcast_runs"].contains(&name.as_str())) {
        assert!(METRICS.iter().any(|(_, known, ..)| known == name), "{name} is not in the table");
    }
}
