//! Injures actors in every way there is, and looks at what becomes of them, of their messages and of their parents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, missing_docs)]

mod permanent;
mod service;
mod spawn;
mod stop;
mod toy;
mod transient;
