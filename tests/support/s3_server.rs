//! The S3 server of the tests as a program, for tests that are not written in Rust: prints the settings of a node that
//! stores its artifacts here, `NAME=VALUE` a line, then an empty line; ends when its input does.
#![allow(clippy::unwrap_used)]

use std::io::{self, Read as _, Write as _};

#[allow(dead_code, reason = "tests use its other parts")]
#[path = "s3.rs"]
mod s3;

fn main() -> io::Result<()> {
    let server = s3::S3Server::start();
    let settings = server.settings().map(|(name, value)| format!("{name}={value}\n")).concat();
    writeln!(io::stdout(), "{settings}")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
