//! The differences between the servers under test; all other code is the same for each.

use std::fmt;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::http::Connection;

/// A server under test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Target {
    /// runcast, this project.
    Runcast,
    /// nginx with the nchan module, configured by `scripts/bench`.
    Nchan,
    /// The bare server of this package, which only sends. It has a single run, whatever the path.
    Bare,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Runcast => "runcast",
            Self::Nchan => "nchan",
            Self::Bare => "bare",
        })
    }
}

impl Target {
    /// The path to which events of a run are posted.
    pub fn publish_path(self, run: &str) -> String {
        match self {
            Self::Runcast => format!("/api/runs/{run}/events"),
            Self::Nchan => format!("/pub?id={run}"),
            Self::Bare => "/events".into(),
        }
    }

    /// The path on which a run's future events are watched.
    pub fn live_path(self, run: &str) -> String {
        match self {
            Self::Runcast => format!("/ws/runs/{run}?after=latest"),
            Self::Nchan => format!("/sub?id={run}"),
            Self::Bare => "/viewers".into(),
        }
    }

    /// Whether a text message is an event, and not one of the server's own messages.
    pub fn is_event(self, message: &[u8]) -> bool {
        match self {
            Self::Runcast => message.starts_with(br#"{"seq":"#),
            Self::Nchan | Self::Bare => true,
        }
    }

    /// Whether the server sends `connected` to a viewer once it is subscribed; the other servers send nothing after the
    /// upgrade.
    pub fn greets(self) -> bool {
        self == Self::Runcast
    }

    /// The server's own count of viewers; `None` where the greeting (runcast) or the upgrade (bare) is proof already.
    pub fn subscribers(self, connection: &mut Connection, run: &str) -> Result<Option<u64>> {
        if self != Self::Nchan {
            return Ok(None);
        }
        let Ok(body) = connection.get(&self.publish_path(run), "text/json") else { return Ok(Some(0)) };
        let info: serde_json::Value = serde_json::from_slice(body).context("nchan's channel information")?;
        Ok(Some(info["subscribers"].as_u64().unwrap_or(0)))
    }
}
