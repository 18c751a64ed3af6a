//! `scripts/bench crowd`: a small crowd on two nodes gets everything, and the script says so.

use std::{path::Path, process::Command};

/// The cells of the only row of the report.
fn cells(report: &str) -> Vec<&str> {
    let row = report.lines().rfind(|line| line.starts_with("| ")).unwrap_or_else(|| panic!("no row in {report}"));
    row.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn a_crowd_of_two_hundred_on_two_nodes_misses_nothing() {
    let programs = Path::new(env!("CARGO_BIN_EXE_runcast-load")).parent().unwrap();
    assert!(programs.join("runcast").exists(), "the server is not built: cargo build");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/bench");
    let arguments = ["crowd", "--viewers", "200", "--nodes", "2"];
    // The script waits for no step longer than its patience, and ends what it has started.
    let done = Command::new("python3").arg(script).args(arguments).env("BENCH_BIN", programs).output().unwrap();
    let (report, told) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{report}\n{told}");
    let cells = cells(&report);
    assert_eq!((cells[0], cells[4]), ("200", "8,000"), "{report}");
    assert_eq!(cells[5..8], ["0", "0", "0"], "missing, extra and disordered: {report}");
}

#[test]
fn a_crowd_that_its_nodes_can_not_hold_is_refused() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/bench");
    let arguments = ["crowd", "--viewers", "40000", "--nodes", "2"];
    let done = Command::new("python3").arg(script).args(arguments).env("BENCH_BIN", "/nowhere").output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && told.contains("40,000 viewers need 3 nodes"), "{told}");
}
