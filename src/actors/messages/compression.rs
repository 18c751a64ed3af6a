//! What the compression understands.

use std::path::PathBuf;

use actix::Message;

use crate::artifacts::SmallerFile;

/// Find a smaller form of a file that stays until this is answered. Answered with `None`: it is stored as it came.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Option<SmallerFile>")]
pub struct Compress {
    /// The file.
    pub source: PathBuf,
    /// What it is said to be.
    pub content_type: String,
}
