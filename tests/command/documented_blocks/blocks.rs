//! The fenced blocks, and the code within sentences, of all pages.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block.
pub(super) struct Block {
    pub(super) page: String,
    line: usize,
    /// What stands behind the fence.
    pub(super) kind: String,
    /// Without the indentation of its fence.
    pub(super) text: String,
}

impl Block {
    pub(super) fn file_name(&self) -> &str {
        self.page.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.page, self.line)
    }
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The pages of the repository: its root's, all of docs/ and deploy/, and those of the packages.
fn pages() -> Vec<String> {
    let mut found = Vec::new();
    find("", false, &mut found);
    find("docs/", true, &mut found);
    find("deploy/", true, &mut found);
    found.extend(["web/README.md", "clients/js/README.md", "clients/playwright/README.md"].map(str::to_owned));
    found.retain(|page| page != "CHANGELOG.md");
    found.sort();
    found
}

fn find(folder: &str, deep: bool, found: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let name = format!("{folder}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() && deep {
            find(&format!("{name}/"), deep, found);
        } else if name.ends_with(".md") {
            found.push(name);
        }
    }
}

pub(super) fn all() -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    for page in pages() {
        let mut open: Option<(usize, Block)> = None;
        for (index, line) in read(&page).lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let fence = line.trim_start().strip_prefix("```");
            match (fence, &mut open) {
                (Some(kind), None) => {
                    let block =
                        Block { page: page.clone(), line: index + 1, kind: kind.to_owned(), text: String::new() };
                    open = Some((indent, block));
                }
                (Some(_), Some(_)) => found.extend(open.take().map(|(_, block)| block)),
                (None, Some((indent, block))) => {
                    block.text += &format!("{}\n", line.get(*indent..).unwrap_or_default())
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{page}: a block does not end");
    }
    found
}

/// The code within sentences, and the page of each; a span may go on in the next line.
pub(super) fn spans() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages() {
        let mut text = read(&page);
        for block in all().iter().filter(|block| block.page == page) {
            text = text.replace(&block.text, "");
        }
        for paragraph in text.replace("```", "").split("\n\n") {
            let spans = paragraph.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| (page.clone(), span.split_whitespace().collect::<Vec<_>>().join(" "))));
        }
    }
    found
}
