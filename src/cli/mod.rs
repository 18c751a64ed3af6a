//! The command line: `serve` (the default); `publish`, `watch`, `steer` and others, which are clients of a server;
//! `backup`, `restore`, `export-log`, `import-log` and `doctor`, which open the stores of the configuration.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::error::{ContextKind, ErrorKind};
use clap::{Args, Parser, Subcommand};

use self::request::AskError;
use self::server_url::URL_VARIABLE;
use crate::config::{ConfigSources, Flag};
use crate::protocol::RunId;

pub mod artifacts;
mod asking;
pub mod backup;
pub mod cleanup;
pub mod doctor;
pub mod download;
pub mod export;
pub mod finish;
mod folded_run;
pub mod keep;
mod kept_credentials;
pub mod key;
pub mod login;
pub mod own_runs;
pub mod producer;
mod progress;
pub mod publish;
pub mod request;
pub mod run_log;
pub mod runs;
pub mod search;
mod server_args;
mod server_token;
mod server_url;
pub mod shell;
pub mod show;
pub mod steer;
pub mod stores;
mod table;
mod terminal;
pub mod upload;
pub mod watch;

pub use asking::AskArgs;
pub use server_args::ServerArgs;
pub use server_token::ServerToken;
pub use server_url::ServerUrl;

/// Watch automated test runs live: lossless, ordered, for every viewer.
#[derive(Debug, Parser)]
#[command(name = "runcast", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<CliCommand>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Start the server (what `runcast` alone does, too)
    #[command(after_help = "Exit codes: 0 stopped as asked, 1 could not start or stop properly, 2 wrong usage, \
                            64 refused configuration or a store of a newer build, 70 a permanent part kept failing, \
                            75 the stop left something behind, 130 interrupted twice within a second.")]
    Serve(ServeArgs),
    /// Post events to a run: NDJSON, one event a line, from a file or a pipe
    Publish(publish::PublishArgs),
    /// Follow a run in the terminal
    Watch(watch::WatchArgs),
    /// List runs, the one that changed last first
    #[command(visible_alias = "ls")]
    Runs(runs::RunsArgs),
    /// Show how a run stands: numbers, and the tests that failed with their errors
    Show(show::ShowArgs),
    /// Find words in a run's log
    Search(search::SearchArgs),
    /// Steer a run; without a command: see what can be done with it now, and by whom
    Steer(steer::SteerArgs),
    /// Say that a run is finished
    Finish(finish::FinishArgs),
    /// Upload files to a run, as its artifacts
    Upload(upload::UploadArgs),
    /// List the artifacts of a run
    Artifacts(artifacts::ArtifactsArgs),
    /// Download the artifacts of a run into a directory
    Download(download::DownloadArgs),
    /// Write a run as one file: a page, JUnit XML, or everything as a zip file
    Export(export::ExportArgs),
    /// Keep the artifacts of a run
    Pin(keep::PinArgs),
    /// Keep the artifacts of a run no longer than others
    Unpin(keep::UnpinArgs),
    /// Delete a run with all that belongs to it
    Delete(keep::DeleteArgs),
    /// Remove the artifacts whose time has come, or say which those are
    Cleanup(cleanup::CleanupArgs),
    /// Copy what a single node keeps, while it runs
    Backup(backup::BackupArgs),
    /// Make a data directory out of a backup
    Restore(backup::restore::RestoreArgs),
    /// Write a run, or all, into files, to move them elsewhere
    ExportLog(run_log::ExportLogArgs),
    /// Import runs that were exported elsewhere
    ImportLog(run_log::ImportLogArgs),
    /// Make a link by which somebody without a key can watch a run
    Share(key::ShareArgs),
    /// Make, list and revoke API keys
    Key(key::KeyArgs),
    /// Sign in: somebody in front of a browser lets this command line in
    Login(login::LoginArgs),
    /// Sign out, and forget what runcast login has kept
    Logout(login::LogoutArgs),
    /// Check the configuration and the machine, and say what is wrong
    Doctor(doctor::DoctorArgs),
    /// Write what a shell completes these commands by
    Completions(shell::CompletionsArgs),
    /// Write the manual page
    Man(shell::ManArgs),
}

/// `runcast serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    #[command(flatten)]
    settings: SettingArgs,
    /// Replay a bundled real run again and again, so that there is something to watch
    #[arg(long)]
    pub demo: bool,
}

/// The settings that have a flag; all others are keys of the file or variables.
#[derive(Args, Clone, Debug, Default)]
pub struct SettingArgs {
    /// Configuration file [default: $RUNCAST_CONFIG, else ./config.toml if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen here [default: 127.0.0.1:3001]
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<OsString>,
    /// Keep everything in this directory [default: data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<OsString>,
}

impl Cli {
    /// The command line of this process. A wrong one ends the process, with the reason on stderr.
    pub fn of_process() -> Self {
        match Self::try_parse() {
            Ok(cli) => cli,
            Err(error) => {
                if let Some(told) = wrong_variable(&error) {
                    tell(told);
                    std::process::exit(error.exit_code());
                }
                error.exit()
            }
        }
    }

    /// The given command, or `serve` if there is none.
    pub fn into_command(self) -> CliCommand {
        self.command.unwrap_or(CliCommand::Serve(self.serve))
    }
}

impl ServeArgs {
    /// The sources of the settings, including the flags of the command line.
    pub fn sources(&self) -> ConfigSources {
        self.settings.sources()
    }
}

impl SettingArgs {
    fn sources(&self) -> ConfigSources {
        let flag = |name, key, value: &Option<OsString>| Some(Flag { name, key, value: value.clone()? });
        let flags = [flag("--bind", "server.bind", &self.bind), flag("--data-dir", "server.data_dir", &self.data_dir)];
        ConfigSources::of_process(self.config.clone(), flags.into_iter().flatten().collect())
    }
}

