//! runcast: watch automated test runs live, losing nothing.
//!
//! A run is a log; everything else is a reader of it. See ARCHITECTURE.md.

pub mod access;
pub mod actors;
pub mod app;
pub mod artifacts;
pub mod audit;
pub mod backoff;
pub mod budget;
pub mod cli;
pub mod compression;
pub mod config;
pub mod control;
pub mod demo;
pub mod descriptors;
pub mod http;
pub mod log_index;
pub mod node;
pub mod protocol;
pub mod report;
pub mod run_state;
pub mod steering;
pub mod storage;
pub mod tasks;
pub mod telemetry;
pub mod thread_metrics;
