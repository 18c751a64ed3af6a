//! What steering is for, played by people, workers and agents on the nodes of a real cluster: they stop a run, look, act,
//! answer and let it go on, and its log says who did what.

mod asks;
mod cast;
mod races;
mod secrets;
mod story;
mod ways;

/// A Redis that keeps what it has acknowledged, in files that can be looked through.
const REDIS: [(&str, &str); 3] = [("appendonly", "yes"), ("appendfsync", "always"), ("rdbcompression", "no")];

/// Control ends soon after its holder is gone; nothing else ends by time but what a test lets end.
const SETTINGS: [(&str, &str); 6] = [
    ("RUNCAST__OBJECTS__SIGNING_KEY", "a key of thirty-two characters.."),
    ("RUNCAST__CONTROL__LEASE_SECS", "2"),
    ("RUNCAST__CONTROL__DUE_INTERVAL_MS", "50"),
    ("RUNCAST__CONTROL__COMMANDS_PER_SEC", "10000"),
    ("RUNCAST__CONTROL__COMMAND_BURST", "100000"),
    ("RUNCAST__LOG__FILTER", "debug"),
];
