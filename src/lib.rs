//! runcast
