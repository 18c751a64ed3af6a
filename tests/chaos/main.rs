//! Servers that are killed, stopped, frozen and cut off under load: no acknowledged event is lost, none is doubled.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod faults;
mod history;
mod one_node;
mod producer;
mod rolling;
mod steering;
mod watcher;

/// From `SEED`, or another one each time; it is printed, so that a schedule can be played again.
fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| uuid::Uuid::now_v7().as_u128() as u64 % 1_000_000_000);
    eprintln!("SEED={seed} plays this again, as far as the machine allows");
    seed
}
