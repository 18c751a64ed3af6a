//! The Dockerfile, as far as reading shows: there is no engine that builds it here.

use std::path::{Path, PathBuf};

use crate::settings::config;
use crate::shipped;

/// The instructions, continued lines joined, comments left out.
fn instructions() -> Vec<(String, String)> {
    let text = shipped("Dockerfile");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let words = joined.lines().filter_map(|line| line.split_once(' '));
    words.map(|(word, rest)| (word.to_owned(), rest.trim().to_owned())).collect()
}

/// What the last instruction of a kind says: that of the image, not of its build.
pub(crate) fn last(instruction: &str) -> String {
    let found = instructions().into_iter().rev().find(|(word, _)| word == instruction);
    found.unwrap_or_else(|| panic!("no {instruction} in the Dockerfile")).1
}

/// Variables that the image sets.
pub(crate) fn environment() -> Vec<(String, String)> {
    let pairs = last("ENV");
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    pairs.split_whitespace().map(pair).collect()
}

/// Directories that the build makes, as they are in the image, where they belong to its user.
pub(crate) fn directories() -> Vec<PathBuf> {
    let [data, user] = [last("VOLUME"), last("USER")];
    let copied = format!("--from=build --chown={user} /image{data} {data}");
    assert!(instructions().iter().any(|(word, rest)| word == "COPY" && *rest == copied), "{copied}");
    let runs = instructions().into_iter().filter(|(word, _)| word == "RUN").map(|(_, rest)| rest);
    let commands: Vec<String> = runs.flat_map(|run| run.split("&&").map(str::to_owned).collect::<Vec<_>>()).collect();
    let made = commands.iter().filter_map(|command| command.trim().strip_prefix("install -d "));
    made.flat_map(str::split_whitespace).filter_map(|path| path.strip_prefix("/image").map(PathBuf::from)).collect()
}

#[test]
fn the_image_sets_keys_that_fit_its_port_volume_and_user() {
    let set = environment();
    let reached = ("RUNCAST__SERVER__PUBLIC_URL", "https://runcast.example.org");
    let all = set.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([reached]);
    let config = config("Dockerfile", all);
    assert!(config.server.bind.resolve().unwrap()[0].ip().is_unspecified(), "reached from outside of the container");
    assert_eq!(last("EXPOSE"), config.server.bind.port().to_string());
    assert_eq!(last("VOLUME"), config.server.data_dir.display().to_string());
    let viewer = config.artifacts.trace_viewer_dir.display().to_string();
    assert!(instructions().iter().any(|(word, rest)| word == "COPY" && rest.ends_with(&viewer)), "{viewer}");
    let user = last("USER");
    assert!(user != "0:0" && shipped("Dockerfile").contains(&format!("--chown={user} ")), "{user}");
}

#[test]
fn the_image_is_built_with_a_toolchain_and_from_files_that_do() {
    let cargo: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
    let needed = cargo["package"]["rust-version"].as_str().unwrap();
    let base = instructions().into_iter().find(|(word, _)| word == "FROM").unwrap().1;
    assert!(base.starts_with(&format!("rust:{needed}-")), "{base} is not Rust {needed}");

    let ignore = shipped("Dockerfile.dockerignore");
    let kept: Vec<_> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in &kept {
        assert!(root.join(file).exists(), "{file}");
    }
    let members = cargo["workspace"]["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap());
    let compiled = ["Cargo.toml", "Cargo.lock", "src/main.rs", "demo/run.ndjson", "benches/append.rs"];
    let fetching = ["scripts/trace-viewer", "scripts/trace-viewer.d/package-lock.json"];
    for needed in members.chain(compiled).chain(fetching) {
        assert!(kept.iter().any(|kept| Path::new(needed).starts_with(kept)), "{needed} is not sent to the builder");
    }
}
