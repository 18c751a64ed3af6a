//! What is kept: the journal (the runs' logs), the catalog (what runs and artifacts there are), the artifacts' objects,
//! the packages that are handed out, presence (who is connected to which node of a cluster); and beside the logs, for a
//! time, signs of life, secrets and screens.
//! No actor, no HTTP.

pub mod catalog;
pub mod data_dir;
pub mod format;
pub mod journal;
pub mod objects;
pub mod packages;
pub mod presence;
pub mod redis;
pub mod revocation_bell;
pub mod screens;
pub mod secrets;
pub mod signs;
pub mod space;
mod sqlite_file;
