//! `deploy/`: its balancers in front of real nodes, and its files held to the configuration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod autoscaling;
mod balancer;
mod closed;
mod compose;
mod dashboard;
mod death;
mod drain;
mod idle;
mod image;
mod kubernetes;
mod kubernetes_artifacts;
mod kustomize;
mod live_traces;
mod nodes;
mod pen;
mod proxies;
mod quitter;
mod readers;
mod requests;
mod resuming;
mod retries;
mod series;
mod settings;
mod sizing;
mod traffic;
mod unit;
mod yaml;

/// A file of `deploy/`.
fn shipped(file: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
