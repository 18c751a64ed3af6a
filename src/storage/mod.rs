//! What is kept: the journal (the runs' logs) and the catalog (what runs there are). Traits and their implementations;
//! no actor, no HTTP.

pub mod catalog;
pub mod data_dir;
pub mod journal;
pub mod redis;
