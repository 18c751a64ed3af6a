//! The protocol of runcast: events, segments, cursors, frames and messages.
//!
//! Everything here is pure: no actor, no socket, no file. The rules on which the delivery guarantee rests are here,
//! with their tests.

pub mod artifact;
pub mod client_version;
pub mod clock;
pub mod close;
pub mod coding;
pub mod connection;
pub mod cursor;
pub mod event;
pub mod field;
mod field_tree;
pub mod frame;
pub mod head;
pub mod hints;
pub mod ids;
pub mod interest;
pub mod json_text;
pub mod likeness;
pub mod lineage;
pub mod live_trace;
pub mod message;
pub mod pack;
pub mod principal;
pub mod producer_event;
pub mod retention;
pub mod rights;
pub mod run_word;
pub mod schema;
pub mod screen;
pub mod segment;
pub mod server_event;
pub mod sign;
pub mod state_part;
pub mod status;
pub mod strict;
pub mod timestamp;
pub mod trusted_url;
pub mod variant;
pub mod verdict;
pub mod viewer_command;
pub mod vocabulary;

pub use artifact::{ArtifactId, ArtifactKind, ArtifactName, ArtifactState, Sha256};
pub use client_version::ClientVersion;
pub use clock::{Clock, Jump};
pub use coding::ContentCoding;
pub use connection::Connection;
pub use cursor::{After, Cursor};
pub use hints::Hints;
pub use ids::{Epoch, ProducerId, RunId, Seq};
pub use interest::Interest;
pub use lineage::Lineage;
pub use live_trace::TraceId;
pub use principal::{MCP_SUBJECT, Principal, PrincipalKind, Via};
pub use producer_event::ProducerEvent;
pub use retention::{Pin, Retention};
pub use rights::{Rights, RunPatterns, Scope, Scopes};
pub use run_word::{RunGroup, RunWord};
pub use screen::{ScreenChoice, ScreenOf, StreamId};
pub use segment::{Lines, Segment};
pub use server_event::ServerEvent;
pub use sign::{Seen, Sign};
pub use state_part::{StatePart, TestsQuery};
pub use timestamp::{Timestamp, parse_span};
pub use variant::Variant;
