//! The tree of ARCHITECTURE.md is the tree of the code, and nothing is started beside it.

use std::fs;
use std::path::{Path, PathBuf};

use runcast::actors::supervision::ChildKind;
use runcast::app::{TREE, TreeEntry};

fn kind(entry: &TreeEntry) -> &'static str {
    match entry.kind {
        ChildKind::Permanent => "permanent",
        ChildKind::Transient => "transient",
        ChildKind::Temporary => "temporary",
    }
}

/// `CatalogWriter`, `catalog_writer` and `Catalog writer` are one name.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// Name and kind of each line of the page's tree: its fenced block that begins with `Supervisor`.
fn tree_of(page: &str) -> Vec<(String, String)> {
    let block = page.split("```").find(|block| block.trim_start_matches("text").trim_start().starts_with("Supervisor"));
    let lines = block.expect("ARCHITECTURE.md has a fenced block that begins with `Supervisor`").lines();
    let child = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| ["permanent", "transient", "temporary"].contains(word))?;
        Some((plain(&words[..at].concat()), words[at].to_owned()))
    };
    lines.filter_map(child).collect()
}

/// The block as the code has it, to be pasted.
fn written() -> String {
    let line = |entry: &TreeEntry| {
        let indent = if entry.kind == ChildKind::Transient { "│  └─ " } else { "├─ " };
        format!("{:<22}{:<11}{}; {}\n", format!("{indent}{}", entry.name), kind(entry), entry.purpose, entry.present)
    };
    TREE.iter().map(line).collect()
}

#[test]
fn the_page_shows_the_tree_of_the_code() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let wanted: Vec<_> = TREE.iter().map(|entry| (plain(entry.name), kind(entry).to_owned())).collect();
    assert_eq!(tree_of(&page), wanted, "ARCHITECTURE.md should have:\n{}", written());
}

pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.push(path),
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    found
}

/// How tasks and threads are started by whoever does not use the supervision.
const BARE: &[&str] = &[
    "tokio::spawn(",
    "task::spawn(",
    "task::spawn_local(",
    "task::spawn_blocking",
    "rt::spawn(",
    "rt::task::",
    "thread::spawn(",
    "thread::Builder",
    "JoinSet",
    "Arbiter::",
    "runtime.spawn(",
    "handle.spawn(",
    ".run(session)",
    "Context::new().run(",
];

#[test]
fn nothing_is_started_beside_the_supervision() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let starts = ["tasks.rs", "actors/supervision/spawn.rs", "actors/supervision/temporary.rs"];
    let mut bare = Vec::new();
    for path in sources(&root) {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        // A command ends with its process.
        if starts.contains(&file.as_str()) || file.starts_with("cli/") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let found = BARE.iter().filter(|start| code.contains(**start));
        bare.extend(found.map(|start| format!("{file} has {start}: see src/tasks.rs")));
    }
    assert!(bare.is_empty(), "\n{}", bare.join("\n"));
}