/// Exit code after Ctrl-C, as shells have it.
const EXIT_INTERRUPTED: u8 = 130;

/// Prints a message for the user on stderr.
pub fn tell(text: impl fmt::Display) {
    // There is no other place to report that stderr is closed.
    let _ = writeln!(io::stderr(), "runcast: {text}");
}

/// What is wrong with `RUNCAST_URL`, if that is why the command line is refused: clap names the flag alone.
fn wrong_variable(error: &clap::Error) -> Option<String> {
    let is_flag = |argument: &OsString| argument.to_string_lossy().starts_with("--url");
    let about = error.get(ContextKind::InvalidArg)?.to_string();
    let named = std::env::var_os(URL_VARIABLE)?;
    if error.kind() != ErrorKind::ValueValidation
        || !about.starts_with("--url")
        || std::env::args_os().any(|a| is_flag(&a))
    {
        return None;
    }
    let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    Some(format!("{URL_VARIABLE} is {:?}: it {reason}", named.to_string_lossy()))
}

/// What a request about a run failed for.
fn about_run(error: AskError, run: &RunId) -> anyhow::Error {
    match &error {
        AskError::Refused { code: Some(code), .. } if code == "run_not_found" => {
            anyhow::anyhow!("there is no run {run}: runcast runs lists those that there are")
        }
        AskError::Refused { code: Some(code), .. } if code == "run_gone" => {
            anyhow::anyhow!("{run} has expired, or was deleted")
        }
        _ => anyhow::Error::new(error).context(run.to_string()),
    }
}

/// An error with its causes, each of them once: some errors say their cause themselves.
pub fn causes(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let between = if told.is_empty() { "" } else { ": " };
            told.push_str(between);
            told.push_str(&cause);
        }
    }
    told
}

/// Runs a future to its end on this thread.
fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}

fn parse_run(text: &str) -> Result<RunId, String> {
    RunId::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> CliCommand {
        Cli::try_parse_from(line.split(' ')).unwrap().into_command()
    }

    #[test]
    fn a_cause_is_told_once() {
        let inner = io::Error::other("no space");
        let error = anyhow::Error::new(inner).context("writing /d: no space").context("the journal");
        assert_eq!(causes(&error), "the journal: writing /d: no space");
        assert_eq!(causes(&anyhow::anyhow!("alone")), "alone");
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    /// The words of a line as a shell takes them, up to a comment, a pipe or a redirection.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut quoted) = (vec![String::new()], false);
        for c in line.chars() {
            match c {
                '\'' => quoted = !quoted,
                '#' | '|' | '>' if !quoted => break,
                ' ' if !quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_command_has_an_example_in_the_docs_that_is_understood() {
        let page = include_str!("../../docs/commands.md");
        let examples: Vec<_> = page.lines().filter(|line| line.starts_with("runcast ")).map(words).collect();
        for example in &examples {
            let understood = Cli::try_parse_from(example);
            assert!(understood.is_ok(), "{example:?}: {}", understood.unwrap_err());
        }
        for command in <Cli as clap::CommandFactory>::command().get_subcommands() {
            let name = command.get_name();
            let has_example = examples.iter().any(|words| words.get(1).is_some_and(|word| word == name));
            assert!(has_example || name == "serve", "{name} has no example");
        }
    }

    #[test]
    fn serve_is_what_is_done_when_nothing_is_said() {
        assert!(matches!(parse("runcast"), CliCommand::Serve(ServeArgs { demo: false, .. })));
        assert!(matches!(parse("runcast --demo"), CliCommand::Serve(ServeArgs { demo: true, .. })));
        let CliCommand::Serve(args) = parse("runcast serve --bind 127.0.0.1:0 --data-dir /d --config c.toml") else {
            panic!("not serve")
        };
        let sources = args.sources();
        assert_eq!(sources.file, Some("c.toml".into()));
        let flags: Vec<_> = sources.flags.iter().map(|flag| (flag.name, flag.key)).collect();
        assert_eq!(flags, [("--bind", "server.bind"), ("--data-dir", "server.data_dir")]);
    }

    #[test]
    fn a_cursor_may_start_with_a_hyphen_and_a_bad_run_is_refused() {
        assert!(matches!(parse("runcast watch r --after -100"), CliCommand::Watch(_)));
        assert!(Cli::try_parse_from(["runcast", "watch", "a/b"]).is_err());
        assert!(Cli::try_parse_from(["runcast", "watch", "r", "--after", "x"]).is_err());
        assert!(Cli::try_parse_from(["runcast", "publish", "r", "-", "--url", "ftp://h"]).is_err());
    }

    #[test]
    fn the_tools_for_artifacts_take_what_their_help_says_and_nothing_else() {
        assert!(matches!(
            parse("runcast upload r a b --parallel 64 --kind trace --test t -q --json"),
            CliCommand::Upload(_)
        ));
        assert!(matches!(
            parse("runcast upload r a --name n --content-type text/plain --through-server --url http://a,http://b"),
            CliCommand::Upload(_)
        ));
        assert!(matches!(parse("runcast artifacts r --json"), CliCommand::Artifacts(_)));
        assert!(matches!(parse("runcast cleanup --dry-run --json"), CliCommand::Cleanup(_)));
        for wrong in [
            "upload r",
            "upload a/b file",
            "upload r file --parallel 0",
            "upload r file --parallel 65",
            "upload r file --kind film",
            "upload r file --url ftp://h",
            "upload r file --timeout 0",
            "artifacts",
            "artifacts a/b",
            "cleanup r",
        ] {
            assert!(Cli::try_parse_from(format!("runcast {wrong}").split(' ')).is_err(), "{wrong}");
        }
    }
}
