//! Where blocks are run: a fresh directory with what a clone has, a free port, and stores where they are asked for.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::time::timeout;

use super::super::support::{Postgres, RedisServer, lasting_port};
use super::blocks::{read, root};

/// Longest that a block may take on a busy machine; npm alone may take half a minute there.
const PATIENCE: Duration = Duration::from_secs(120);
/// Whatever of a clone is not committed.
const NOT_CLONED: [&str; 3] = [".git", "target", "data"];

pub(super) struct Stage<'a> {
    substitutions: &'a [[String; 2]],
    prelude: String,
}

impl<'a> Stage<'a> {
    pub(super) fn set(substitutions: &'a [[String; 2]]) -> Self {
        Self { substitutions, prelude: read("tests/command/documented_blocks/prelude.sh") }
    }

    fn substituted(&self, text: &str) -> String {
        let replace = |text: String, [printed, stands_in]: &[String; 2]| text.replace(printed, stands_in);
        self.substitutions.iter().fold(text.to_owned(), replace)
    }

    /// Runs `given` and then the block, line by line, until one fails. What they wrote to stdout.
    pub(super) async fn run(&self, given: &str, block: &str) -> Result<String, String> {
        let home = tempfile::tempdir().unwrap();
        let clone = home.path().join("clone");
        for folder in ["clone", "bin", "out"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        for entry in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap()) {
            if !NOT_CLONED.iter().any(|name| *name == entry.file_name()) {
                symlink(entry.path(), clone.join(entry.file_name())).unwrap();
            }
        }
        symlink(env!("CARGO_BIN_EXE_runcast"), home.path().join("bin/runcast")).unwrap();

        // An answer that refuses is a failure, also where a page does not ask curl for it.
        fs::write(home.path().join(".curlrc"), "fail\n").unwrap();
        let port = lasting_port().to_string();
        let script = [&self.prelude, given, &self.substituted(block)].join("\n").replace("$PORT", &port);
        let mut command = Command::new("bash");
        command.args(["-eux", "-o", "pipefail", "-c", &script, "bash"]).current_dir(&clone).env_clear();
        let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        command.env("PATH", path).env("HOME", home.path()).env("OUT", home.path().join("out"));
        command.env("RUNCAST_URL", format!("http://127.0.0.1:{port}"));
        command.env("RUNCAST__SERVER__BIND", format!("127.0.0.1:{port}"));
        // The disk of a build machine may be nearly full.
        command.env("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0");
        let redis = RedisServer::start_with(&[("appendonly", "yes")]);
        let redis = if script.contains("$OUR_REDIS") { Some(redis.await) } else { None };
        if let Some(redis) = &redis {
            command.env("OUR_REDIS", redis.url());
        }
        if script.contains("$OUR_DATABASE") {
            command.env("OUR_DATABASE", Postgres::shared().await.database().await);
        }
        played(command).await
    }
}

/// Whether each line that a page shows is one that was printed.
pub(super) fn compare(told: &str, block: &str) -> Result<(), String> {
    match block.lines().find(|line| !told.lines().any(|said| said.trim() == line.trim())) {
        Some(line) => Err(format!("{line:?} is not in\n{told}")),
        None => Ok(()),
    }
}

async fn played(mut command: Command) -> Result<String, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let shell = command.spawn().unwrap();
    let group = Pid::from_raw(shell.id().unwrap().cast_signed()).unwrap();
    let ended = timeout(PATIENCE, shell.wait_with_output()).await;
    // Whatever the block has left; mostly there is nothing.
    let left = kill_process_group(group, Signal::KILL).is_ok();
    let output = ended.map_err(|_| format!("it does not end within {PATIENCE:?}"))?.unwrap();
    let [told, lines] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    match (output.status.success(), left) {
        (true, false) => Ok(told),
        (true, true) => Err("it leaves a process behind".to_owned()),
        (false, _) => Err(last(&format!("{told}\n{lines}"), 2_500).to_owned()),
    }
}

fn last(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}
