//! A file uses only what its row of the table in ARCHITECTURE.md names, and what is in the same row's location.

use std::fs;

use crate::modules::Modules;
use crate::source::{root, shipped};

/// A location and what it may use, as module paths; `None` for everything.
struct Row {
    location: String,
    uses: Option<Vec<String>>,
}

/// What stands between backticks in a cell.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(|path| path.trim_end_matches('/').to_owned()).collect()
}

/// The table between `<!-- layers -->` and `<!-- /layers -->`: layer | where | uses. Only what stands between backticks
/// counts, paths in `src`; `everything` in the last column allows everything. Each location may use itself.
fn table() -> Vec<Row> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, rest) = page.split_once("<!-- layers -->").expect("ARCHITECTURE.md has no <!-- layers -->");
    let (table, _) = rest.split_once("<!-- /layers -->").expect("ARCHITECTURE.md has no <!-- /layers -->");
    let lines = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let rows = lines.flat_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, locations, uses] = cells[..] else { panic!("not three columns: {line}") };
        let uses = (uses != "everything").then(|| quoted(uses));
        quoted(locations).into_iter().map(move |location| Row { location, uses: uses.clone() })
    });
    rows.collect()
}

/// Whether a path with slashes is a location, or in it.
fn is_in(path: &str, location: &str) -> bool {
    path.strip_prefix(location).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
}

/// The row of a file: a longer location is more specific and wins.
fn row<'a>(rows: &'a [Row], file: &str) -> Option<&'a Row> {
    rows.iter().filter(|row| is_in(file, &row.location)).max_by_key(|row| row.location.len())
}

#[test]
fn every_layer_uses_only_what_it_may() {
    let (rows, sources) = (table(), shipped());
    let modules = Modules::of(&sources);
    let mut broken = Vec::new();
    for source in &sources {
        let file = source.path.as_str();
        if matches!(file, "lib.rs" | "actors/mod.rs") {
            continue; // they name modules, and use none
        }
        let Some(Row { location, uses }) = row(&rows, file) else {
            broken.push(format!("src/{file} belongs to no layer: name it in the table of ARCHITECTURE.md"));
            continue;
        };
        let Some(uses) = uses else { continue };
        for used in modules.used(file).iter().map(|path| path.join("/")) {
            if !uses.iter().chain([location]).any(|allowed| is_in(&used, allowed)) {
                broken.push(format!("src/{file} must not use {}", used.replace('/', "::")));
            }
        }
    }
    broken.sort();
    broken.dedup();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_location_of_the_layers_exists() {
    for Row { location, uses } in table() {
        for path in uses.iter().flatten().chain([&location]) {
            let there = root().join("src").join(path);
            assert!(there.is_dir() || there.with_extension("rs").is_file(), "src/{path} is not there");
        }
    }
}
