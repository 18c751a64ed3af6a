//! The space of a file system that artifacts are written to: one gate before it, whatever is written there, and why.
//!
//! Who writes reserves first: all of it where the size is known, else a step at a time. What is reserved and not written yet
//! is taken from what the system says is free, over everybody in this process who writes to the same file system. So those
//! who begin at the same time do not pass together, and a reservation that others have overtaken ends at its next step.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::task::spawn_blocking;

/// Bytes that are reserved at once for what does not say its size, and after which the gate is asked again.
const STEP: u64 = 8 << 20;
/// Bytes that may still be on their way to the file system when the next ones are written: two parts of an object, and what
/// is handed over at once.
const IN_FLIGHT: u64 = 2 << 20;

/// What is reserved on each file system, by its device number.
static LEDGERS: Mutex<BTreeMap<u64, Weak<Ledger>>> = Mutex::new(BTreeMap::new());

/// Bytes that are reserved on one file system and not written yet.
type Ledger = Mutex<u64>;

/// Free bytes of the file system of a path, for those who are not its owner.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where something is written, and what has to stay free there. Clones are the same gate.
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

/// Asks how many bytes are free; a test has its own.
type Probe = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

struct Inner {
    path: PathBuf,
    /// Bytes that stay free; 0: nothing is checked.
    keep: u64,
    reserved: Arc<Ledger>,
    free: Box<Probe>,
}

/// Space that nobody else gets, given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    disk: Disk,
    /// Bytes that may be written.
    granted: u64,
    /// Bytes that were, or are just being, written.
    written: u64,
    /// How many had been when the gate was asked last.
    asked_at: u64,
    /// This one's part of the ledger.
    held: u64,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disk({})", self.0.path.display())
    }
}

impl Disk {
    /// The gate of the file system that `path`, which is there, is on. `keep` bytes stay free; 0 checks nothing.
    ///
    /// # Errors
    /// When the system does not say which file system it is.
    pub fn of(path: &Path, keep: u64) -> io::Result<Self> {
        let device = fs::metadata(path)?.dev();
        let mut ledgers = locked(&LEDGERS);
        ledgers.retain(|_, ledger| ledger.strong_count() > 0);
        let known = ledgers.get(&device).and_then(Weak::upgrade);
        let reserved = known.unwrap_or_else(|| {
            let ledger = Arc::new(Ledger::default());
            ledgers.insert(device, Arc::downgrade(&ledger));
            ledger
        });
        Ok(Self(Arc::new(Inner { path: path.to_owned(), keep, reserved, free: Box::new(free_bytes) })))
    }

    /// Whether both are before the same file system.
    pub fn is_before_the_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.reserved, &other.0.reserved)
    }

    /// Reserves `bytes`, or with 0 only asks whether there is enough space. Blocking.
    ///
    /// # Errors
    /// [`ErrorKind::StorageFull`] when too little would stay free; when the system does not say how much there is.
    pub fn reserve_now(&self, bytes: u64) -> io::Result<Reservation> {
        let Inner { path, keep, reserved, free } = &*self.0;
        let mut reservation = Reservation { disk: self.clone(), granted: bytes, written: 0, asked_at: 0, held: 0 };
        if *keep > 0 {
            let mut reserved = locked(reserved);
            let free = free(path)?;
            if free < keep.saturating_add(*reserved).saturating_add(bytes) {
                let text = format!(
                    "{free} bytes are free where {} is, {reserved} of them are for uploads that have begun, and {keep} have \
                     to be when {bytes} more are written",
                    path.display()
                );
                return Err(io::Error::new(ErrorKind::StorageFull, text));
            }
            *reserved += bytes;
            reservation.held = bytes;
        }
        Ok(reservation)
    }

    /// The same on a thread that may wait.
    ///
    /// # Errors
    /// As [`Disk::reserve_now`].
    pub async fn reserve(&self, bytes: u64) -> io::Result<Reservation> {
        let disk = self.clone();
        spawn_blocking(move || disk.reserve_now(bytes)).await.map_err(io::Error::other)?
    }

    /// As much as is missing, and a whole step if that can be had.
    fn step(&self, missing: u64) -> io::Result<Reservation> {
        match missing {
            0 => self.reserve_now(0),
            STEP.. => self.reserve_now(missing),
            _ => self.reserve_now(STEP).or_else(|_| self.reserve_now(missing)),
        }
    }
}

impl Reservation {
    /// The gate that it is of.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// So many bytes are about to be written behind those before. What goes beyond the reservation is reserved by steps.
    ///
    /// # Errors
    /// As [`Disk::reserve_now`]: they must not be written.
    pub async fn write(&mut self, bytes: u64) -> io::Result<()> {
        if let Some(missing) = self.missing(bytes) {
            let disk = self.disk.clone();
            let more = spawn_blocking(move || disk.step(missing)).await.map_err(io::Error::other)??;
            self.absorb(more);
        }
        self.advance(bytes);
        Ok(())
    }

    /// The same for who may wait. Blocking.
    ///
    /// # Errors
    /// As [`Reservation::write`].
    pub fn write_now(&mut self, bytes: u64) -> io::Result<()> {
        if let Some(missing) = self.missing(bytes) {
            let more = self.disk.step(missing)?;
            self.absorb(more);
        }
        self.advance(bytes);
        Ok(())
    }

