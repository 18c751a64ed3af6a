//! What the doctor says of the store of artifacts.

use std::path::Path;

use super::support::S3Server;
use super::{output, runcast, text};

/// The line about artifacts, and whether the server would run.
async fn line(directory: &Path, environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = runcast(&["doctor", "--bind", "127.0.0.1:0"]);
    command.current_dir(directory).env("RUNCAST__JOURNAL__MIN_FREE_BYTES", "0").envs(environment.iter().copied());
    let output = output(command).await;
    let report = text(&output.stdout).to_owned();
    assert!(!report.contains("hunter2"), "{report}");
    let line = report.lines().find(|line| line.contains(" artifacts "));
    (output.status.code(), line.unwrap_or_else(|| panic!("nothing about artifacts in\n{report}")).to_owned())
}

#[tokio::test]
async fn a_directory_is_tried_if_it_is_there_and_never_made() {
    let directory = tempfile::tempdir().unwrap();
    let (code, said) = line(directory.path(), &[]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("ok ") && said.contains("data/objects will be made"), "{said}");
    assert!(!directory.path().join("data").exists());

    let missing = directory.path().join("elsewhere");
    let url = format!("dir:{}", missing.display());
    let (code, said) = line(directory.path(), &[("RUNCAST__OBJECTS__URL", &url)]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("FAIL") && said.contains("there is no directory"), "{said}");
    std::fs::create_dir(&missing).unwrap();
    let (code, said) = line(directory.path(), &[("RUNCAST__OBJECTS__URL", &url)]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("ok ") && said.contains("takes, shows, lists and removes"), "{said}");
    assert_eq!(std::fs::read_dir(&missing).unwrap().count(), 0, "the probe leaves nothing");
    let (_, said) = line(directory.path(), &[("RUNCAST__OBJECTS__URL", "none:")]).await;
    assert!(said.starts_with("ok ") && said.contains("none are kept"), "{said}");
}

#[tokio::test]
async fn a_bucket_is_tried_in_the_path_and_in_the_host_and_what_is_wrong_is_said() {
    let (directory, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    let settings = server.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let with = |more: &[(&'static str, &'static str)]| [&settings, more].concat();
    let (code, said) = line(directory.path(), &with(&[])).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("ok ") && said.contains(&server.endpoint()), "{said}");

    // Names that no resolver has: a proxy finds the server for them.
    let (endpoint, proxy) = (format!("http://{}:{}", S3Server::DOMAIN, server.address().port()), server.endpoint());
    let mut by_host = with(&[("RUNCAST__OBJECTS__ADDRESSING", "host")]);
    by_host.extend([("RUNCAST__OBJECTS__ENDPOINT", endpoint.as_str()), ("http_proxy", proxy.as_str())]);
    let (code, said) = line(directory.path(), &by_host).await;
    assert_eq!(code, Some(0), "{said}");

    let (code, said) = line(directory.path(), &with(&[("RUNCAST__OBJECTS__SECRET_KEY", "hunter2")])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("FAIL") && said.contains("objects.secret_key does not fit"), "{said}");
    let (code, said) = line(directory.path(), &with(&[("RUNCAST__OBJECTS__URL", "s3://other")])).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("FAIL") && said.contains("no such bucket"), "{said}");
}
