//! Who wants something of a run.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who wants something, as the edge knows it. Made once per request or connection, before any handler.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// Who, opaque and the same at each request: what a lease is bound to. `anon:` begins that of one who gave no name.
    pub subject: Arc<str>,
    /// The name for people.
    pub name: Arc<str>,
    /// What it is.
    pub kind: PrincipalKind,
    /// The way that it came.
    pub via: Via,
    /// Whether the server knows that it is so; false: the client said so.
    pub verified: bool,
}

/// What wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person.
    Human,
    /// A program that decides by itself.
    Agent,
    /// runcast, because a time has passed.
    Server,
}

/// The way that a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// A viewer's WebSocket.
    Ws,
    /// HTTP.
    Http,
    /// The Model Context Protocol.
    Mcp,
    /// The server itself.
    Server,
}

impl Principal {
    /// The server itself.
    pub fn server() -> Self {
        let name = || Arc::from("runcast");
        Self { subject: name(), name: name(), kind: PrincipalKind::Server, via: Via::Server, verified: true }
    }
}
