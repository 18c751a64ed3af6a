//! One node: the real binary, real sockets, real kills.
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

mod access;
mod bounds;
mod clients;
mod clock;
mod events_page;
mod failures;
mod hints;
mod http_edge;
mod ingest;
mod json_text;
mod lifecycle;
mod limits;
mod log_parts;
mod mcp;
mod ops_listener;
mod pages;
mod producers;
mod recorded_run;
mod reserved;
mod rfc6455;
mod run_list;
mod screens;
mod signals;
mod slow_senders;
mod slow_viewers;
mod soak;
mod stamped;
mod steering;
mod steering_deadlines;
mod trace_viewer;
mod watching;
