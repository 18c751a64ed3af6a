//! The process of a server.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::SOON;
use super::node::Exit;

/// A server's process.
pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) ended: Receiver<ExitStatus>,
    log: PathBuf,
}

/// Starts a process. Returns its address as it prints it, or its exit if it ends first.
pub(super) fn launch(
    program: &Path,
    settings: &[(String, String)],
    data: &Path,
    log: PathBuf,
    port: u16,
    small_disk: Option<u64>,
    descriptors: Option<u32>,
) -> Result<(SocketAddr, Process), Exit> {
    let mut command = match small_disk {
        None if descriptors.is_some() => {
            let mut command = Command::new("sh");
            command.args(["-c", r#"ulimit -n "$1" && exec "$0" serve"#]).arg(program);
            command.arg(descriptors.unwrap_or_default().to_string());
            command
        }
        None => {
            let mut command = Command::new(program);
            command.arg("serve");
            command
        }
        Some(bytes) => {
            let mut command = Command::new("unshare");
            let script =
                r#"mkdir -p "$1" && mount -t tmpfs -o size="$2" small "$1" && mkdir "$1/objects" && exec "$0" serve"#;
            command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(program);
            command.arg(data.join("data/small")).arg(bytes.to_string());
            command
        }
    };
    command.env_clear().current_dir(data).stdin(Stdio::null());
    command.env("RUNCAST__SERVER__BIND", format!("127.0.0.1:{port}"));
    command.env("RUNCAST__SERVER__DATA_DIR", data.join("data"));
    command.env("RUNCAST__SERVER__DRAIN_SECS", "10").env("RUST_BACKTRACE", "1");
    command.envs(settings.iter().map(|(key, value)| (key, value)));
    let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let stdout = child.stdout.take().unwrap();
    let (sender, ended) = channel();
    thread::spawn(move || sender.send(child.wait().unwrap()));
    let (sender, first_line) = channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let _ = sender.send(line);
        // The pipe is read to its end, so that the process never blocks on it.
        let _ = stdout.read_to_end(&mut Vec::new());
    });
    let process = Process { pid, ended, log };
    let line = first_line.recv_timeout(SOON).unwrap_or_default();
    match line.trim().strip_prefix("runcast listens on http://").and_then(|address| address.parse().ok()) {
        Some(address) => Ok((address, process)),
        None => {
            process.signal(Signal::KILL);
            Err(process.wait(SOON).unwrap_or_else(|| panic!("{line:?} is no address, and the process does not end")))
        }
    }
}

impl Process {
    pub(super) fn signal(&self, signal: Signal) {
        // The process may have ended by itself.
        let _ = kill_process(self.pid, signal);
    }

    pub(super) fn exit(&self, status: ExitStatus) -> Exit {
        Exit { code: status.code(), log: self.log() }
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Blocks until the process has ended; `None` after the timeout.
    pub(super) fn wait(&self, within: Duration) -> Option<Exit> {
        self.ended.recv_timeout(within).ok().map(|status| self.exit(status))
    }
}
