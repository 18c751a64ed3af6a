//! A directory as a store.

use std::fs;
use std::path::Path;

use runcast::storage::objects::{Objects, ObjectsError, StoreLocation};

use super::common::{MIB, bytes, directory, full_meta, keeps_objects, list, meta, options, read, write};
use crate::support::{SOON, eventually};

/// All names below a directory, hidden ones too.
fn names(path: &Path) -> Vec<String> {
    fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_directory_keeps_objects_and_leaves_no_empty_directory() {
    let home = tempfile::tempdir().unwrap();
    let objects = directory(home.path());
    keeps_objects(&objects).await;
    assert_eq!(names(home.path()), Vec::<String>::new());
    assert!(!objects.serves_itself());
    let key = "runs/r/a";
    assert_eq!(objects.local_path(key), Some(home.path().canonicalize().unwrap().join(key)));
    assert_eq!(objects.local_path("../a"), None);
    let ttl = std::time::Duration::from_secs(1);
    assert!(matches!(objects.sign_get(key, ttl).await, Err(ObjectsError::Refused(_))));
}

#[tokio::test]
async fn what_is_not_finished_is_nowhere_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let objects = directory(home.path());
    for end in ["abort", "drop"] {
        let mut writer = objects.writer("runs/r/a", &full_meta()).await.unwrap();
        writer.write(&bytes(1, 2 * MIB)).await.unwrap();
        assert_eq!(objects.head("runs/r/a").await, Ok(None));
        assert_eq!(list(&objects, "").await.len(), 0, "what is being written is not listed");
        assert_eq!(names(&home.path().join("runs/r")), ["a#1"]);
        match end {
            "abort" => writer.abort().await.unwrap(),
            _ => drop(writer),
        }
        eventually!(names(&home.path().join("runs/r")), Vec::is_empty, SOON);
    }
}

#[tokio::test]
async fn what_a_crash_has_left_of_an_upload_is_cleared_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let objects = directory(home.path());
    write(&objects, "runs/r/ab", &meta("text/plain"), b"other").await.unwrap();
    for left in ["a#1", "a#2", "ab#1", "a#x", "a"] {
        fs::write(home.path().join("runs/r").join(left), "left").unwrap();
    }
    objects.clear("runs/r/a", None).await.unwrap();
    let mut left = names(&home.path().join("runs/r"));
    left.sort();
    assert_eq!(left, ["a#x", "ab", "ab#1"]);
    objects.clear("runs/none/a", None).await.unwrap();
    fs::create_dir_all(home.path().join("runs/s")).unwrap();
    fs::write(home.path().join("runs/s/a#1"), "left").unwrap();
    objects.clear("runs/s/a", None).await.unwrap();
    assert_eq!(names(&home.path().join("runs")), ["r"], "the directory that became empty is gone");
}

#[tokio::test]
async fn a_file_on_the_same_disk_becomes_the_object_and_one_on_another_is_copied() {
    let home = tempfile::tempdir().unwrap();
    let objects = directory(home.path());
    let near = home.path().parent().unwrap().join(format!("runcast-near-{}", std::process::id()));
    fs::write(&near, "near").unwrap();
    assert_eq!(objects.put_file("runs/r/near", &meta("text/plain"), &near).await, Ok(4));
    assert!(!near.exists(), "it was moved, not copied");
    // A file system of its own on every Linux.
    let far = Path::new("/dev/shm").join(format!("runcast-far-{}", std::process::id()));
    fs::write(&far, "from afar").unwrap();
    assert_eq!(objects.put_file("runs/r/far", &meta("text/plain"), &far).await, Ok(9));
    fs::remove_file(&far).unwrap();
    assert_eq!(read(&objects, "runs/r/near").await.unwrap(), b"near");
    assert_eq!(read(&objects, "runs/r/far").await.unwrap(), b"from afar");
    let gone = objects.put_file("runs/r/x", &meta("text/plain"), &far).await;
    assert_eq!(gone, Err(ObjectsError::NotFound));
}

#[tokio::test]
async fn writers_and_removers_of_one_directory_do_not_trip_over_each_other() {
    let home = tempfile::tempdir().unwrap();
    let objects = directory(home.path());
    let spool = tempfile::tempdir_in(home.path().parent().unwrap()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let (objects, file) = (objects.clone(), spool.path().join(task.to_string()));
        tasks.spawn(async move {
            let key = format!("runs/r/deep/{task}");
            for round in 0..50 {
                if round % 2 == 0 {
                    fs::write(&file, "x").unwrap();
                    objects.put_file(&key, &meta("text/plain"), &file).await.unwrap();
                } else {
                    write(&objects, &key, &meta("text/plain"), b"x").await.unwrap();
                }
                assert_eq!(objects.head(&key).await, Ok(Some(1)));
                objects.delete(&key).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(names(home.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_directory_that_is_not_there_or_too_full_says_so() {
    let home = tempfile::tempdir().unwrap();
    let open = |path: &Path, min_free_bytes| {
        Objects::open(&options(StoreLocation::Directory { path: path.to_owned(), min_free_bytes }))
    };
    let missing = home.path().join("missing");
    let error = open(&missing, 0).unwrap_err();
    assert!(matches!(&error, ObjectsError::NoBucket(text) if text.contains("missing")), "{error}");
    assert!(!missing.exists());
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(open(&file, 0).unwrap_err(), ObjectsError::NoBucket(_)));

    let full = open(home.path(), u64::MAX).unwrap();
    let error = full.probe().await.unwrap_err();
    assert!(matches!(&error, ObjectsError::Full(text) if text.contains("have to be")), "{error}");
    assert!(matches!(write(&full, "a", &meta("text/plain"), b"x").await, Err(ObjectsError::Full(_))));
}
