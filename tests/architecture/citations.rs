//! No page and no comment cites a file that is not there.

use std::fs;
use std::path::Path;

use crate::source::{root, sources};

/// Folders that are made, not written.
const MADE: &[&str] = &[".git", "target", "node_modules"];
/// Ends of names by which a word is known as a file's.
const ENDS: &[&str] = &["rs", "lua", "sql", "md", "js", "html"];
/// Names that stand for any file's, or for files that a server makes.
const EXAMPLES: &[&str] = &["x.rs", "x/mod.rs", "report.html"];

/// All files of the repository, as paths from its top.
fn files() -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if MADE.iter().any(|made| entry.file_name() == *made) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                collect(&entry.path(), found);
            } else {
                found.push(entry.path().strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = Vec::new();
    collect(root(), &mut found);
    found
}

/// A word with choices between braces as a word for each choice.
fn spread(word: &str) -> Vec<String> {
    let parts = word.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (choices, after))) = parts else { return vec![word.to_owned()] };
    choices.split(',').map(|choice| format!("{before}{}{after}", choice.trim())).collect()
}

/// A word that names a file of ours, with what follows a line's colon taken off.
fn cited(word: &str) -> Option<String> {
    let word =
        word.trim_matches(|char: char| !char.is_alphanumeric() && !matches!(char, '/' | '_' | '.' | '{' | '}' | '*'));
    let word = word.trim_end_matches(['.', ',', ';', ':', '/']).split(':').next()?;
    let folder =
        ["src/", "tests/", "docs/", "benches/", "deploy/", "scripts/", "fuzz/"].iter().any(|top| word.starts_with(top));
    let end = word.rsplit_once('.').filter(|(name, _)| !name.is_empty()).is_some_and(|(_, end)| ENDS.contains(&end));
    let plain = |char: char| char.is_alphanumeric() || matches!(char, '/' | '_' | '.' | '-' | '{' | '}' | ',' | '*');
    ((folder || end) && word.chars().all(plain)).then(|| word.to_owned())
}

/// Whether a file or a folder is there: by its path from the top, or by the end of it.
fn is_there(files: &[String], word: &str) -> bool {
    let word = word.trim_start_matches("../").trim_start_matches("./");
    let word =
        word.split_once('*').map_or(word, |(before, _)| before.rsplit_once('/').map_or("", |(folder, _)| folder));
    let fits = |file: &String| {
        file == word
            || file.ends_with(&format!("/{word}"))
            || file.starts_with(&format!("{word}/"))
            || file.contains(&format!("/{word}/"))
    };
    word.is_empty() || EXAMPLES.contains(&word) || files.iter().any(fits)
}

#[test]
fn every_link_of_a_page_leads_to_a_file_and_its_heading() {
    let files = files();
    let mut broken = Vec::new();
    for page in files.iter().filter(|file| file.ends_with(".md")) {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for (at, _) in text.match_indices("](") {
            let link = text[at + 2..].split([')', ' ']).next().unwrap_or_default();
            if link.is_empty() || link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { root().join(page) } else { root().join(page).parent().unwrap().join(path) };
            if !target.exists() {
                broken.push(format!("{page} links to {link}"));
            } else if !heading.is_empty() && path.ends_with(".md") | path.is_empty() {
                let there = fs::read_to_string(&target).unwrap();
                if !there.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading) {
                    broken.push(format!("{page} links to {link}, which has no such heading"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// What a heading is called in links.
fn anchor(line: &str) -> String {
    let text = line.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect()
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let files = files();
    let mut broken = Vec::new();
    // The changelog tells of what was.
    for page in files.iter().filter(|file| file.ends_with(".md") && *file != "CHANGELOG.md") {
        let text = fs::read_to_string(root().join(page)).unwrap();
        // Between single backticks; a fenced block is no citation.
        let prose: String = text.split("```").step_by(2).collect();
        for quoted in prose.split('`').skip(1).step_by(2) {
            for word in quoted.split_whitespace().filter_map(cited).flat_map(|word| spread(&word)) {
                if !is_there(&files, &word) {
                    broken.push(format!("{page} names {word}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_that_a_comment_names_is_there() {
    let files = files();
    let mut broken = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz"] {
        for source in sources(folder) {
            for (line, comment) in &source.comments {
                let words = comment.split(|char: char| char.is_whitespace() || matches!(char, '`' | '(' | ')' | '"'));
                for word in words.filter_map(cited).flat_map(|word| spread(&word)) {
                    if !is_there(&files, &word) {
                        broken.push(format!("{folder}/{}:{line} names {word}", source.path));
                    }
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}
