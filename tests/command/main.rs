//! The real binary's tools, against servers of our own that say exactly what a test needs.

// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod artifacts;
mod backup;
mod cleanup;
mod demo;
mod doctor;
mod doctor_objects;
mod documented_blocks;
mod documented_workers;
mod download;
mod formats;
mod http_double;
mod keeping;
mod looking;
mod moving;
mod publish;
mod publish_again;
mod publish_bad;
mod publish_spill;
mod reports;
mod search;
mod serve;
mod steer;
mod steering;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod unreachable;
mod upload;
mod upload_direct;
mod upload_resumed;
mod watch;
mod watch_end;
mod ws_double;

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longest that any of these may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The binary, in an environment of its own, killed with the test.
fn runcast(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
    command
        .args(arguments)
        .env_clear()
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn finish(child: Child) -> Output {
    timeout(DEADLINE, child.wait_with_output()).await.expect("it did not end").unwrap()
}

async fn output(mut command: Command) -> Output {
    finish(command.spawn().unwrap()).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
