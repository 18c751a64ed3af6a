//! No file needs another that needs it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::modules::Modules;
use crate::source::shipped;

/// Uses that close a circle and are about to go.
const KNOWN: &[(&str, &str)] = &[];

/// Whether one of two files is the `mod.rs` above the other. A module and its parts are one thing in several files: a
/// part sees what its module keeps to itself.
fn are_one(a: &str, b: &str) -> bool {
    let above = |module: &str, part: &str| module.strip_suffix("mod.rs").is_some_and(|folder| part.starts_with(folder));
    above(a, b) || above(b, a)
}

/// The shortest way from a file back to it.
fn circle<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> Option<Vec<&'a str>> {
    let mut came: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for next in edges.get(at).into_iter().flatten().copied() {
            if next == from {
                let mut way = vec![from];
                let mut back = at;
                while back != from {
                    way.push(back);
                    back = came[back];
                }
                way.push(from);
                way.reverse();
                return Some(way);
            }
            if !came.contains_key(next) {
                came.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

#[test]
fn no_file_needs_another_that_needs_it() {
    let sources = shipped();
    let modules = Modules::of(&sources);
    let all = modules.edges();
    let counted = |from: &str, to: &str| !are_one(from, to) && !KNOWN.contains(&(from, to));
    let edges = all.iter().map(|(from, to)| (*from, to.iter().copied().filter(|to| counted(from, to)).collect()));
    let edges: BTreeMap<&str, BTreeSet<&str>> = edges.collect();
    let mut circles = BTreeMap::new();
    for from in edges.keys() {
        if let Some(way) = circle(&edges, from) {
            circles.entry(way.iter().copied().collect::<BTreeSet<_>>()).or_insert(way.join(" -> "));
        }
    }
    assert!(circles.is_empty(), "\n{}", circles.into_values().collect::<Vec<_>>().join("\n"));
    for (from, to) in KNOWN {
        assert!(all[from].contains(to), "{from} does not use {to} any more: take it out of KNOWN");
    }
    assert!(all.values().map(BTreeSet::len).sum::<usize>() > 1_000, "the files' `use` lines are not understood");
}
