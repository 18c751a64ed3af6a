//! runcast: one binary for the server and the tools around it.

use std::process::ExitCode;

use runcast::app::ConfigReload;
use runcast::cli::{self, Cli, CliCommand, ServeArgs, causes, tell};
use runcast::config::{Config, EXIT_CONFIG};
use runcast::storage::format::NewerFormat;
use runcast::{app, telemetry};
use tracing::{error, warn};

fn main() -> ExitCode {
    let outcome = match Cli::of_process().into_command() {
        CliCommand::Serve(args) => serve(&args),
        CliCommand::Publish(args) => cli::publish::run(args),
        CliCommand::Watch(args) => cli::watch::run(args),
        CliCommand::Steer(args) => cli::steer::run(args),
        CliCommand::Search(args) => cli::search::run(args),
        CliCommand::Finish(args) => cli::finish::run(args),
        CliCommand::Upload(args) => cli::upload::run(args),
        CliCommand::Artifacts(args) => cli::artifacts::run(args),
        CliCommand::Runs(args) => cli::runs::run(args),
        CliCommand::Show(args) => cli::show::run(args),
        CliCommand::Download(args) => cli::download::run(args),
        CliCommand::Export(args) => cli::export::run(args),
        CliCommand::Pin(args) => cli::keep::pin(args),
        CliCommand::Unpin(args) => cli::keep::unpin(args),
        CliCommand::Delete(args) => cli::keep::delete(args),
        CliCommand::Share(args) => cli::key::share(args),
        CliCommand::Key(args) => cli::key::run(args),
        CliCommand::Login(args) => cli::login::login(args),
        CliCommand::Logout(args) => cli::login::logout(args),
        CliCommand::Cleanup(args) => cli::cleanup::run(args),
        CliCommand::Backup(args) => cli::backup::run(&args),
        CliCommand::Restore(args) => cli::backup::restore::run(&args),
        CliCommand::ExportLog(args) => cli::run_log::export(&args),
        CliCommand::ImportLog(args) => cli::run_log::import(&args),
        CliCommand::Doctor(args) => cli::doctor::run(&args),
        CliCommand::Completions(args) => cli::shell::completions(&args),
        CliCommand::Man(args) => cli::shell::man(&args),
    };
    outcome.unwrap_or_else(|error| {
        tell(causes(&error));
        ExitCode::FAILURE
    })
}

fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let sources = args.sources();
    let loaded = match Config::load(&sources) {
        Ok(loaded) => loaded,
        Err(problems) => {
            tell(problems);
            return Ok(ExitCode::from(EXIT_CONFIG));
        }
    };
    // Set up before any runtime, because threads inherit the error reporter.
    let telemetry = telemetry::init(&loaded.config)?;
    for warning in &loaded.warnings {
        warn!(subject = %warning.subject, "{}", warning.text);
    }
    let reload =
        ConfigReload { sources: sources.again(&loaded), config: loaded.config, filter: telemetry.filter.clone() };
    let failure = match app::serve(reload, args.demo) {
        Ok(code) => return Ok(code),
        Err(failure) => failure,
    };
    // Said once: by the log, which reports it, too, unless the log is not to say it.
    error!("the server failed: {}", causes(&failure));
    if telemetry.is_silent {
        tell(causes(&failure));
    }
    Ok(if failure.is::<NewerFormat>() { ExitCode::from(EXIT_CONFIG) } else { ExitCode::FAILURE })
}
