//! The simulator: the server's own cores of room, broadcaster and session, and the journal's rules, under a seeded
//! scheduler that drops, delays, doubles and reorders, loses the store's last writes, kills rooms and bridges, stalls
//! sockets and moves viewers between nodes. Whatever a viewer, a reader by pages or a producer receives is checked
//! against the log after each step, and at the end everything must come to rest with everybody having everything.
//!
//! What stands here around the rules is what actors do: mailboxes, timers, effects performed in order. The rules of
//! room, broadcaster, session, hub and bridge and those of appends are the server's own. Doubles are the registry
//! (`registry.rs`: one room per run, let go when it asks to), the journal's storage (`store.rs`), Redis (a subscription
//! that stands or not), the catalog (a row), the clients, and of the bridge's actor when it asks the journal: the
//! scheduler says when.
//!
//! A failing seed is reported with the shortest schedule that still fails, as a trace. `RUNCAST_SIM_SEEDS=100000` tries
//! more seeds, `RUNCAST_SIM_SEED=17` tries one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod bridge;
mod broadcaster;
mod chance;
mod drain;
mod node;
mod poller;
mod producer;
mod registry;
mod rest;
mod room;
mod run;
mod schedule;
mod session;
mod steering;
mod store;
mod surroundings;
mod trace;
mod viewer;
mod wire;
mod witness;
mod world;

use schedule::Kind;

/// What seeds must have met all together: a simulator that misses one of these has lost its teeth.
const MUST_MEET: &[&str] = &[
    "admission refused",
    "append repeated",
    "asked before the greeting",
    "catalog writer full",
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
    "head learned anew",
    "late duplicate",
    "log grew elsewhere",
    "long poll dropped",
    "long poll told",
    "looked again",
    "newcomer closed",
    "nudged",
    "page read",
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
    "room stopped",
    "row listed",
    "screen shown",
    "several segments in one pass",
    "state folded",
    "writes lost",
    // Steering.
    "act claimed",
    "ask answered",
    "ask expired",
    "ask interrupted",
    "clock stepped",
    "command answered",
    "command expired",
    "command repeated",
    "command_claimed",
    "command_expired",
    "commands heard",
    "control moved",
    "control poll dropped",
    "control read",
    "control_reset",
    "decision stored",
    "decision stored after more than one try",
    "decision unknown",
    "folds compared",
    "lease stolen",
    "lease_held",
    "poll reset",
    "report repeated",
    "run_ended",
    "signs looked up",
    "steered a retired room",
    "steering answer lost",
    "steering saturated",
    "steering unavailable",
    "worker crashed",
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
            "bridge away",
            "bridge built anew",
            "bridge told anew",
            "control moved before a decision was stored",
            "control of another incarnation",
            "deaf",
            "doorbell for a hole",
            "doorbell skipped",
            "doorbell taken",
            "hole closed by itself",
            "hole filled",
            "hole leapt over",
            "human_in_control",
            "lease expired",
            "left a draining node",
            "page of another incarnation",
            "read in doubt",
            "read in doubt again",
            "run lost whole",
            "screen of another node handed out",
            "screen of another node shown",
        ],
    );
}
