//! The systemd unit.

use clap::Parser as _;
use runcast::cli::{Cli, CliCommand};
use runcast::config::EXIT_CONFIG;

use crate::settings::{SPARE_SECS, config, millis};
use crate::shipped;

/// All values of a directive, in their order.
fn all(unit: &str, directive: &str) -> Vec<String> {
    let value = |line: &str| Some(line.strip_prefix(directive)?.strip_prefix('=')?.to_owned());
    unit.lines().filter_map(value).collect()
}

/// The only value of a directive.
#[track_caller]
fn one(unit: &str, directive: &str) -> String {
    let mut all = all(unit, directive);
    assert_eq!(all.len(), 1, "{directive}");
    all.remove(0)
}

#[test]
fn the_unit_sets_keys_and_waits_for_the_drain() {
    let unit = shipped("systemd/runcast.service");
    let set = all(&unit, "Environment");
    let pairs = set.iter().flat_map(|line| line.split_whitespace()).map(|pair| pair.split_once('=').unwrap());
    let server = config("runcast.service", pairs).server;
    let patience = millis(&one(&unit, "TimeoutStopSec"));
    assert!(patience >= (server.drain_secs + SPARE_SECS) * 1_000, "{patience} ms for {} s", server.drain_secs);
    assert_eq!(server.data_dir.to_str().unwrap(), format!("/var/lib/{}", one(&unit, "StateDirectory")));
}

#[test]
fn the_unit_starts_the_server_and_does_not_repeat_what_was_refused() {
    let unit = shipped("systemd/runcast.service");
    let command = one(&unit, "ExecStart");
    let cli = Cli::try_parse_from(command.split_whitespace()).unwrap_or_else(|error| panic!("{command}: {error}"));
    let CliCommand::Serve(args) = cli.into_command() else { panic!("{command} serves nothing") };
    assert!(args.sources().file.is_some_and(|file| file.is_absolute()));
    assert_eq!(one(&unit, "Restart"), "on-failure");
    assert_eq!(one(&unit, "RestartPreventExitStatus"), EXIT_CONFIG.to_string());
    // The journal reads the boot id, to tell a restart from a loss of power.
    assert!(all(&unit, "ProcSubset").is_empty());
}
