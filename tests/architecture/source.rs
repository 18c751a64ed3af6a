//! The files of a folder, taken apart as far as the gates need it: code without comments, literals and tests; comments;
//! `use`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file.
pub(crate) struct Source {
    /// Behind the folder that was read, with `/`.
    pub(crate) path: String,
    /// As it stands there.
    pub(crate) text: String,
    /// Comments and what is between quotes are blank, and what only tests compile is gone.
    pub(crate) code: String,
    /// Each comment's line, from 1, and text.
    pub(crate) comments: Vec<(usize, String)>,
}

/// The top of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files of a folder of the repository, sorted.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    let folder = root().join(folder);
    let mut paths = Vec::new();
    collect(&folder, &mut paths);
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let (code, comments) = blanked(&text);
        let path = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        Source { path, text, code, comments }
    };
    paths.into_iter().map(read).collect()
}

/// The files of `src` that are in the binary: without those that only tests compile.
pub(crate) fn shipped() -> Vec<Source> {
    let mut all = sources("src");
    let mut tests = BTreeSet::new();
    for source in &mut all {
        let (code, modules) = without_tests(&source.code);
        source.code = code;
        let folder = source.path.trim_end_matches(".rs").trim_end_matches("/mod");
        tests.extend(modules.into_iter().map(|module| format!("{folder}/{module}")));
    }
    let of_tests = |path: &str| {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        tests.iter().any(|test| module == test || module.starts_with(&format!("{test}/")))
    };
    all.retain(|source| !of_tests(&source.path));
    all
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Code with comments and the content of literals blank, and the comments.
fn blanked(text: &str) -> (String, Vec<(usize, String)>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut comments) = (String::with_capacity(text.len()), Vec::new());
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut line = 1;
    let mut index = 0;
    while index < chars.len() {
        let word_before = index > 0 && (at(index - 1).is_alphanumeric() || at(index - 1) == '_');
        let end = match (at(index), at(index + 1)) {
            ('/', '/') => (index..chars.len()).find(|end| at(*end) == '\n').unwrap_or(chars.len()),
            ('/', '*') => end_of_block(&chars, index),
            ('"', _) => end_of_text(&chars, index + 1),
            ('r', '"' | '#') if !word_before || at(index - 1) == 'b' => end_of_raw(&chars, index + 1).unwrap_or(index),
            ('\'', '\\') => (index + 3..chars.len()).find(|end| at(*end) == '\'').map_or(chars.len(), |end| end + 1),
            ('\'', _) if at(index + 2) == '\'' => index + 3,
            _ => index,
        };
        if end == index {
            line += usize::from(at(index) == '\n');
            code.push(at(index));
            index += 1;
            continue;
        }
        let skipped = &chars[index..end];
        if at(index) == '/' {
            comments.push((line, skipped.iter().collect()));
        }
        for skipped in skipped {
            line += usize::from(*skipped == '\n');
            code.push(if *skipped == '\n' { '\n' } else { ' ' });
        }
        index = end;
    }
    (code, comments)
}

fn end_of_block(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut index = from;
    while index + 1 < chars.len() {
        match (chars[index], chars[index + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                index += 1;
                continue;
            }
        }
        index += 2;
        if depth == 0 {
            return index;
        }
    }
    chars.len()
}

fn end_of_text(chars: &[char], from: usize) -> usize {
    let mut index = from;
    while index < chars.len() {
        match chars[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

/// `r"..."`, `r#"..."#`; `None` when it is a raw name.
fn end_of_raw(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|char| **char == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return None;
    }
    let body = from + hashes + 1;
    let closes = |end: &usize| {
        chars[*end] == '"' && chars[*end + 1..].iter().take(hashes).filter(|char| **char == '#').count() == hashes
    };
    Some((body..chars.len()).find(closes).map_or(chars.len(), |end| end + 1 + hashes))
}

/// Code without the items that only tests compile, and the files that are among them.
fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut left, mut rest, mut modules) = (String::new(), code, Vec::new());
    while let Some(start) = rest.find(MARK) {
        left.push_str(&rest[..start]);
        let item = &rest[start + MARK.len()..];
        let end = item.find([';', '{']).unwrap_or(item.len());
        let body = match item[end..].starts_with('{') {
            true => end + end_of_braces(&item[end..]),
            false => (end + 1).min(item.len()),
        };
        if let Some(name) = item[..end].trim().rsplit_once("mod ").filter(|_| item[end..].starts_with(';')) {
            modules.push(name.1.trim().to_owned());
        }
        rest = &item[body..];
    }
    left.push_str(rest);
    (left, modules)
}

