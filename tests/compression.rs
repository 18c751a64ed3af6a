//! How artifacts are stored: real traces, what is refused and why, whatever there may be, and decoding on the way out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

#[path = "compression/decoding.rs"]
mod decoding;
#[path = "compression/forms.rs"]
mod forms;
#[path = "compression/properties.rs"]
mod properties;
#[path = "compression/refused.rs"]
mod refused;
#[path = "compression/rezipped.rs"]
mod rezipped;
#[path = "compression/tools.rs"]
mod tools;
#[path = "compression/zips.rs"]
mod zips;
