//! Several nodes that share Redis and PostgreSQL, and what they do when either is away, slow, or forgetful.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs
)]

#[path = "../support/mod.rs"]
mod support;

mod bridge_anew;
mod catalog_away;
mod doorbell;
mod formats;
mod log_parts;
mod nodes;
mod presence;
mod recorded_run;
mod redis_away;
mod redis_clock;
mod redis_link;
mod redis_lost;
mod redis_memory;
mod revocations;
mod run_list;
mod screens;
mod script;
mod secrets;
mod signs;
#[path = "../node/steering_deadlines/steered.rs"]
#[allow(dead_code, reason = "the words of steering on one node, of which some are used here")]
mod steered;
mod steering;
mod steering_deadlines;
mod steering_story;
#[path = "../contract/journal/words.rs"]
#[allow(dead_code, reason = "the journal contract's words, of which some are used here")]
mod words;
