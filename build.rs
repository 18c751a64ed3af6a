//! Packs the packages in `clients/` into the tarballs that the server hands out, and lists the files of the pages.
//!
//! All are made of what is committed: no tool of JavaScript's is needed to build the server. `$OUT_DIR/packages.rs` has
//! a list with the name, the version and the bytes of each package, `assets.rs` one with the name, the served name, the
//! bytes and the gzipped bytes of each file.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

#[path = "build/pack.rs"]
mod pack;
#[path = "build/pages.rs"]
mod pages;

use pack::{Packed, pack};
use pages::{Asset, assets};

/// What a package is made of, besides the repository's licence.
const SOURCES: [&str; 3] = ["package.json", "README.md", "dist"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error={error}"));
            ExitCode::FAILURE
        }
    }
}

/// Says something to Cargo. When it does not listen, nothing is built either.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "cargo::{line}");
}

fn run() -> Result<(), String> {
    let top = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    for source in ["build.rs", "build", "LICENSE"] {
        say(&format!("rerun-if-changed={source}"));
    }
    let mut list = String::from("&[\n");
    for folder in pack::FOLDERS {
        for source in SOURCES {
            say(&format!("rerun-if-changed={folder}/{source}"));
        }
        list += &entry(&pack(&top, folder)?, &out)?;
    }
    list += "]\n";
    write(&out.join("packages.rs"), list.as_bytes())?;
    say(&format!("rerun-if-changed={}", pages::FOLDER));
    let mut list = String::from("&[\n");
    for asset in assets(&top)? {
        list += &asset_entry(&asset, &out)?;
    }
    list += "]\n";
    write(&out.join("assets.rs"), list.as_bytes())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

/// Writes a tarball; the line of the list with it.
fn entry(packed: &Packed, out: &Path) -> Result<String, String> {
    let Packed { name, version, tarball } = packed;
    let file = out.join(format!("{}.tgz", name.replace(['@', '/'], "_")));
    write(&file, tarball)?;
    Ok(format!("    ({name:?}, {version:?}, include_bytes!({:?})),\n", file.display().to_string()))
}

/// Writes a file of the pages, plain and gzipped; the line of the list with it.
fn asset_entry(asset: &Asset, out: &Path) -> Result<String, String> {
    let Asset { name, served, content, gzipped } = asset;
    let (plain, packed) = (out.join(name), out.join(format!("{name}.gz")));
    write(&plain, content)?;
    write(&packed, gzipped)?;
    let included = |file: &Path| format!("include_bytes!({:?})", file.display().to_string());
    Ok(format!("    Asset::new({name:?}, {served:?}, {}, {}),\n", included(&plain), included(&packed)))
}

fn write(file: &Path, content: &[u8]) -> Result<(), String> {
    fs::write(file, content).map_err(|error| format!("{}: {error}", file.display()))
}
