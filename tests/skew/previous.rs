//! The version before this one: the commit that `tests/previous` names, built once into the same target directory.
//!
//! Its sources are unpacked into `target/previous/src`. Cargo keeps what it compiles where it keeps what it compiles for
//! this version, so that only runcast itself is compiled anew, and puts the program into a directory of its own. The next
//! test process finds the program by its commit and profile.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A built version of before.
pub(crate) struct Previous {
    program: PathBuf,
    source: PathBuf,
}

impl Previous {
    /// The version before this one. It is built by whoever asks first, which takes a minute or two.
    pub(crate) fn get() -> &'static Self {
        static PREVIOUS: OnceLock<Previous> = OnceLock::new();
        PREVIOUS.get_or_init(built)
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The text of one of its files.
    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(self.source.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The names in one of its directories.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.source.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn built() -> Previous {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commit = fs::read_to_string(top.join("tests/previous")).unwrap().trim().to_owned();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    // The directory of a profile has its name, but for that of `dev`.
    let directory = Path::new(env!("CARGO_BIN_EXE_runcast")).parent().unwrap().file_name().unwrap().to_str().unwrap();
    let profile = if directory == "debug" { "dev" } else { directory };
    let home = target.join("previous");
    fs::create_dir_all(&home).unwrap();
    // Another test process may be at it.
    let lock = File::create(home.join("lock")).unwrap();
    lock.lock().unwrap();

    let source = home.join("src");
    let unpacked = home.join("commit");
    if fs::read_to_string(&unpacked).unwrap_or_default() != commit {
        unpack(top, &commit, &source);
        fs::write(&unpacked, &commit).unwrap();
    }
    let program = home.join(format!("runcast-{commit}-{profile}"));
    if !program.exists() {
        build(&source, target, &home, profile);
        fs::rename(home.join(directory).join("runcast"), &program).unwrap();
    }
    Previous { program, source }
}

/// Replaces `source` by the sources of this commit. They are as old as the unpacking: Cargo builds what has changed since
/// it was last there, and a commit is older than that.
fn unpack(top: &Path, commit: &str, source: &Path) {
    let known = Command::new("git").current_dir(top).args(["cat-file", "-e", &format!("{commit}^{{commit}}")]).output();
    let known = known.unwrap();
    assert!(
        known.status.success(),
        "tests/previous names the commit {commit}, which is not in this clone: `git fetch --unshallow` brings it, or \
         `git fetch origin {commit}`\n{}",
        String::from_utf8_lossy(&known.stderr)
    );
    if source.exists() {
        fs::remove_dir_all(source).unwrap();
    }
    fs::create_dir_all(source).unwrap();
    let script = r#"set -o pipefail; git archive --format=tar "$1" | tar -x --touch -C "$2""#;
    let unpacking = Command::new("bash").current_dir(top).args(["-c", script, "bash", commit]).arg(source).output();
    succeeded("unpacking", &unpacking.unwrap());
}

/// Compiles the sources. The example is there because it needs what tests need: with it Cargo chooses the features of all
/// packages as it does for `cargo test`, and finds them compiled.
fn build(source: &Path, target: &Path, home: &Path, profile: &str) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(source).args(["build", "--locked", "--quiet", "--profile", profile]);
    cargo.args(["--workspace", "--bin", "runcast", "--example", "s3-server"]);
    cargo.env("CARGO_BUILD_BUILD_DIR", target).env("CARGO_TARGET_DIR", home);
    // What Cargo has told this test about its own package.
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    succeeded("cargo build", &cargo.output().unwrap());
}

#[track_caller]
fn succeeded(what: &str, output: &Output) {
    assert!(output.status.success(), "{what} of the version before: {}", String::from_utf8_lossy(&output.stderr));
}
