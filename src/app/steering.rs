//! The service through which runs are steered, from the settings.

use std::time::Duration;

use super::Storage;
use crate::actors::registry::Registry;
use crate::actors::supervision::Service;
use crate::config::Config;
use crate::steering::{Steering, SteeringLimits};
use crate::storage::secrets::{SecretLimits, Secrets};
use crate::storage::signs::{SignTimes, Signs};

pub(super) fn open(config: &Config, storage: &Storage, registry: &Service<Registry>) -> Steering {
    let times = SignTimes {
        ttl: Duration::from_secs(1_800),
        tell_every: Duration::from_secs(2),
        socket: Duration::from_secs(300),
    };
    let signs = Signs::in_memory(storage.journal.clock().clone(), times);
    let secrets = Secrets::in_memory(None, SecretLimits { count: 10_000 });
    let control = &config.control;
    let limits = SteeringLimits {
        commands_per_sec: control.commands_per_sec as u32,
        command_burst: control.command_burst as u32,
        run_secs: control.run_secs,
    };
    Steering::new(registry.recipient(), signs, secrets, limits)
}
