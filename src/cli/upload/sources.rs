//! Finds the files to upload, and the names of their artifacts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::protocol::ArtifactName;

/// A file and the name of its artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UploadSource {
    pub(super) path: PathBuf,
    pub(super) name: String,
}

/// A path that can't be uploaded, and the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) path: PathBuf,
    pub(super) reason: String,
}

/// The files found, and the paths that can't be uploaded.
#[derive(Debug, Default)]
pub(super) struct UploadSources {
    pub(super) files: Vec<UploadSource>,
    pub(super) unusable: Vec<Unusable>,
}

impl UploadSources {
    /// Names a file by its file name, or `name`; a file in a given directory by its relative path, with `/`. Links to
    /// directories are not followed within a directory, because they may form a cycle.
    pub(super) fn find(paths: &[PathBuf], name: Option<&str>) -> Self {
        let mut found = Self::default();
        for path in paths {
            match fs::metadata(path) {
                Ok(meta) if meta.is_dir() => found.walk(path, ""),
                Ok(_) => {
                    let own = || path.file_name().map(|name| name.to_string_lossy().into_owned());
                    found.add(path.clone(), name.map(str::to_owned).or_else(own).unwrap_or_default());
                }
                Err(error) => found.refuse(path, &error),
            }
        }
        found
    }

    fn walk(&mut self, directory: &Path, prefix: &str) {
        let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.refuse(directory, &error),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match (entry.file_type(), fs::metadata(&path)) {
                (Ok(kind), _) if kind.is_dir() => self.walk(&path, &format!("{name}/")),
                (Ok(_), Ok(meta)) if meta.is_file() => self.add(path, name),
                // Pipes, sockets and links to directories are skipped.
                (Ok(_), Ok(_)) => {}
                (Err(error), _) | (_, Err(error)) => self.refuse(&path, &error),
            }
        }
    }

    fn add(&mut self, path: PathBuf, name: String) {
        // In a URL these two are relative path segments.
        let is_way = name == "." || name == "..";
        match ArtifactName::parse(&name) {
            Ok(_) if !is_way => self.files.push(UploadSource { path, name }),
            Ok(_) => self.refuse(&path, &format!("{name:?} is no name")),
            Err(error) => self.refuse(&path, &error),
        }
    }

    fn refuse(&mut self, path: &Path, reason: &impl ToString) {
        self.unusable.push(Unusable { path: path.to_owned(), reason: reason.to_string() });
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(found: &UploadSources) -> Vec<&str> {
        found.files.iter().map(|source| source.name.as_str()).collect()
    }

    #[test]
    fn a_directory_is_walked_in_order_and_names_are_relative_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let results = directory.path().join("results");
        fs::create_dir_all(results.join("b/c")).unwrap();
        for name in ["z.log", "b/trace.zip", "b/c/video.webm"] {
            fs::write(results.join(name), "x").unwrap();
        }
        symlink(&results, results.join("b/circle")).unwrap();
        symlink(results.join("z.log"), results.join("a.log")).unwrap();
        symlink("nowhere", results.join("broken")).unwrap();
        let found = UploadSources::find(&[results.clone(), results.join("z.log")], None);
        assert_eq!(names(&found), ["a.log", "b/c/video.webm", "b/trace.zip", "z.log", "z.log"]);
        assert_eq!(found.unusable.len(), 1);
        assert_eq!(found.unusable[0].path, results.join("broken"));
    }

    #[test]
    fn a_name_that_is_none_is_refused_before_anything_is_sent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = [file.path().to_owned()];
        assert_eq!(names(&UploadSources::find(&path, Some("a/b.zip"))), ["a/b.zip"]);
        for name in ["", "..", "a\nb", &"x".repeat(256)] {
            let found = UploadSources::find(&path, Some(name));
            assert!(found.files.is_empty() && found.unusable.len() == 1, "{name:?}");
        }
        let missing = UploadSources::find(&[PathBuf::from("/nowhere/at/all")], None);
        assert!(missing.unusable[0].reason.contains("No such file"), "{missing:?}");
    }
}
