//! The words of commands that are not run: the files, tests, subcommands and flags in them are there.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{output, runcast, text};
use super::blocks::root;

/// The flags of each command of runcast; those of runcast itself are under no name.
pub(super) struct Commands(BTreeMap<String, BTreeSet<String>>);

impl Commands {
    pub(super) async fn known() -> Self {
        let help = async |arguments: &[&str]| text(&output(runcast(arguments)).await.stdout);
        let own = help(&["--help"]).await;
        let listed = own.split_once("\nCommands:\n").unwrap().1.split("\n\n").next().unwrap().lines();
        let names: Vec<_> = listed.filter_map(|line| line.split_whitespace().next()).collect();
        let mut found = BTreeMap::from([(String::new(), flags(&own))]);
        for name in names {
            let mut told = help(&[name, "--help"]).await;
            if name == "steer" {
                // What can be done has flags of its own.
                let ways = told.split_once("\nWhat to do:\n").unwrap().1.split("\n\n").next().unwrap().to_owned();
                for way in ways.lines().filter_map(|line| line.split_whitespace().next()) {
                    told += &help(&["steer", "RUN", way, "--help"]).await;
                }
            }
            // So have commands of commands.
            if let Some((_, subcommands)) = told.clone().split_once("\nCommands:\n") {
                let subcommands = subcommands.split("\n\n").next().unwrap().lines();
                for subcommand in subcommands.filter_map(|line| line.split_whitespace().next()) {
                    told += &help(&[name, subcommand, "--help"]).await;
                }
            }
            found.insert(name.to_owned(), flags(&told));
        }
        found.insert("ls".to_owned(), found["runs"].clone());
        Self(found)
    }

    /// Checks all commands of a block, or of code within a sentence.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        for line in text.replace("\\\n", " ").lines() {
            let line = line.split(" #").next().unwrap_or_default();
            for command in line.split(['|', ';', '&', '(', ')']) {
                let words: Vec<_> = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
                self.check_flags(&words)?;
                check_files(&words)?;
            }
        }
        Ok(())
    }

    fn check_flags(&self, words: &[&str]) -> Result<(), String> {
        let Some(at) = words.iter().position(|word| *word == "runcast") else { return Ok(()) };
        let words = &words[at + 1..];
        let name = words.first().filter(|word| !word.starts_with('-')).copied().unwrap_or_default();
        if name.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Ok(()); // any of them
        }
        let known = self.0.get(name).ok_or_else(|| format!("there is no `runcast {name}`"))?;
        let used =
            words.iter().filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap_or(word));
        match used.into_iter().find(|flag| !known.contains(*flag)) {
            Some(flag) => Err(format!("`runcast {name}` has no {flag}")),
            None => Ok(()),
        }
    }
}

/// The flags that a help text names, in its list or in a sentence.
fn flags(help: &str) -> BTreeSet<String> {
    let words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.starts_with("--")).map(str::to_owned).collect()
}

/// Test targets and files of the repository that a command names are there.
fn check_files(words: &[&str]) -> Result<(), String> {
    let there = |file: &str| root().join(file).exists();
    for pair in words.windows(2).filter(|pair| words[0] == "cargo" && pair[0] == "--test") {
        let test = format!("tests/{}", pair[1]);
        if !there(&test) && !there(&format!("{test}.rs")) {
            return Err(format!("there is no {test}"));
        }
    }
    let folders = ["scripts/", "tests/", "docs/", "deploy/", "web/", "clients/", "demo/", "benches/"];
    let named = words.iter().filter(|word| folders.iter().any(|folder| word.starts_with(folder)));
    match named.into_iter().find(|file| !there(file)) {
        Some(file) => Err(format!("there is no {file}")),
        None => Ok(()),
    }
}

/// What only shows something begins no line with a program.
pub(super) fn no_command(text: &str) -> Result<(), String> {
    let programs = ["runcast", "curl", "cargo", "npm", "npx", "scripts/", "docker", "kubectl"];
    let begins = |line: &&str| programs.iter().any(|program| line.trim_start().starts_with(program));
    match text.lines().find(begins) {
        Some(line) => Err(format!("{line:?} is a command")),
        None => Ok(()),
    }
}
