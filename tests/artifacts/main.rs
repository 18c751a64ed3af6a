//! Artifacts through a real server, by somebody who means it no good: what is sent is wrong, cut short, or too much,
//! what it stands on fails, and what is asked for is none of the asker's business.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod body_checks;
mod cleanup;
mod clock;
mod cluster;
mod content;
mod cut;
mod deletion;
mod descriptors;
mod direct;
mod download;
mod export;
mod failing;
mod figures;
mod fixture;
#[path = "../command/http_double.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of it")]
mod http_double;
mod limits;
mod live_traces;
mod live_traces_elsewhere;
mod names;
mod origins;
mod pins;
mod recompress;
#[path = "../support/mod.rs"]
mod support;

mod repeats;
mod resumed;
mod space;
mod sweep;
mod upload;
mod zip;

/// How long a double waits for a request.
const DEADLINE: std::time::Duration = support::SOON;
