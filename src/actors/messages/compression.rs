//! Messages of the compression.

use std::path::PathBuf;

use actix::Message;
use async_trait::async_trait;

use super::super::supervision::ServiceRecipient;
use crate::artifacts::{Compressor, SmallerFile};

/// Find a smaller form of a file, which must stay until this is answered. The answer `None` means that the original is
/// stored.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Option<SmallerFile>")]
pub struct Compress {
    /// The file.
    pub source: PathBuf,
    /// The content type that the producer named.
    pub content_type: String,
}

#[async_trait]
impl Compressor for ServiceRecipient<Compress> {
    async fn compress(&self, source: PathBuf, content_type: String) -> Result<Option<SmallerFile>, String> {
        self.ask(Compress { source, content_type }).await.map_err(|refused| refused.to_string())
    }
}
