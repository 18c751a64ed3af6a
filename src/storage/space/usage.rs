//! How much is free, and how much is used, where this node keeps something: measured when somebody looks, as metrics.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs};

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::free_bytes;
use crate::tasks::spawn_blocking;

/// Longest wait for the disks. One that hangs then leaves the figures as they were.
const PATIENCE: Duration = Duration::from_secs(2);
/// The files of a SQLite database, behind its name.
const DATABASE: [&str; 3] = ["", "-wal", "-shm"];

/// A file system that something is written to.
#[derive(Clone, Debug)]
pub struct WatchedDisk {
    /// What is kept there, the label `place`: data, objects, spool.
    pub place: &'static str,
    /// A path on it.
    pub path: PathBuf,
    /// Bytes that have to stay free; with less nothing is written.
    pub min_free_bytes: u64,
}

/// Files whose sizes are added up.
#[derive(Clone, Debug)]
pub enum Kept {
    /// A SQLite database, with the files beside it.
    Database(PathBuf),
    /// The files of one directory, without those in directories below.
    Directory(PathBuf),
}

/// The disks and files of a node. Clones share it.
#[derive(Clone)]
pub struct SpaceUsage(Arc<Watched>);

struct Watched {
    disks: Vec<WatchedDisk>,
    /// Each with its label `what`: journal, catalog, spool.
    kept: Vec<(&'static str, Kept)>,
    free: fn(&Path) -> io::Result<u64>,
    patience: Duration,
    /// One measurement at a time: a disk that hangs holds one thread and not one for each look.
    turn: Arc<Semaphore>,
}

impl fmt::Debug for SpaceUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpaceUsage").field(&self.0.disks).field(&self.0.kept).finish()
    }
}

impl SpaceUsage {
    /// Watches these disks, and these files by what is kept in them.
    pub fn new(disks: Vec<WatchedDisk>, kept: Vec<(&'static str, Kept)>) -> Self {
        Self::measured_by(disks, kept, free_bytes, PATIENCE)
    }

    fn measured_by(
        disks: Vec<WatchedDisk>,
        kept: Vec<(&'static str, Kept)>,
        free: fn(&Path) -> io::Result<u64>,
        patience: Duration,
    ) -> Self {
        Self(Arc::new(Watched { disks, kept, free, patience, turn: Arc::new(Semaphore::new(1)) }))
    }

    /// Measures, and sets the metrics. The figures stay as they are while an earlier measurement is under way, and when
    /// a disk does not answer in time.
    pub async fn measure(&self) {
        let Ok(turn) = self.0.turn.clone().try_acquire_owned() else { return };
        let watched = self.0.clone();
        let work = spawn_blocking("disk_space", move || {
            let _turn = turn;
            watched.measure();
        });
        // A panic is counted under the task's name.
        let _ = timeout(self.0.patience, work).await;
    }
}

impl Watched {
    fn measure(&self) {
        for disk in &self.disks {
            let WatchedDisk { place, min_free_bytes, .. } = *disk;
            metrics::gauge!("runcast_disk_free_bytes", "place" => place).set(self.free_of(disk) as f64);
            metrics::gauge!("runcast_disk_min_free_bytes", "place" => place).set(min_free_bytes as f64);
        }
        for (what, kept) in &self.kept {
            metrics::gauge!("runcast_disk_used_bytes", "what" => *what).set(kept.bytes() as f64);
        }
    }

    /// Nothing can be written to a disk that can't be asked: it has nothing free.
    fn free_of(&self, disk: &WatchedDisk) -> u64 {
        (self.free)(&disk.path).unwrap_or(0)
    }
}

impl Kept {
    /// Their sizes. What can't be read counts as 0: it may have gone meanwhile.
    fn bytes(&self) -> u64 {
        let size = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map_or(0, |file| file.len());
        match self {
            Self::Database(path) => DATABASE
                .iter()
                .map(|behind| {
                    let mut name = path.clone().into_os_string();
                    name.push(behind);
                    size(Path::new(&name))
                })
                .sum(),
            Self::Directory(path) => {
                let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
                entries.map(|entry| size(&entry.path())).sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Mutex;

    use super::*;

    #[test]
    fn a_database_counts_with_its_log_and_a_directory_with_its_files() {
        let home = tempfile::tempdir().unwrap();
        for (name, size) in [("kept.db", 1_000), ("kept.db-wal", 200), ("kept.db-shm", 30), ("kept.db-instance", 4)] {
            fs::write(home.path().join(name), vec![0; size]).unwrap();
        }
        fs::create_dir(home.path().join("below")).unwrap();
        fs::write(home.path().join("below/file"), [0; 50]).unwrap();
        assert_eq!(Kept::Database(home.path().join("kept.db")).bytes(), 1_230);
        assert_eq!(Kept::Directory(home.path().to_owned()).bytes(), 1_234);
        assert_eq!(Kept::Directory(home.path().join("gone")).bytes(), 0);
    }

    #[test]
    fn a_disk_that_is_gone_has_nothing_free() {
        let disk = |path: &str| WatchedDisk { place: "data", path: path.into(), min_free_bytes: 0 };
        let SpaceUsage(watched) = SpaceUsage::new(Vec::new(), Vec::new());
        assert!(watched.free_of(&disk("/")) > 0);
        assert_eq!(watched.free_of(&disk("/no/such/disk")), 0);
    }

    #[tokio::test]
    async fn a_disk_that_hangs_holds_up_one_look_for_a_moment_and_no_other() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static DISK: Mutex<()> = Mutex::const_new(());
        fn free(_: &Path) -> io::Result<u64> {
            ASKED.fetch_add(1, Ordering::Relaxed);
            drop(DISK.blocking_lock());
            Ok(5)
        }
        let disk = WatchedDisk { place: "hanging", path: "/".into(), min_free_bytes: 0 };
        let usage = SpaceUsage::measured_by(vec![disk], Vec::new(), free, Duration::from_millis(20));
        let hanging = DISK.lock().await;
        for _ in 0..3 {
            usage.measure().await;
        }
        drop(hanging);
        // The turn is given back when the disk has answered.
        drop(usage.0.turn.acquire().await.unwrap());
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        usage.measure().await;
        assert_eq!(ASKED.load(Ordering::Relaxed), 2);
    }
}
