//! The tree: one style of modules, files of one concept, names that mean one thing.

use std::collections::BTreeMap;

use crate::source::{root, shipped, sources};

/// Public types that may share a name, and why. None may.
const SHARED_NAMES: &[&str] = &[];

#[test]
fn a_module_with_parts_is_a_folder_with_a_mod_rs() {
    for source in sources("src") {
        let folder = root().join("src").join(source.path.trim_end_matches(".rs"));
        assert!(
            !folder.is_dir(),
            "src/{0} stands beside a folder of its name: make it {1}/mod.rs",
            source.path,
            folder.display()
        );
    }
}

#[test]
fn no_file_has_more_than_400_lines() {
    for folder in ["src", "tests", "benches"] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            assert!(lines <= 400, "{folder}/{} has {lines} lines: which second concept is in it?", source.path);
        }
    }
}

/// The name of a type that a line declares for others.
fn public_type(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')')?.1,
        None => rest,
    };
    let kinds = ["struct ", "enum ", "union ", "trait ", "type "];
    let name = kinds
        .iter()
        .find_map(|kind| rest.trim_start().strip_prefix("unsafe ").unwrap_or(rest.trim_start()).strip_prefix(kind))?;
    name.split(|char: char| !char.is_alphanumeric() && char != '_').next()
}

#[test]
fn a_public_type_has_a_name_of_its_own() {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in shipped() {
        for name in source.code.lines().filter_map(public_type).filter(|name| !name.is_empty()) {
            files.entry(name.to_owned()).or_default().push(format!("src/{}", source.path));
        }
    }
    assert!(files.len() > 300, "the declarations are not understood");
    files.retain(|name, files| files.len() > 1 && !SHARED_NAMES.contains(&name.as_str()));
    assert!(files.is_empty(), "{files:#?}");
}

#[test]
fn objects_are_deleted_in_one_file() {
    let deletes = |code: &str| {
        let code: String = code.split_whitespace().collect();
        code.contains("objects.delete(") || code.contains("objects.clear(")
    };
    let outside = shipped().into_iter().filter(|source| !source.path.starts_with("storage/objects/"));
    let found: Vec<_> = outside.filter(|source| deletes(&source.code)).map(|source| source.path).collect();
    assert_eq!(found, ["artifacts/removal.rs"]);
}