    /// Everything is on the file system: what was reserved and not needed is given back.
    pub fn end(&mut self) {
        self.give_back(self.held);
        self.granted = self.written;
    }

    /// What the gate has to be asked for before so many bytes are written; `None`: nothing yet.
    fn missing(&self, bytes: u64) -> Option<u64> {
        let end = self.written + bytes;
        if self.disk.0.keep == 0 {
            None
        } else if end > self.granted {
            Some(end - self.granted)
        } else {
            (end - self.asked_at >= STEP).then_some(0)
        }
    }

    fn absorb(&mut self, mut more: Self) {
        self.granted += more.granted;
        self.held += std::mem::take(&mut more.held);
        self.asked_at = self.written;
    }

    fn advance(&mut self, bytes: u64) {
        self.written += bytes;
        let landed = self.written.saturating_sub(IN_FLIGHT);
        self.give_back(self.held.saturating_sub(self.granted.saturating_sub(landed)));
    }

    fn give_back(&mut self, bytes: u64) {
        if bytes > 0 {
            *locked(&self.disk.0.reserved) -= bytes;
            self.held -= bytes;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give_back(self.held);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A disk of which 100 MiB have to stay free, and what is free on it.
    fn disk(free: u64) -> (Disk, Arc<AtomicU64>) {
        let free = Arc::new(AtomicU64::new(free));
        let told = free.clone();
        let free_now = move |_: &Path| Ok(told.load(Ordering::Relaxed));
        let reserved = Arc::default();
        (Disk(Arc::new(Inner { path: "d".into(), keep: 100 * MIB, reserved, free: Box::new(free_now) })), free)
    }

    fn is_full<T>(reserved: io::Result<T>) -> bool {
        reserved.is_err_and(|error| error.kind() == ErrorKind::StorageFull && error.to_string().contains("have to be"))
    }

    #[test]
    fn ten_at_a_time_do_not_pass_together() {
        let (disk, _) = disk(150 * MIB);
        let begun: Vec<_> = (0..10).map(|_| disk.reserve_now(20 * MIB)).collect();
        assert_eq!(begun.iter().filter(|reserved| reserved.is_ok()).count(), 2);
        assert!(begun.into_iter().skip(2).all(is_full), "and all that was reserved is given back here");
        assert!(disk.reserve_now(50 * MIB).is_ok());
        assert!(is_full(disk.reserve_now(50 * MIB + 1)));
    }

    #[test]
    fn what_is_written_is_counted_once() {
        let (disk, free) = disk(150 * MIB);
        let mut one = disk.reserve_now(40 * MIB).unwrap();
        for _ in 0..40 {
            one.write_now(MIB).unwrap();
            free.fetch_sub(MIB, Ordering::Relaxed);
        }
        // The last bytes may be on their way.
        assert!(is_full(disk.reserve_now(9 * MIB)));
        one.end();
        assert!(disk.reserve_now(10 * MIB).is_ok() && is_full(disk.reserve_now(10 * MIB + 1)));
    }

    #[test]
    fn what_does_not_say_its_size_is_asked_for_step_by_step() {
        let (disk, free) = disk(120 * MIB);
        let (mut one, mut two) = (disk.reserve_now(0).unwrap(), disk.reserve_now(0).unwrap());
        one.write_now(1).unwrap();
        two.write_now(1).unwrap();
        assert_eq!(*locked(&disk.0.reserved), 2 * STEP);
        // No whole step is left: what is needed now still is.
        for written in 0..20 {
            let passed = one.write_now(MIB);
            assert_eq!(passed.is_ok(), written < 10, "{written}: {passed:?}");
            if passed.is_ok() {
                free.fetch_sub(MIB, Ordering::Relaxed);
            }
        }
        drop(one);
        assert_eq!(*locked(&disk.0.reserved), STEP);
    }

    #[test]
    fn what_others_have_overtaken_ends_at_its_next_step_and_leaves_the_rest_to_others() {
        let (disk, free) = disk(300 * MIB);
        let mut begun = [disk.reserve_now(90 * MIB).unwrap(), disk.reserve_now(90 * MIB).unwrap()];
        free.fetch_sub(60 * MIB, Ordering::Relaxed); // the journal
        let ended = begun[0].write_now(STEP);
        assert!(is_full(ended));
        let [one, mut two] = begun;
        drop(one);
        for _ in 0..90 {
            two.write_now(MIB).unwrap();
            free.fetch_sub(MIB, Ordering::Relaxed);
        }
        drop(two);
        assert_eq!(*locked(&disk.0.reserved), 0);
    }

    #[test]
    fn paths_on_one_file_system_share_what_is_reserved() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("below")).unwrap();
        let (one, two) = (Disk::of(home.path(), 1).unwrap(), Disk::of(&home.path().join("below"), 1).unwrap());
        assert!(one.is_before_the_same_as(&two));
        assert!(!one.is_before_the_same_as(&Disk::of(Path::new("/proc"), 1).unwrap()));
        let held = one.reserve_now(MIB).unwrap();
        assert!(*locked(&two.0.reserved) >= MIB);
        drop(held);
    }

    #[test]
    fn nothing_is_checked_where_nothing_has_to_stay_free() {
        let disk = Disk::of(Path::new("/proc"), 0).unwrap();
        let mut reserved = disk.reserve_now(u64::MAX).unwrap();
        assert!(reserved.write_now(100 * MIB).is_ok() && disk.reserve_now(u64::MAX).is_ok());
    }
}
