//! What is kept: the journal (the runs' logs), the catalog (what runs there are) and presence (who is connected to which
//! node of a cluster). Traits and their implementations; no actor, no HTTP.

pub mod catalog;
pub mod data_dir;
pub mod journal;
pub mod presence;
pub mod redis;
