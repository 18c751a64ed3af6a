//! Request bodies: read within limits, and decoded.

pub mod decode;
pub mod read;
