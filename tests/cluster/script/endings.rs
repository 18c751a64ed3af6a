//! How the script ends otherwise: by a failure, which leaves its logs, and by a kill, which leaves nobody behind.

use std::net::TcpStream;
use std::path::PathBuf;

use super::{START, Script, script};
use crate::support::{SOON, eventually, soon};
use tokio::time::timeout;

#[tokio::test]
async fn a_start_that_fails_says_why_and_leaves_the_logs() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = script(dir.path(), &["--no-nginx", "--bin", "/bin/false"]);
    let output = timeout(START, command.output()).await.expect("the script ends").unwrap();
    let (told, failed) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{failed}");
    assert!(failed.starts_with("node-1 did not start: it ended with exit code 1, see "), "{failed}");
    let kept = told.lines().last().unwrap().strip_prefix("logs stay in ").unwrap_or_else(|| panic!("{told}"));
    let kept = PathBuf::from(kept);
    assert!(kept.starts_with(dir.path()), "{}", kept.display());
    assert!(failed.contains(kept.join("node-1.log").to_str().unwrap()), "{failed}");
    for log in ["redis.log", "postgres.log", "node-1.log"] {
        assert!(kept.join(log).is_file(), "{log}");
    }
}

#[tokio::test]
async fn a_directory_has_one_cluster_at_a_time_and_all_of_it_ends_with_a_script_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("cluster");
    let asked = ["--nodes", "1", "--dir", home.to_str().unwrap()];
    let mut running = Script::start(dir.path(), &asked).await;
    assert!(running.last.starts_with(&format!("logs in {};", home.display())), "{}", running.last);
    let refused = soon("the second one", script(dir.path(), &asked).output()).await.unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.starts_with(&format!("a cluster runs in {} already: ", home.display())), "{told}");
    assert!(TcpStream::connect(running.address("node-1")).is_ok(), "it goes on");

    running.child.kill().await.unwrap();
    for (name, (address, _)) in &running.programs {
        eventually!(TcpStream::connect(address).is_err(), |is_gone| *is_gone, SOON);
        assert!(TcpStream::connect(address).is_err(), "{name}");
    }
}
