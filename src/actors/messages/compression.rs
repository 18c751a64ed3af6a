//! What the compression understands.

use std::path::PathBuf;

use actix::Message;
use async_trait::async_trait;

use super::super::supervision::ServiceRecipient;
use crate::artifacts::{Compressor, SmallerFile};

/// Find a smaller form of a file that stays until this is answered. Answered with `None`: it is stored as it came.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Option<SmallerFile>")]
pub struct Compress {
    /// The file.
    pub source: PathBuf,
    /// What it is said to be.
    pub content_type: String,
}

#[async_trait]
impl Compressor for ServiceRecipient<Compress> {
    async fn compress(&self, source: PathBuf, content_type: String) -> Result<Option<SmallerFile>, String> {
        self.ask(Compress { source, content_type }).await.map_err(|refused| refused.to_string())
    }
}
