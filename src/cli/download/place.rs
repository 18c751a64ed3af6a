//! Where artifacts are written: always below the given directory, whatever their names are.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::artifacts::listing::ShownArtifact;
use crate::protocol::artifact::safe_part;

/// Most bytes of a part of a path: with an id in front, and with the end of a part's name, a file system takes it.
const PART_BYTES: usize = 160;

/// A path below the directory for each artifact, no two the same. Of several with one name the oldest has it, and the
/// others have their ids in front.
pub(super) fn places(artifacts: &[ShownArtifact]) -> Vec<PathBuf> {
    let mut order: Vec<usize> = (0..artifacts.len()).collect();
    // Ids grow with time.
    order.sort_by(|a, b| artifacts[*a].artifact_id.cmp(&artifacts[*b].artifact_id));
    let (mut taken, mut places) = (HashSet::new(), vec![PathBuf::new(); artifacts.len()]);
    for index in order {
        let ShownArtifact { artifact_id, name, .. } = &artifacts[index];
        let mut place = path_of(name);
        // Once more where another artifact's name is that of this one with its id.
        while !taken.insert(place.clone()) {
            let last = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            place.set_file_name(format!("{}-{last}", safe_part(artifact_id)));
        }
        places[index] = place;
    }
    places
}

/// The relative path that a name means, or if it means none that is safe, the name as a single part.
fn path_of(name: &str) -> PathBuf {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.len() <= PART_BYTES
            && !part.contains(|c: char| c.is_control() || c == '\\')
    };
    match safe_part(name) {
        _ if name.split('/').all(is_part) => name.split('/').collect(),
        part if part.is_empty() => PathBuf::from("unnamed"),
        part => PathBuf::from(part),
    }
}

/// Makes the folders of `place` below `root`. A link on the way is not followed, because it may lead elsewhere.
pub(super) fn make_folders(root: &Path, place: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    let mut path = root.to_owned();
    for folder in place.parent().into_iter().flat_map(Path::components) {
        path.push(folder);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err(io::Error::other(format!("{} is no directory", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use super::*;
    use crate::cli::request::PartFile;

    fn artifact(id: &str, name: &str) -> ShownArtifact {
        let json = serde_json::json!({"artifactId": id, "name": name, "kind": "log", "state": "ready"});
        ShownArtifact::parse(&json.to_string()).unwrap()
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let hostile =
            ["../x", "/etc/passwd", "a/../../x", "..", ".", "", "a//b", "a/./b", "a\\..\\b", "x\0y", "a\nb", "~/x/.."];
        let long = "x".repeat(255);
        for name in hostile.into_iter().chain([long.as_str()]) {
            let place = path_of(name);
            let parts: Vec<_> = place.components().collect();
            assert!(matches!(parts[..], [Component::Normal(part)] if part.len() <= 100), "{name:?}: {place:?}");
        }
        assert_eq!(path_of("linux/pays/video 1.webm"), Path::new("linux/pays/video 1.webm"));
    }

    #[test]
    fn two_artifacts_never_have_one_place() {
        let artifacts =
            [artifact("3", "a/log"), artifact("1", "a/log"), artifact("2", "../log"), artifact("4", ".._log")];
        let places = places(&artifacts);
        assert_eq!(places[0], Path::new("a/3-log"));
        assert_eq!(places[1], Path::new("a/log"), "the oldest has the name");
        assert_eq!(places.iter().collect::<HashSet<_>>().len(), 4, "{places:?}");
    }

    #[test]
    fn a_name_that_is_anothers_with_its_id_takes_no_place_from_it() {
        let places = super::places(&[artifact("1", "a/log"), artifact("2", "a/3-log"), artifact("3", "a/log")]);
        assert_eq!(places, ["a/log", "a/3-log", "a/3-3-log"].map(Path::new));
    }

    #[test]
    fn a_file_system_takes_the_part_of_a_long_name_that_two_artifacts_have() {
        let (id, long) = ("x".repeat(36), "n".repeat(PART_BYTES));
        let places = places(&[artifact("1", &long), artifact(&id, &long)]);
        let dir = tempfile::tempdir().unwrap();
        PartFile::open(&dir.path().join(&places[1]), &id).unwrap();
    }

    #[test]
    fn a_link_in_the_directory_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        make_folders(dir.path(), Path::new("a/b/file")).unwrap();
        assert!(dir.path().join("a/b").is_dir());
        std::os::unix::fs::symlink("/tmp", dir.path().join("link")).unwrap();
        let refused = make_folders(dir.path(), Path::new("link/file")).unwrap_err();
        assert!(refused.to_string().ends_with("link is no directory"), "{refused}");
    }
}
