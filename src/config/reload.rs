//! A configuration that is read anew while the node runs: what of it holds at once, and what waits for a restart.

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, ConfigProblem, ConfigProblems, ConfigSources, Loaded, check};

/// The keys whose values a running node takes anew.
pub const TAKEN_ANEW: [&str; 22] = [
    "server.allowed_hosts",
    "server.allowed_origins",
    "log.filter",
    "limits.connections",
    "limits.requests_per_sec",
    "limits.request_burst",
    "limits.events_per_sec",
    "limits.event_burst",
    "limits.max_clients",
    "ingest.max_event_bytes",
    "ingest.max_batch_bytes",
    "ingest.max_batch_events",
    "ingest.frame_bytes",
    "journal.retain_hours",
    "journal.lost_hours",
    "journal.seal_hours",
    "artifacts.max_bytes",
    "artifacts.max_per_run",
    "retention.days",
    "retention.rules",
    "retention.allow_zero",
    "retention.tombstone_days",
];

/// What a configuration that was read anew comes to.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The settings in force from now on: those of before with what is taken anew.
    pub config: Config,
    /// The keys that have changed and are taken anew.
    pub taken: Vec<String>,
    /// The keys that have changed and wait for a restart.
    pub waiting: Vec<String>,
    /// Settings that work, but may not do what was meant.
    pub warnings: Vec<ConfigProblem>,
}

impl Config {
    /// Reads all layers anew; `self` are the settings in force.
    ///
    /// # Errors
    /// Every problem of every layer, also of what would be in force together; then nothing changes.
    pub fn reloaded(&self, sources: &ConfigSources) -> Result<Reloaded, ConfigProblems> {
        let Loaded { config: new, warnings, .. } = Self::load(sources)?;
        let unreadable =
            |error: String| ConfigProblems(vec![ConfigProblem { subject: "configuration".to_owned(), text: error }]);
        let table = |config: &Self| Table::try_from(config).map_err(|error| unreadable(error.to_string()));
        let (mut merged, new) = (table(self)?, table(&new)?);
        let (mut taken, mut waiting) = (Vec::new(), Vec::new());
        for (section, keys) in &new {
            let (Value::Table(keys), Some(Value::Table(current))) = (keys, merged.get_mut(section)) else { continue };
            for (name, value) in keys {
                if current.get(name) == Some(value) {
                    continue;
                }
                let key = format!("{section}.{name}");
                if TAKEN_ANEW.contains(&key.as_str()) {
                    current.insert(name.clone(), value.clone());
                    taken.push(key);
                } else {
                    waiting.push(key);
                }
            }
        }
        let config = Self::deserialize(merged).map_err(|error| unreadable(error.message().to_owned()))?;
        // What has changed may fit only with what waits for a restart.
        let conflicts = check::conflicts(&config);
        if !conflicts.is_empty() {
            let problem = |conflict: super::conflict::Conflict| {
                let [a, b] = conflict.keys;
                let text = format!("{}; one of them changes with a restart only", conflict.text);
                ConfigProblem { subject: format!("{a} and {b}"), text }
            };
            return Err(ConfigProblems(conflicts.into_iter().map(problem).collect()));
        }
        Ok(Reloaded { config, taken, waiting, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> (tempfile::TempDir, ConfigSources) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        (dir, ConfigSources { file: Some(file), ..ConfigSources::default() })
    }

    #[test]
    fn what_has_changed_is_taken_or_waits() {
        let text =
            "[server]\nallowed_hosts = [\"a.test\"]\nworkers = 3\n[retention]\ndays = 7\n[redis]\nprefix = \"x\"\n";
        let (_dir, sources) = sources(text);
        let reloaded = Config::default().reloaded(&sources).unwrap();
        assert_eq!(reloaded.taken, ["retention.days", "server.allowed_hosts"]);
        assert_eq!(reloaded.waiting, ["redis.prefix", "server.workers"]);
        assert_eq!((reloaded.config.retention.days, reloaded.config.server.workers), (7, 0));
        assert_eq!(reloaded.config.server.allowed_hosts, ["a.test"]);
        let again = reloaded.config.reloaded(&sources).unwrap();
        assert_eq!((again.taken.len(), again.waiting.len()), (0, 2));
    }

    #[test]
    fn what_is_wrong_or_fits_only_after_a_restart_changes_nothing() {
        let (_dir, wrong) = sources("[retention]\ndays = \"many\"\n");
        let problems = Config::default().reloaded(&wrong).unwrap_err().to_string();
        assert!(problems.contains("retention.days"), "{problems}");
        let both =
            "[ingest]\nmax_batch_bytes = 67108864\ninflight_bytes = 671088640\n[room]\nqueue_bytes = 671088640\n";
        let (_dir, together) = sources(both);
        let problems = Config::default().reloaded(&together).unwrap_err().to_string();
        assert!(problems.contains("ingest.max_batch_bytes") && problems.contains("with a restart only"), "{problems}");
    }

    #[test]
    fn a_file_that_was_read_and_is_gone_changes_nothing() {
        let (dir, named) = sources("[retention]\ndays = 365\n");
        let nearby = ConfigSources { nearby_file: dir.path().join("config.toml"), ..ConfigSources::default() };
        for sources in [named, nearby.clone()] {
            let loaded = Config::load(&sources).unwrap();
            let sources = sources.again(&loaded);
            assert!(loaded.config.reloaded(&sources).unwrap().taken.is_empty());
            let moved = dir.path().join("moved.toml");
            std::fs::rename(&nearby.nearby_file, &moved).unwrap();
            let problems = loaded.config.reloaded(&sources).unwrap_err().to_string();
            assert!(problems.contains("can't be read"), "{problems}");
            std::fs::rename(&moved, &nearby.nearby_file).unwrap();
        }
    }

    #[test]
    fn every_key_that_is_taken_anew_exists() {
        let table = Table::try_from(Config::default()).unwrap();
        for key in TAKEN_ANEW {
            let (section, name) = key.split_once('.').unwrap();
            assert!(table[section].as_table().unwrap().contains_key(name), "{key}");
        }
    }
}
