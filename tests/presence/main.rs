//! Who is connected to which node: three real nodes, a real Redis, and a proxy with faults between them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test says so by failing

#[path = "../support/mod.rs"]
mod support;

mod namesakes;
mod nodes;
mod outages;
mod register;
mod restarts;
