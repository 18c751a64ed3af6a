//! This version and the one before it: side by side in one cluster, and one after the other on the same data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod formats;
mod objects;
mod one_node;
mod previous;
mod replaced;
mod side_by_side;
mod steering;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Stdio;

use previous::Previous;
use support::{Cluster, TestNode, soon};
use tokio::process::Command;

/// This version.
const PRESENT: &str = env!("CARGO_BIN_EXE_runcast");

const SIGNING_KEY: (&str, &str) = ("RUNCAST__OBJECTS__SIGNING_KEY", "a key of thirty-two characters..");

/// A cluster of one node of the version before this one and, started after it, one of this version. Their artifacts are
/// in the directory `objects`.
async fn mixed(objects: &Path) -> Cluster {
    let url = format!("dir:{}", objects.display());
    let settings = [SIGNING_KEY, ("RUNCAST__OBJECTS__URL", &url), ("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0")];
    let redis = [("appendonly", "yes"), ("appendfsync", "always")];
    let mut cluster = Cluster::start_with(0, &redis, &settings).await;
    cluster.add_build(Previous::get().program());
    cluster.add_node();
    cluster
}

/// Both nodes, and both again with their parts changed.
fn both_ways(cluster: &Cluster) -> [(&TestNode, &TestNode, &'static str); 2] {
    let [old, new] = &cluster.nodes[..] else { panic!("two nodes") };
    [(old, new, "from-old"), (new, old, "from-new")]
}

/// Runs a command to its end, which must be a good one; what it wrote to stdout.
async fn done(program: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(std::env::temp_dir());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = soon(&format!("the end of {arguments:?}"), command.output()).await.unwrap();
    let [told, complaints] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{} {arguments:?}: {told}{complaints}", program.display());
    told
}
