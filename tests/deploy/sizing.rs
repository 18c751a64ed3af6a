//! `scripts/sizing`: what the pages say of machines is what it computes, from figures that were measured.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PAGES: [&str; 2] = ["docs/performance.md", "docs/operations.md"];

/// Runs the script of the repository in `root`.
fn sizing(root: &Path, arguments: &[&str]) -> Output {
    let python = Command::new("python3").arg(root.join("scripts/sizing")).args(arguments).output();
    python.expect("python3 is in PATH (Debian: apt-get install python3)")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The script and its pages in a directory of their own.
fn copied() -> tempfile::TempDir {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
    for file in PAGES.into_iter().chain(["scripts/sizing"]) {
        fs::create_dir_all(to.path().join(file).parent().unwrap()).unwrap();
        fs::copy(from.join(file), to.path().join(file)).unwrap();
    }
    to
}

fn changed(root: &Path, page: &str, from: &str, to: &str) {
    let text = fs::read_to_string(root.join(page)).unwrap();
    assert!(text.contains(from), "{page} has no {from}");
    fs::write(root.join(page), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_pages_say_what_the_script_computes() {
    let checked = sizing(Path::new(env!("CARGO_MANIFEST_DIR")), &["--check"]);
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn examples_and_figures_that_differ_from_what_was_measured_are_told() {
    let copy = copied();
    changed(copy.path(), PAGES[1], "| a crowd | 20 |", "| a crowd | 21 |");
    let checked = sizing(copy.path(), &["--check"]);
    assert!(!checked.status.success() && said(&checked).contains("scripts/sizing --write"), "{}", said(&checked));
    assert!(sizing(copy.path(), &["--write"]).status.success());
    assert!(sizing(copy.path(), &["--check"]).status.success());

    // A figure that nobody has measured.
    changed(copy.path(), PAGES[0], "| `viewer` | 1,914 B |", "| `viewer` | 914 B |");
    let checked = sizing(copy.path(), &["--check"]);
    assert!(
        !checked.status.success() && said(&checked).contains("viewer: 914 B does not stand in"),
        "{}",
        said(&checked)
    );
}

#[test]
fn one_node_is_told_its_disk_and_a_cluster_its_redis_and_its_postgresql() {
    let told = |arguments: &[&str]| {
        let output = sizing(Path::new(env!("CARGO_MANIFEST_DIR")), arguments);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let (single, cluster) = (told(&["--events", "2e6"]), told(&["--events", "2e6", "--nodes", "3"]));
    for (line, of_cluster) in
        [("disk: journal", false), ("disk: catalog", false), ("Redis: memory", true), ("PostgreSQL: disk", true)]
    {
        assert_eq!((single.contains(line), cluster.contains(line)), (!of_cluster, of_cluster), "{line}");
    }
    assert!(single.contains("1,914 B a viewer"), "each number says where it is from: {single}");
}
