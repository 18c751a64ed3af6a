//! Which servers a command asks, and how long.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use reqwest::Url;

use super::request::{AskError, Servers, tell_retry};
use super::{ServerArgs, ServerUrl};

/// Which servers a command asks, and how long.
#[derive(Args, Clone, Debug)]
pub struct AskArgs {
    #[command(flatten)]
    pub(super) servers: ServerArgs,
    /// Give up after so many seconds without an answer
    #[arg(long, default_value_t = 60, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

impl AskArgs {
    pub(super) fn servers(&self) -> Result<Servers, AskError> {
        Servers::new(&self.servers.urls()?)
    }

    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Gets what is at a URL of whichever of these servers answers.
    pub(super) async fn get(&self, servers: &Servers, url: impl Fn(&ServerUrl) -> Url) -> Result<Bytes, AskError> {
        servers.insist(self.patience(), |client, server| client.get(url(server)), tell_retry).await
    }
}
