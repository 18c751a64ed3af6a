//! `scripts/cluster`: a whole cluster by one command, whose parts can die and be started again, and nothing of it left
//! behind.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::support::{Site, Viewer, numbered, soon};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

mod endings;
mod restarts;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster");

/// Longest that any start may take: six programs, on a busy machine.
const START: Duration = Duration::from_secs(90);

/// The interpreter itself: what is in the PATH may be a script that needs a PATH.
fn python() -> PathBuf {
    let asked = std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let told = asked.expect("python3 is in PATH (Debian: apt-get install python3)").stdout;
    PathBuf::from(String::from_utf8(told).unwrap().trim())
}

/// The script, with its temporary files in `dir`.
fn script(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(python());
    command.arg(SCRIPT).args(["--bin", env!("CARGO_BIN_EXE_runcast")]).args(arguments).env("TMPDIR", dir);
    // What it has started ends with it, also where a test fails.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A cluster that the script has started.
struct Script {
    child: Child,
    told: Lines<BufReader<ChildStdout>>,
    /// Where each program listens, and its process.
    programs: HashMap<String, (SocketAddr, Pid)>,
    /// The last line that it said of its start.
    last: String,
}

impl Script {
    async fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut child = script(dir, arguments).spawn().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut started = Self { child, told, programs: HashMap::new(), last: String::new() };
        loop {
            let line = started.line("").await;
            if line.starts_with("logs in ") {
                started.last = line;
                return started;
            }
            if !line.starts_with("artifacts in ") {
                started.note(&line);
            }
        }
    }

    /// `NAME ADDRESS  process ID`
    fn note(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let &[name, url, "process", pid] = words.as_slice() else { panic!("no program: {line}") };
        let authority = url.split_once("://").unwrap().1.rsplit('@').next().unwrap();
        let address = authority.split('/').next().unwrap().parse().unwrap_or_else(|_| panic!("no address: {line}"));
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        self.programs.insert(name.to_owned(), (address, pid));
    }

    /// The next line that contains this.
    async fn line(&mut self, part: &str) -> String {
        let read = async {
            while let Some(line) = self.told.next_line().await.unwrap() {
                if line.contains(part) {
                    return Some(line);
                }
            }
            None
        };
        let line = timeout(START, read).await.unwrap_or_else(|_| panic!("it does not say {part:?}"));
        match line {
            Some(line) => line,
            None => {
                let mut said = String::new();
                if let Some(stderr) = self.child.stderr.as_mut() {
                    tokio::io::AsyncReadExt::read_to_string(stderr, &mut said).await.unwrap();
                }
                panic!("it ended before it said {part:?}: {said}")
            }
        }
    }

    /// Types a line where it runs.
    async fn type_in(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    fn address(&self, name: &str) -> SocketAddr {
        self.programs[name].0
    }

    fn site(&self, name: &str) -> Site {
        Site::new(self.address(name))
    }

    /// Ctrl-C, and its end: nobody listens any more.
    async fn interrupt(self) -> Output {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
        let output = timeout(START, self.child.wait_with_output()).await.expect("the script ends").unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (name, (address, _)) in self.programs {
            assert!(TcpStream::connect(address).is_err(), "{name} still listens on {address}");
        }
        output
    }
}

#[tokio::test]
async fn the_script_starts_a_whole_cluster_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::start(dir.path(), &[]).await;
    let mut names: Vec<_> = script.programs.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["nginx", "node-1", "node-2", "node-3", "postgres", "redis"]);

    let lines = numbered(1, 20, 0);
    let mut viewer = Viewer::join(&script.site("node-2"), "r").await;
    script.site("nginx").store("r", &lines).await;
    viewer.until_events(20).await;
    assert_eq!(viewer.texts(), lines);
    let mut behind = Viewer::join(&script.site("nginx"), "r").await;
    behind.until_events(20).await;
    drop((viewer, behind));

    script.interrupt().await;
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_named_with_its_package() {
    let dir = tempfile::tempdir().unwrap();
    let output = soon("the script", script(dir.path(), &[]).env("PATH", dir.path()).output()).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("redis-server is missing") && told.contains("apt-get install redis-server"), "{told}");
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}
