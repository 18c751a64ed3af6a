//! A part that dies is told, and started again as told; what a directory has is there at the next start.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::{Signal, kill_process};
use tokio::process::Command;
use tokio::time::timeout;

use super::{START, Script, script};
use crate::support::{SOON, Site, eventually, numbered, soon};

/// What a command says, which must do what it is asked for.
async fn done(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    let output = timeout(START, command.output()).await.expect("the command ends").unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

/// Downloads the only artifact of a run from a node; what it says.
async fn artifact(site: &Site, to: &Path) -> String {
    let to = to.to_str().unwrap();
    let url = site.url("");
    done(env!("CARGO_BIN_EXE_runcast"), &["download", "r", "--overwrite", "--dir", to, "--url", &url]).await;
    fs::read_to_string(format!("{to}/note.txt")).unwrap()
}

#[tokio::test]
async fn a_node_that_is_killed_is_told_and_started_again_and_the_next_start_has_its_runs_and_artifacts() {
    let outside = tempfile::tempdir().unwrap();
    // Where other users may not look, behind a name with spaces that is longer than the path of a UNIX socket.
    let dir = outside.path().join(format!("only $mine; it's {}", "long".repeat(40)));
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    let home = dir.join("a cluster");
    let asked = ["--dir", home.to_str().unwrap()];
    let mut running = Script::start(outside.path(), &asked).await;

    let lines = numbered(1, 5, 0);
    running.site("nginx").store("r", &lines).await;
    let note = outside.path().join("note.txt");
    fs::write(&note, "kept").unwrap();
    let nginx = running.site("nginx").url("");
    done(env!("CARGO_BIN_EXE_runcast"), &["upload", "r", note.to_str().unwrap(), "--url", &nginx]).await;
    let to = outside.path().join("downloads");
    assert_eq!(artifact(&running.site("node-2"), &to).await, "kept");

    kill_process(running.programs["node-2"].1, Signal::KILL).unwrap();
    let told = running.line("node-2 ").await;
    let log = home.join("node-2.log");
    let expected = format!("node-2 was ended by SIGKILL; its last lines are in {}; start it again: ", log.display());
    let restart = told.strip_prefix(&expected).unwrap_or_else(|| panic!("{told}"));
    assert!(fs::read_to_string(&log).unwrap().contains("serving"));
    // As it stands there, by a shell.
    running.note(done("sh", &["-c", restart]).await.trim_end());
    assert_eq!(running.site("node-2").get("/ready").await.status, 200);

    // The same, typed where it runs; and what is no command says so.
    running.type_in("stop node-1").await;
    running.line("node-1 ended with exit code 0; start it again: ").await;
    running.type_in("start node-1").await;
    let line = running.line("node-1 ").await;
    running.note(&line);
    running.type_in("start node-1").await;
    running.line("node-1 runs already, as process ").await;
    running.type_in("dance").await;
    running.line("say status, or start, stop or kill and one of redis, postgres, node-1, node-2, node-3, nginx").await;
    // nginx leaves nobody who holds its port, and Redis has what it has acknowledged.
    for name in ["nginx", "redis"] {
        running.type_in(&format!("kill {name}")).await;
        running.line(&format!("{name} was ended by SIGKILL; start it again: ")).await;
        running.type_in(&format!("start {name}")).await;
        let line = running.line(&format!("{name} ")).await;
        running.note(&line);
    }
    let ready = async |site: Site| site.get("/ready?strict=1").await.status;
    eventually!(ready(running.site("nginx")).await, |status| *status == 200, SOON);
    running.interrupt().await;
    for log in ["redis", "postgres", "node-1", "node-2", "node-3", "nginx"] {
        assert!(home.join(log).with_extension("log").is_file(), "{log}");
    }

    let again = Script::start(outside.path(), &[&asked[..], &["--nodes", "1", "--no-nginx"]].concat()).await;
    let node = again.site("node-1");
    // What follows tells of the artifact.
    assert_eq!(node.stored("r").await[..5], lines);
    assert_eq!(artifact(&node, &to).await, "kept");
    again.interrupt().await;
}

#[tokio::test]
async fn a_cluster_that_does_not_run_can_not_be_asked_and_says_how_it_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let asked = ["start", "node-1", "--dir", dir.path().to_str().unwrap()];
    let output = soon("the script", script(dir.path(), &asked).output()).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let shown = dir.path().display();
    assert_eq!(told, format!("no cluster runs in {shown}: scripts/cluster --dir {shown} starts one\n"));
}
