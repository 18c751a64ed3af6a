//! The public vocabulary of each actor, one file per receiver. A message belongs to the actor that handles it.

pub mod bridge;
pub mod cleanup;
pub mod compression;
pub mod gallery;
pub mod heartbeat;
pub mod presence;
pub mod recorder;
pub mod registry;
pub mod room;
pub mod supervisor;
pub mod usher;
pub mod viewer;
