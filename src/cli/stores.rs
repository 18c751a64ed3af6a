//! What the commands that open stores themselves have in common: the settings, and how a refusal is told.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::tell;
use crate::config::{Config, ConfigSources, EXIT_CONFIG, Flag};
use crate::storage::format::{NewerFormat, OpenError};

/// The node whose stores are meant.
#[derive(Args, Clone, Debug, Default)]
pub struct StoreArgs {
    /// Configuration file [default: $RUNCAST_CONFIG, else ./config.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The node's data directory [default: data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<OsString>,
}

impl StoreArgs {
    /// The settings; `None` when they are refused, which is told.
    pub(super) fn load(&self) -> Option<Config> {
        load(self.config.clone(), self.data_dir.clone())
    }
}

/// Loads the settings with this data directory; `None` when they are refused, which is told.
pub(super) fn load(file: Option<PathBuf>, data_dir: Option<OsString>) -> Option<Config> {
    let flag = data_dir.map(|value| Flag { name: "--data-dir", key: "server.data_dir", value });
    match Config::load(&ConfigSources::of_process(file, flag.into_iter().collect())) {
        Ok(loaded) => Some(loaded.config),
        Err(problems) => {
            tell(problems);
            None
        }
    }
}

/// The error itself, so that a [`NewerFormat`] is found whichever store it comes from.
pub(super) fn opened<E: std::error::Error + Send + Sync + 'static>(error: OpenError<E>) -> anyhow::Error {
    match error {
        OpenError::NewerFormat(newer) => newer.into(),
        OpenError::Failed(error) => error.into(),
    }
}

/// The exit code of a store of a newer build, which is told here; any other error as it is.
pub(super) fn refusal(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    if !error.is::<NewerFormat>() {
        return Err(error);
    }
    tell(format_args!("{error:#}"));
    Ok(ExitCode::from(EXIT_CONFIG))
}
