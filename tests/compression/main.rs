//! How artifacts are stored: real traces, what is refused and why, whatever there may be, and decoding on the way out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

mod decoding;
mod forms;
mod properties;
mod refused;
mod rezipped;
mod tools;
mod zips;
