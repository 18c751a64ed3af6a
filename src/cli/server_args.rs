//! Which servers a command speaks to, and what it shows to them.

use std::path::PathBuf;

use clap::Args;

use super::ServerUrl;
use super::kept_credentials::{KeptCredential, KeptCredentials};
use super::server_token::{ServerToken, TokenError};
use super::server_url::{DEFAULT_URL, URL_VARIABLE};
use crate::protocol::Timestamp;

/// Which servers a command speaks to.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// The server; several nodes of a cluster by commas, or by repeating it: when one fails, the next is asked
    #[arg(
        long,
        global = true,
        env = URL_VARIABLE,
        hide_env_values = true,
        default_value = DEFAULT_URL,
        value_name = "URL",
        value_delimiter = ','
    )]
    url: Vec<ServerUrl>,
    /// Show the credential in this file to the server, also when it changes [default: the one in $RUNCAST_TOKEN, else
    /// that of `runcast login`]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl ServerArgs {
    /// The servers, each with what is shown to it.
    ///
    /// # Errors
    /// The credential can't be read, or is none.
    pub(super) fn urls(&self) -> Result<Vec<ServerUrl>, TokenError> {
        let token = match &self.token_file {
            Some(file) => Some(ServerToken::of_file(file)?),
            None => ServerToken::of_environment()?,
        };
        let token = match token {
            Some(token) => Some(token),
            None => self.kept()?,
        };
        Ok(self.url.iter().map(|url| url.clone().with_token(token.clone())).collect())
    }

    /// What `runcast login` has kept for the server. All servers are shown the same: with several of different origins, none
    /// is shown what is kept for another one.
    fn kept(&self) -> Result<Option<ServerToken>, TokenError> {
        let Some(origin) = self.url.first().map(ServerUrl::origin) else { return Ok(None) };
        if self.url.iter().any(|url| url.origin() != origin) {
            return Ok(None);
        }
        // A file that can't be read is as good as none, and so is what is over: the server says what is missing.
        let kept = KeptCredentials::open().ok();
        let good = kept.as_ref().and_then(|kept| kept.of(&origin)).filter(|kept| !kept.is_over(Timestamp::now()));
        good.map(KeptCredential::token).transpose()
    }

    /// The servers, with nothing to show.
    pub(super) fn named(&self) -> &[ServerUrl] {
        &self.url
    }
}
