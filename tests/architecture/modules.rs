//! Which file a path means: the tree of modules, with what each of them imports or hands on.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Import, Source, imports};

/// The modules of the crate.
pub(crate) struct Modules {
    /// The file of each module.
    files: BTreeMap<Vec<String>, String>,
    /// The names that each file imports, and the paths from the root that they mean.
    names: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// What each file uses.
    used: BTreeMap<String, Vec<Vec<String>>>,
}

/// A path longer than this is one that leads back to itself.
const MAX_STEPS: usize = 32;

/// The module that a file is.
fn module(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

impl Modules {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let sources = || sources.iter().filter(|source| source.path != "main.rs");
        let files = sources().map(|source| (module(&source.path), source.path.clone())).collect();
        let mut modules = Self { files, names: BTreeMap::new(), used: BTreeMap::new() };
        let found: Vec<_> = sources().map(|source| (&source.path, imports(&source.code))).collect();
        // Those that begin at the root first: others may begin with a name of theirs.
        for rooted in [true, false] {
            for (path, (imports, _)) in &found {
                for Import { path: written, name } in imports {
                    if matches!(written[0].as_str(), "crate" | "super" | "self") == rooted
                        && let Some(meant) = modules.rooted_path(path, written)
                    {
                        modules.names.entry((*path).clone()).or_default().insert(name.clone(), meant);
                    }
                }
            }
        }
        for (path, (imports, paths)) in &found {
            let all = imports.iter().map(|import| &import.path).chain(paths);
            let used = all.filter_map(|written| modules.rooted_path(path, written)).collect();
            modules.used.insert((*path).clone(), used);
        }
        modules
    }

    /// A path as the file at `path` writes it, from the root; `None` when it leads out of the crate.
    fn rooted_path(&self, path: &str, written: &[String]) -> Option<Vec<String>> {
        let here = module(path);
        let (first, rest) = written.split_first()?;
        let ups = written.iter().take_while(|part| *part == "super").count();
        let base = match first.as_str() {
            "crate" => Vec::new(),
            "self" => here,
            "super" => return Some([&here[..here.len().checked_sub(ups)?], &written[ups..]].concat()),
            name => {
                let child = [here, vec![name.to_owned()]].concat();
                match (self.files.contains_key(&child), self.names.get(path).and_then(|names| names.get(name))) {
                    (true, _) => child,
                    (false, Some(meant)) if written.len() > 1 => meant.clone(),
                    _ => return None,
                }
            }
        };
        Some([base, rest.to_vec()].concat())
    }

    /// The file that defines what a path from the root names.
    fn file_of(&self, path: &[String]) -> Option<&str> {
        let mut path = path.to_vec();
        for _ in 0..MAX_STEPS {
            let depth = (0..=path.len()).rev().find(|depth| self.files.contains_key(&path[..*depth]))?;
            let file = &self.files[&path[..depth]];
            let handed_on = path.get(depth).and_then(|name| self.names.get(file)?.get(name));
            match handed_on {
                Some(meant) if *meant != path => path = [&meant[..], &path[depth + 1..]].concat(),
                _ => return Some(file),
            }
        }
        None
    }

    /// What a file uses of the crate, as paths from the root.
    pub(crate) fn used(&self, file: &str) -> &[Vec<String>] {
        self.used.get(file).map_or(&[], Vec::as_slice)
    }

    /// Which files each file uses.
    pub(crate) fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let of = |file: &'_ str, used: &'_ [Vec<String>]| {
            let files = used.iter().filter_map(|path| self.file_of(path));
            files.filter(|used| *used != file).collect()
        };
        self.used.iter().map(|(file, used)| (file.as_str(), of(file, used))).collect()
    }
}
