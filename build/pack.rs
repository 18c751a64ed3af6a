//! Makes the tarball of a package as npm would, to the same bytes whenever and wherever it is made.
//!
//! The compressor is one whose output nothing but its version changes. flate2 would take whichever is enabled in the
//! whole build.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use miniz_oxide::deflate::compress_to_vec;
use serde_json::value::RawValue;
use tar::{Builder, EntryType, Header};

/// The folders of the packages.
pub(crate) const FOLDERS: [&str; 2] = ["clients/playwright", "clients/js"];
/// The members of `package.json` that only those who change the package need. Left in, they would have users' audits look
/// at tools that nobody installs.
const LEFT_OUT: [&str; 2] = ["devDependencies", "scripts"];
/// The deepest level of nested folders in `dist`.
const MAX_DEPTH: usize = 8;
/// The head of a gzip file: deflate, no name, no time, the best compression, an unknown system.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff];

/// A package as npm installs it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Its name, `@runcast/client` for instance.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its `.tgz`.
    pub(crate) tarball: Vec<u8>,
}

/// Packs the package in a folder below the top of the repository.
///
/// # Errors
/// When a file is missing or can't be read, or `package.json` has no name or version; in words for whoever builds.
pub(crate) fn pack(top: &Path, folder: &str) -> Result<Packed, String> {
    let package = top.join(folder);
    let dist = package.join("dist");
    if !dist.is_dir() {
        return Err(format!(
            "{folder}/dist is missing, which the server hands out. It is made by: cd {folder} && npm ci && npm run build"
        ));
    }
    let mut files = BTreeMap::new();
    collect(&dist, "dist", MAX_DEPTH, &mut files)?;
    files.insert("README.md".to_owned(), read(&package.join("README.md"))?);
    files.insert("LICENSE".to_owned(), read(&top.join("LICENSE"))?);
    let described = read(&package.join("package.json"))?;
    let members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(&described).map_err(|error| format!("{folder}/package.json: {error}"))?;
    let text = |key: &str| {
        let value = members.get(key).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
        value.ok_or_else(|| format!("{folder}/package.json has no {key}"))
    };
    let (name, version) = (text("name")?, text("version")?);
    files.insert("package.json".to_owned(), published(&members).into_bytes());
    let tarball = archive(&files).map_err(|error| format!("{folder}: {error}"))?;
    Ok(Packed { name, version, tarball: gzip(&tarball) })
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// All files of a folder, by their paths with `/`.
fn collect(folder: &Path, prefix: &str, depth: usize, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let error = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(error)? {
        let entry = entry.map_err(error)?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        match entry.file_type().map_err(error)? {
            kind if kind.is_dir() && depth > 0 => collect(&entry.path(), &name, depth - 1, files)?,
            kind if kind.is_file() => drop(files.insert(name, read(&entry.path())?)),
            _ => return Err(format!("{} is neither a file nor a folder to be packed", entry.path().display())),
        }
    }
    Ok(())
}

/// `package.json` without what users have no use for. The order within the members matters in `exports`, and stays.
fn published(members: &BTreeMap<String, Box<RawValue>>) -> String {
    let kept = members.iter().filter(|(key, _)| !LEFT_OUT.contains(&key.as_str()));
    let lines: Vec<_> = kept.map(|(key, value)| format!("  \"{key}\": {}", value.get())).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// A tar archive of these files, below `package/`.
pub(crate) fn archive(files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, format!("package/{name}"), content.as_slice())?;
    }
    tar.into_inner()
}

/// A gzip file of this.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut file = GZIP_HEAD.to_vec();
    file.extend(compress_to_vec(content, 9));
    file.extend(crc32(content).to_le_bytes());
    file.extend((content.len() as u32).to_le_bytes()); // modulo 2^32, as gzip has it
    file
}

/// The checksum of gzip (RFC 1952, 8).
pub(crate) fn crc32(content: &[u8]) -> u32 {
    !content.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
