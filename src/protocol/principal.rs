//! Who wants something of a run.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Begins the subject of somebody's agent that came by MCP.
pub const MCP_SUBJECT: &str = "mcp:";

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

/// What begins the subject of one who gave no name.
const ANONYMOUS: &str = "anon:";

impl PrincipalKind {
    /// The name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
            Self::Server => "server",
        }
    }
}

impl Via {
    /// The name of the way.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::Http => "http",
            Self::Mcp => "mcp",
            Self::Server => "server",
        }
    }
}

impl Principal {
    /// A person by the name that it gave.
    pub fn named(name: &Arc<str>, via: Via) -> Self {
        Self { subject: name.clone(), name: name.clone(), kind: PrincipalKind::Human, via, verified: false }
    }

    /// A person that gave no name, by something that stays the same at each of its requests.
    pub fn anonymous(id: impl fmt::Display, via: Via) -> Self {
        let subject = format!("{ANONYMOUS}{id}").into();
        Self { subject, name: "anonymous".into(), kind: PrincipalKind::Human, via, verified: false }
    }

    /// The server itself.
    pub fn server() -> Self {
        let name = || Arc::from("runcast");
        Self { subject: name(), name: name(), kind: PrincipalKind::Server, via: Via::Server, verified: true }
    }
}
