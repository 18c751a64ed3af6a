//! The systemd unit.

use std::fs;
use std::process::Command;

use clap::Parser as _;
use runcast::app::EXIT_OVERDUE;
use runcast::cli::{Cli, CliCommand};
use runcast::config::{Config, EXIT_CONFIG};

use crate::settings::{SPARE_SECS, buffers, bytes, config, millis};
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
    assert_eq!(one(&unit, "SuccessExitStatus"), EXIT_OVERDUE.to_string());
    // The journal reads the boot id, to tell a restart from a loss of power.
    assert!(all(&unit, "ProcSubset").is_empty());
}

#[test]
fn the_unit_bounds_the_memory_beyond_what_the_buffers_may_hold() {
    let limit = bytes(&one(&shipped("systemd/runcast.service"), "MemoryMax"));
    let bounded = buffers(&Config::default());
    assert!(2 * bounded <= limit, "{bounded} bytes, and as much again for viewers, of {limit}");
}

#[test]
fn the_user_of_the_unit_may_read_the_configuration_that_its_head_installs() {
    let unit = shipped("systemd/runcast.service");
    let folder = format!("/etc/{}", one(&unit, "ConfigurationDirectory"));
    // For everybody: who the user is turns out at the start.
    assert_eq!(one(&unit, "DynamicUser"), "yes");
    assert_eq!(one(&unit, "ConfigurationDirectoryMode"), "0755");
    let config = one(&unit, "ExecStart").split(' ').next_back().unwrap().to_owned();
    let installed = |mode: &str, file: &str| {
        let lines = unit.lines().filter_map(|line| line.strip_prefix("#   install "));
        let mut ends = lines.filter(|line| line.contains(&format!("-m {mode} ")));
        assert!(file.starts_with(&folder), "{file}");
        assert!(ends.any(|line| line.ends_with(&format!(" {file}"))), "{file} is not installed with mode {mode}");
    };
    installed("0644", &config);
    // What has secrets is read by systemd, as root.
    installed("0600", one(&unit, "EnvironmentFile").trim_start_matches('-'));
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    // With a program that exists.
    let unit = shipped("systemd/runcast.service").replace("/usr/local/bin/runcast", env!("CARGO_BIN_EXE_runcast"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("runcast.service");
    fs::write(&file, unit).unwrap();
    let verified = match Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output() {
        Ok(verified) => verified,
        Err(error) => return eprintln!("the unit is not verified: systemd-analyze: {error}"),
    };
    // It looks at the units that this one needs, too: what it says of them is the machine's.
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    let about = told.lines().filter(|line| line.contains("runcast.service"));
    assert_eq!(about.collect::<Vec<_>>(), Vec::<&str>::new(), "{told}");
}
