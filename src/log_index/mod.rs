//! Parts of a run's log that somebody looks for: events by test and type, a word, the state as of an event, the run
//! over time.
//!
//! All of it is answered from an index of the run's log, which is built when somebody asks for the first time, by
//! reading the log from the journal, and brought up to the tip by each further question. It costs nothing for runs that nobody
//! asks for, and nothing on the way of an event. The indexes of a node have a bound in bytes; the one that nobody has
//! used for longest goes first.

pub mod core;
mod error;
mod kept;
mod page;
mod search;
mod service;
mod states;
mod timeline;

pub use core::{EventFilter, Needle, StateAt, Timeline};
pub use error::QueryError;
pub use page::{FilteredPage, FilteredQuery, FoundEvent, PageFrom};
pub use search::{SearchCursor, SearchPage, SearchPlace, SearchQuery, VoidFrom};
pub use service::{LogQueries, QueryLimits};
pub use states::EarlierState;
