//! Injures actors and tasks in every way there is, and looks at what becomes of them, of their messages and of their
//! parents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, missing_docs)]

mod hub;
mod injuries;
mod permanent;
mod post;
mod registry;
mod room;
mod service;
mod spawn;
mod stop;
#[path = "../support/mod.rs"]
mod support;
mod tasks;
mod thread;
mod toy;
mod transient;
mod tree;
#[path = "../contract/journal/words.rs"]
#[allow(dead_code, reason = "the contract's words, of which some are used here")]
mod words;
