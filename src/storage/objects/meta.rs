//! The metadata that a store keeps of an object.

use object_store::{Attribute, Attributes};

use crate::protocol::ContentCoding;

/// The headers with which a store serves an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Media type of the decoded object.
    pub content_type: String,
    /// Content coding of the stored bytes.
    pub coding: ContentCoding,
    /// The whole value of `Content-Disposition`; empty for none.
    pub disposition: String,
}

impl ObjectMeta {
    /// The metadata as HTTP headers, without the empty ones.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("content-type", self.content_type.clone())];
        if !self.disposition.is_empty() {
            headers.push(("content-disposition", self.disposition.clone()));
        }
        if self.coding != ContentCoding::Identity {
            headers.push(("content-encoding", self.coding.as_str().to_owned()));
            // Google decodes gzip for clients that do not announce that they accept it, but the signature is for the
            // stored bytes.
            headers.push(("cache-control", "no-transform".to_owned()));
        }
        headers
    }

    /// The metadata as attributes of `object_store`.
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
