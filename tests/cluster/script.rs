//! `scripts/cluster`: a whole cluster by one command, and nothing of it left behind.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Site, Viewer, numbered, soon};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

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
fn script(dir: &Path) -> Command {
    let mut command = Command::new(python());
    command.arg(SCRIPT).args(["--bin", env!("CARGO_BIN_EXE_runcast")]).env("TMPDIR", dir).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it says until everything runs: a name and an address per line.
async fn addresses(lines: &mut Lines<BufReader<ChildStdout>>) -> HashMap<String, SocketAddr> {
    let mut found = HashMap::new();
    let read = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.starts_with("logs in ") {
                return found;
            }
            let (name, url) = line.split_once(' ').unwrap_or_else(|| panic!("neither name nor address: {line}"));
            let authority = url.split_once("://").unwrap().1.rsplit('@').next().unwrap();
            let address = authority.split('/').next().unwrap();
            found.insert(name.to_owned(), address.parse().unwrap_or_else(|_| panic!("no address: {line}")));
        }
        panic!("it ended");
    };
    timeout(START, read).await.expect("the cluster starts")
}

#[tokio::test]
async fn the_script_starts_a_whole_cluster_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    // PostgreSQL may have to run as another user.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let mut child = script(dir.path()).spawn().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = addresses(&mut told).await;
    let mut names: Vec<_> = found.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["nginx", "node-1", "node-2", "node-3", "postgres", "redis"]);

    let lines = numbered(1, 20, 0);
    let mut viewer = Viewer::join(&Site::new(found["node-2"]), "r").await;
    Site::new(found["nginx"]).store("r", &lines).await;
    viewer.until_events(20).await;
    assert_eq!(viewer.texts(), lines);
    let mut behind = Viewer::join(&Site::new(found["nginx"]), "r").await;
    behind.until_events(20).await;
    drop((viewer, behind));

    // Ctrl-C.
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    let output = soon("the script's end", child.wait_with_output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for (name, address) in found {
        assert!(TcpStream::connect(address).is_err(), "{name} still listens on {address}");
    }
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_named_with_its_package() {
    let dir = tempfile::tempdir().unwrap();
    let output = soon("the script", script(dir.path()).env("PATH", dir.path()).output()).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("redis-server is missing") && told.contains("apt-get install redis-server"), "{told}");
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
}
