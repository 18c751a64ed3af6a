//! The service through which runs are steered, from the settings.

use crate::actors::registry::Registry;
use crate::actors::supervision::Service;
use crate::config::Config;
use crate::steering::{Steering, SteeringLimits};
use crate::storage::secrets::Secrets;
use crate::storage::signs::Signs;

pub(super) fn open(config: &Config, registry: &Service<Registry>, signs: Signs, secrets: Secrets) -> Steering {
    let control = &config.control;
    let limits = SteeringLimits {
        commands_per_sec: control.commands_per_sec as u32,
        command_burst: control.command_burst as u32,
        run_secs: control.run_secs,
    };
    Steering::new(registry.recipient(), signs, secrets, limits)
}
