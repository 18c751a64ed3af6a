//! HTTP as clients speak it, and as somebody speaks it who means no good: byte by byte.
//! Promised in docs/reliability.md, "Abuse".
mod expectations;
mod greeting;
mod heads;
mod hosts;
mod old;
mod pages;
mod parameters;
pub(crate) mod raw;
mod slashes;
mod slow_heads;
mod streams;
mod upgrades;
