//! `runcast completions` and `runcast man`: the command line as shells and `man` know it, from its definition.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::Cli;

/// `runcast completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "bash:  runcast completions bash > ~/.local/share/bash-completion/completions/runcast\n\
                        zsh:   runcast completions zsh > ~/.zfunc/_runcast    (a directory of $fpath)\n\
                        fish:  runcast completions fish > ~/.config/fish/completions/runcast.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// `runcast man`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "To read it at once: runcast man | man -l -")]
pub struct ManArgs {
    /// Write the pages of all commands into this directory, as runcast.1, runcast-watch.1 and so on
    #[arg(long, short = 'D', value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes what a shell completes the command line by.
///
/// # Errors
/// It can't be written.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "runcast", &mut script);
    to_stdout(&script)
}

/// Writes the manual page, or those of all commands.
///
/// # Errors
/// They can't be written.
pub fn man(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let Some(dir) = &args.dir else { return to_stdout(&page(Cli::command())?) };
    fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    clap_mangen::generate_to(Cli::command(), dir).with_context(|| format!("writing into {}", dir.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

/// A closed pipe is not an error.
fn to_stdout(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
