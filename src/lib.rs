//! runcast: watch automated test runs live, losing nothing.
//!
//! A run is a log; everything else is a reader of it. See ARCHITECTURE.md.

pub mod actors;
pub mod app;
pub mod backoff;
pub mod budget;
pub mod cli;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod http;
pub mod meters;
pub mod node;
pub mod protocol;
pub mod storage;
pub mod telemetry;
