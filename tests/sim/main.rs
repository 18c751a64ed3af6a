//! The simulator: the real pure parts of journal, room, broadcaster and session under a seeded
//! scheduler that drops, delays, doubles and reorders, loses the store's last writes, kills rooms, stalls sockets and
//! moves viewers between nodes. Whatever a viewer receives is checked against the log after each step.
//!
//! A failing seed is reported with the shortest schedule that still fails, as a trace. `RUNCAST_SIM_SEEDS=100000` tries
//! more seeds, `RUNCAST_SIM_SEED=17` tries one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bridge;
mod broadcaster;
mod chance;
mod drain;
mod following;
mod house;
mod node;
mod producer;
mod reading;
mod rest;
mod room;
mod run;
mod schedule;
mod session;
mod site;
mod store;
mod trace;
mod viewer;
mod wire;
mod world;

use schedule::Kind;

/// What seeds must have met all together: a simulator that misses one of these has lost its teeth.
const MUST_MEET: &[&str] = &[
    "admission refused",
    "append repeated",
    "asked before the greeting",
    "claim beyond the tip",
    "closed for a restart",
    "closed to try again",
    "connected",
    "delivery partly old",
    "doubt without loss",
    "drain announced",
    "drained",
    "epoch told",
    "expired",
    "broadcaster ended",
    "broadcaster mailbox full",
    "gap",
    "late duplicate",
    "log grew elsewhere",
    "looked again",
    "newcomer closed",
    "ping answered",
    "post repeated",
    "producer gap",
    "registry away",
    "reset",
    "resumed",
    "room died",
    "room found retired",
    "room in quarantine",
    "room mailbox full",
    "room retired",
    "screen shown",
    "several segments in one pass",
    "writes lost",
];

#[test]
fn on_one_node_no_schedule_breaks_the_guarantee() {
    let met = run::all(Kind::OneNode, 5_000);
    run::must_have_met(&met, MUST_MEET);
}

#[test]
fn in_a_cluster_no_schedule_breaks_the_guarantee() {
    let met = run::all(Kind::Cluster, 5_000);
    run::must_have_met(&met, MUST_MEET);
    run::must_have_met(
        &met,
        &[
            "append ran late",
            "deaf",
            "doorbell for a hole",
            "doorbell skipped",
            "doorbell taken",
            "hole closed by itself",
            "hole filled",
            "hole leapt over",
            "left a draining node",
            "page of another incarnation",
            "read in doubt",
            "run lost whole",
        ],
    );
}
