//! The public vocabulary of each actor, a file or a folder per receiver. A message belongs to the actor that handles
//! it.

pub mod bridge;
pub mod broadcaster;
pub mod catalog_writer;
pub mod cleanup;
pub mod compression;
pub mod registry;
pub mod room;
pub mod screen;
pub mod supervisor;
pub mod thread_agent;
pub mod viewer;