/// Length of a text up to the brace that closes its first.
fn end_of_braces(text: &str) -> usize {
    let mut depth = 0;
    for (index, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return index + 1;
        }
    }
    text.len()
}

/// What one `use` brings in: the path as written, and the name that it has here.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) name: String,
}

/// All that a code's `use` items bring in, and all paths from `crate`, `self` or `super` that stand elsewhere in it.
pub(crate) fn imports(code: &str) -> (Vec<Import>, Vec<Vec<String>>) {
    let (mut imports, mut elsewhere) = (Vec::new(), String::new());
    let mut rest = code;
    while let Some(start) = find_use(rest) {
        elsewhere.push_str(&rest[..start]);
        let item = &rest[start + "use ".len()..];
        let end = item.find(';').unwrap_or(item.len());
        flatten(&mut Vec::new(), &item[..end].split_whitespace().collect::<Vec<_>>().join(" "), &mut imports);
        rest = &item[end..];
    }
    elsewhere.push_str(rest);
    (imports, paths(&elsewhere))
}

fn find_use(code: &str) -> Option<usize> {
    code.match_indices("use ").map(|(at, _)| at).find(|at| {
        let before = code[..*at].trim_end_matches(' ');
        before.is_empty() || before.ends_with(['\n', ';', '{', '}', ')', ']']) || before.ends_with("pub")
    })
}

/// One tree of a `use`, behind what stands before it.
fn flatten(before: &mut Vec<String>, tree: &str, found: &mut Vec<Import>) {
    let depth = before.len();
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        before.extend(tree[..open].split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        let inner = end_of_braces(&tree[open..]).saturating_sub(2);
        for part in parts(&tree[open + 1..open + 1 + inner]) {
            flatten(before, part, found);
        }
    } else if !tree.is_empty() {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        before.extend(path.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()));
        if before.last().is_some_and(|last| last == "self") && before.len() > 1 {
            before.pop();
        }
        let name = if alias.is_empty() { before.last().cloned().unwrap_or_default() } else { alias.trim().to_owned() };
        found.push(Import { path: before.clone(), name });
    }
    before.truncate(depth);
}

/// Splits at the commas that are in no braces.
fn parts(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (index, char) in list.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[from..index]);
                from = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    parts
}

/// Paths that begin with `crate`, `self` or `super`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|char| is_word(char) || char == ':' || char == '$') {
                continue;
            }
            let path: String = code[at..].chars().take_while(|char| is_word(*char) || *char == ':').collect();
            found.push(path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
        }
    }
    found
}

#[test]
fn code_is_what_is_neither_comment_nor_text_nor_for_tests() {
    let text = "use a; // use b;\nlet quote = '\"'; let raw = r#\"use c; \"quoted\"\"#; /* use /* d */ ; */ let life: &'static str = \"use e;\";\n\
                #[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod more { fn f() { if x { use g; } } }\nuse h;";
    let (code, comments) = blanked(text);
    assert_eq!(comments.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2]);
    let (code, modules) = without_tests(&code);
    assert_eq!(modules, ["tests"]);
    assert_eq!(imports(&code).0.iter().map(|import| import.name.as_str()).collect::<Vec<_>>(), ["a", "h"]);
}

#[test]
fn a_use_is_taken_apart_into_the_paths_that_it_means() {
    let code =
        "pub(super) use a::{\n    b::{self, C as D},\n    e::*,\n};\nfn f() { crate::g::h(); super::super::I::new() }";
    let (imports, paths) = imports(code);
    let written: Vec<_> = imports.iter().map(|import| format!("{} {}", import.path.join("::"), import.name)).collect();
    assert_eq!(written, ["a::b b", "a::b::C D", "a::e::* *"]);
    assert_eq!(paths.iter().map(|path| path.join("::")).collect::<Vec<_>>(), ["crate::g::h", "super::super::I::new"]);
}
