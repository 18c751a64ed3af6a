//! What a store has to know of an object besides its bytes.

use object_store::{Attribute, Attributes};

use crate::protocol::ContentCoding;

/// How an object is to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its media type once it is decoded.
    pub content_type: String,
    /// How its bytes are encoded.
    pub coding: ContentCoding,
    /// The whole value of `Content-Disposition`; empty for none.
    pub disposition: String,
}

impl ObjectMeta {
    /// The same as headers; those that are not needed are left out.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("content-type", self.content_type.clone())];
        if !self.disposition.is_empty() {
            headers.push(("content-disposition", self.disposition.clone()));
        }
        if self.coding != ContentCoding::Identity {
            headers.push(("content-encoding", self.coding.as_str().to_owned()));
            // Google decodes gzip for whoever does not say that it can do so itself; what is stored is what we sign for.
            headers.push(("cache-control", "no-transform".to_owned()));
        }
        headers
    }

    /// The same as a store's library takes it.
    pub(super) fn attributes(&self) -> Attributes {
        let named = |(name, value): (&str, String)| {
            let attribute = match name {
                "content-disposition" => Attribute::ContentDisposition,
                "content-encoding" => Attribute::ContentEncoding,
                "cache-control" => Attribute::CacheControl,
                _ => Attribute::ContentType,
            };
            (attribute, value)
        };
        self.headers().into_iter().map(named).collect()
    }
}
