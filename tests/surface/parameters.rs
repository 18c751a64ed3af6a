//! The OpenAPI document names every query parameter that a handler reads: what it does not name is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{between, document, root};

/// The names of an operation's query parameters, for each operation.
fn documented() -> Vec<BTreeSet<String>> {
    let openapi = document("src/http/openapi.json");
    let operations = openapi["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let names = operations.filter_map(|operation| operation["parameters"].as_array()).map(|parameters| {
        let of_query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        of_query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    });
    names.collect()
}

/// All code below a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap_or_default() })
        .collect()
}

fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn each_struct_of_query_parameters_is_what_a_documented_operation_takes() {
    let sources = sources(&root().join("src/http"));
    let structs: BTreeSet<&str> = between(&sources, "web::Query<", ">")
        .filter(|name| name.ends_with("Query") || name.ends_with("Parameters"))
        .collect();
    assert!(structs.len() > 12, "{structs:?}");
    let documented = documented();
    for name in structs {
        let start = format!("struct {name} {{\n");
        let body = between(&sources, &start, "\n}").next().unwrap_or_else(|| panic!("{name}"));
        let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('#'));
        let fields: BTreeSet<String> =
            lines.map(|line| camel_case(line.split(':').next().unwrap().rsplit(' ').next().unwrap())).collect();
        // The names of a viewer are read beside what it watches.
        let is_documented = documented.iter().any(|names| match name {
            "WatchQuery" => fields.is_subset(names),
            _ => fields == *names,
        });
        assert!(is_documented, "{name}: {fields:?}");
    }
}
