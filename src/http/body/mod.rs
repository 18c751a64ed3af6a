//! A request's body: read within its bounds, and decoded.

pub mod decode;
pub mod read;
