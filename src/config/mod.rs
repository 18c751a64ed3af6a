//! The settings. Later layers win over earlier ones: built-in defaults, `config.toml`, the environment, the command
//! line.
//!
//! [`Config::load`] reads every layer and finds everything that is wrong in one pass. It returns either settings that
//! are consistent, or the list of problems. `sections` declares every key with its default and range; `config.toml` at
//! the top of the repository is the same for operators, and a test keeps the two equal.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

mod access;
mod bind;
mod check;
mod check_objects;
mod conflict;
mod declare;
mod issuers;
mod layers;
mod legacy_env;
mod misspelt;
mod network;
mod objects;
mod reload;
mod secret_files;
mod sections;
mod sections_of_artifacts;
mod server;
mod stores;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_stores;
mod values;

pub use access::AuthConfig;
pub use bind::{BindAddress, BindAddressError, OpsBind};
pub use issuers::{ClientSecret, IssuerConfig, IssuerKeysAt, IssuerList, IssuerRule, OidcConfig, OidcSetting};
pub use network::{Network, NetworkError};
pub use objects::{BucketSetting, KeepRule, ObjectsUrl, ObjectsUrlError};
pub use reload::{Reloaded, TAKEN_ANEW};
pub use secret_files::{read_secret, secret_of};
pub use sections::{
    BridgeConfig, CatalogConfig, Config, ControlConfig, HeartbeatConfig, IngestConfig, JournalConfig, LimitsConfig,
    LogConfig, PresenceConfig, RedisConfig, RoomConfig, RunsConfig, SentryConfig, ServerConfig, SessionConfig,
    SupervisorConfig,
};
pub use sections_of_artifacts::{ArtifactsConfig, CleanupConfig, ObjectsConfig, RetentionConfig};
pub use stores::{CatalogSetting, JournalUrl, StoreUrlError};
pub use values::{AddressingSetting, AuthMode, LogFormat, PauseExpiry, Secret, SyncSetting};

/// `EX_USAGE`: the exit code of a process that refuses its configuration.
pub const EXIT_CONFIG: u8 = 64;

/// The sources of the layers above the defaults.
#[derive(Clone, Debug, Default)]
pub struct ConfigSources {
    /// `--config`: a file that must exist. It wins over the variable `RUNCAST_CONFIG`, which wins over `nearby_file`.
    pub file: Option<PathBuf>,
    /// The file that is read if it exists and no other file was named.
    pub nearby_file: PathBuf,
    /// The environment variables.
    pub environment: Vec<(OsString, OsString)>,
    /// The keys that the command line set.
    pub flags: Vec<Flag>,
}

/// A key that the command line set.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The flag as the user wrote it, for instance `--bind`.
    pub name: &'static str,
    /// The key that the flag sets, for instance `server.bind`.
    pub key: &'static str,
    /// The flag's value.
    pub value: OsString,
}

impl ConfigSources {
    /// The environment of this process and `./config.toml`.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        Self { file, nearby_file: "config.toml".into(), environment: std::env::vars_os().collect(), flags }
    }

    /// The same for reading them anew: a file that was read has to be there still. Without it all that it sets would
    /// silently fall back to the defaults.
    #[must_use]
    pub fn again(self, loaded: &Loaded) -> Self {
        Self { file: loaded.file.clone(), ..self }
    }
}

/// Consistent settings and the warnings about them.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Settings that work, but may not do what was meant.
    pub warnings: Vec<ConfigProblem>,
}

/// A problem with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key and where it was set, or the variable, or the file.
    pub subject: String,
    /// What is wrong, and what would be right. It never shows a secret.
    pub text: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.text)
    }
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<ConfigProblem>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} problem{}:", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for ConfigProblems {}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// Every problem of every layer at once; the process then exits with [`EXIT_CONFIG`].
    pub fn load(sources: &ConfigSources) -> Result<Loaded, ConfigProblems> {
        let mut merge = layers::Merge::new();
        let file = merge.take_file(sources);
        let warnings = merge.take_environment(&sources.environment);
        merge.take_flags(&sources.flags);
        let (config, mut all_warnings) = merge.finish()?;
        all_warnings.extend(warnings);
        Ok(Loaded { config, file, warnings: all_warnings })
    }

    /// Whether this node is part of a cluster: journal and catalog are shared, and nothing is kept in
    /// `server.data_dir`.
    pub fn is_cluster(&self) -> bool {
        self.journal.url == JournalUrl::Redis
    }
}
