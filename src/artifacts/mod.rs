//! What one can do with artifacts: upload, announce, complete, list, download, pin, delete, make smaller.
//!
//! [`ArtifactService`] holds the two halves of an artifact together: its row in the catalog and its object in the store. A
//! row is announced before a byte is stored, and says where the bytes are until they are gone. Nothing is handed out
//! but what is ready: whole, checked, not expired. It knows neither HTTP nor actors; what it needs of them are
//! [`ArtifactPorts`].

mod departure;
mod digest;
mod direct;
mod disposition;
mod download;
mod error;
mod event;
mod health;
mod keys;
mod links;
mod live;
mod new_artifact;
mod permit_stream;
mod ports;
mod receive;
mod removal;
mod repeats;
mod replace;
mod service;
mod spool;
mod store;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod upload;

pub use departure::{DeletedBy, Departure};
pub use digest::Digesting;
pub use direct::{AnnouncedArtifact, UploadUrl};
pub use disposition::{content_disposition, is_shown};
pub use download::{DownloadForm, DownloadUrl};
pub use error::ArtifactError;
pub use health::Health;
pub use keys::{INCOMING, RUNS};
pub use links::{download_path, saved_percent};
pub use live::{ListedTrace, LiveEntry, LiveTrace, LiveTraceError, LiveTraceLimits, LiveTraces, RemovedTraces};
pub use new_artifact::NewArtifact;
pub use ports::{ArtifactPorts, Compressor, RunLog, SmallerFile};
pub use service::{ArtifactLimits, ArtifactParts, ArtifactService, ListedArtifacts, UploadPermit};
pub use spool::{Spool, SpoolFile};
pub use store::Completed;
pub use upload::UploadBody;

/// Uploads that are completed, and artifacts that are deleted, at a time in a store that is elsewhere. They have
/// permits of their own: readers, who may take their time, can't hold them up.
pub const CHANGES_AT_A_TIME: usize = 16;
/// The catalog's note about the last cleanup of any node.
pub const LAST_CLEANUP: &str = "cleanup.last";
