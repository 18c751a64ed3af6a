//! The actors. Each has one responsibility, and they speak only by messages.
//!
//! ```text
//! Supervisor
//! ├─ Bridge      permanent   lets rooms hear what other nodes store; in a cluster only
//! ├─ Presence    permanent   tells the other nodes who is connected here; in a cluster only
//! ├─ Registry    permanent   the only creator and rooms of rooms
//! │   └─ Room      transient   one per run, on demand: the local sequencer of its log
//! ├─ CatalogWriter    permanent   writes the list of runs behind the log
//! ├─ Heartbeat   permanent   pulses the worker threads' thread agents
//! └─ Lifecycle     permanent   ends, seals and expires runs
//!
//! on each worker thread, around its Hub (what they share without leaving the thread):
//! Thread agent                      pulses the thread's viewers, and closes them when the node goes
//! Broadcaster      temporary     one per run with viewers here: hands its room's segments out
//! Session      temporary     one per connection: a cursor that follows one run
//! ```

pub mod bridge;
pub mod catalog_writer;
pub mod cleanup;
pub mod compression;
pub mod heartbeat;
pub mod hub;
pub mod lifecycle;
pub mod messages;
pub mod presence;
pub mod registry;
pub mod room;
pub mod session;
pub mod shared;
pub mod supervision;
pub mod supervisor;
