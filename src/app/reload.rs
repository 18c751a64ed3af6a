//! SIGHUP: the configuration is read anew.

use tracing::{error, info, warn};

use super::LiveSettings;
use crate::config::{Config, ConfigSources, Reloaded};
use crate::tasks;
use crate::telemetry::LogFilter;

/// Where the configuration comes from, and what of it is in force.
pub struct ConfigReload {
    /// The layers that were read at the start. Of these only the file can have changed.
    pub sources: ConfigSources,
    /// The settings in force.
    pub config: Config,
    /// Changes what the log says.
    pub filter: LogFilter,
}

impl ConfigReload {
    /// Reads the configuration anew and puts in force what can be. The log says what has changed and what waits for a
    /// restart, or everything that is wrong; then nothing changes.
    pub(super) async fn read_anew(&mut self, live: &LiveSettings) {
        let (sources, before) = (self.sources.clone(), self.config.clone());
        let reading = tasks::spawn_blocking("config_reload", move || before.reloaded(&sources));
        let Reloaded { config, taken, waiting, warnings } = match reading.await {
            Ok(Ok(reloaded)) => reloaded,
            Ok(Err(problems)) => return error!("SIGHUP: the settings stay as they are: {problems}"),
            Err(failure) => return error!("SIGHUP: the settings stay as they are: {failure}"),
        };
        for warning in &warnings {
            warn!(subject = %warning.subject, "{}", warning.text);
        }
        if let Err(refused) = self.filter.set(&config.log.filter) {
            return error!("SIGHUP: the settings stay as they are: {refused}");
        }
        live.set(&config);
        self.config = config;
        let named = |keys: &[String]| if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        info!(changed = named(&taken), "SIGHUP: the configuration was read anew");
        if !waiting.is_empty() {
            warn!(keys = named(&waiting), "SIGHUP: these settings have changed, and need a restart");
        }
    }
}
