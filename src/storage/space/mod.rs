//! Disk space for artifacts: each write to a file system reserves its bytes first.
//!
//! A writer reserves the whole size where it is known, else a step at a time. Bytes that are reserved and not written
//! yet are subtracted from the free bytes that the system reports, for all writers of this process on the same file
//! system. So writers that begin together can't overcommit the disk, and one whose space was taken fails at its next
//! step.
//!
//! An example. 40 MiB were announced and 10 MiB of them are written, 1 MiB at a time:
//!
//! | number | MiB | what it is |
//! |---|---|---|
//! | `granted` | 40 | what may be written without a further reservation |
//! | `written` | 10 | what was handed to the file system |
//! | `held` | 32 | `granted`, less what is surely on the disk: `written` less the 2 MiB that may be on their way |
//! | `asked_at` | 7 | where the gate was asked last, because the next MiB filled a step of 8; next before the 15th |
//! | the reservations | 32 | the sum of everybody's `held` |
//!
//! By now the system reports 8 to 10 MiB fewer than at the start. A writer of 20 MiB more is admitted if 20 MiB, these
//! 32 MiB and the minimum are free together. At the end `held` is 0, because the system counts all 40 MiB.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::tasks::spawn_blocking;

pub mod usage;

/// Bytes reserved in one step for a write of unknown size; the free space is checked again after each step.
const STEP: u64 = 8 << 20;
/// Bytes that may not have reached the file system when the next ones are written: two parts of an object, and one
/// piece.
const IN_FLIGHT: u64 = 2 << 20;

/// Reservations of each file system, by its device number.
static RESERVATIONS: Mutex<BTreeMap<u64, Weak<SharedReservations>>> = Mutex::new(BTreeMap::new());

/// Reservations of one file system.
#[derive(Default)]
struct SharedReservations {
    /// Bytes that are reserved and not written yet. Async threads give back here, so the lock is held for an addition
    /// only and never while waiting for a disk.
    reserved: Mutex<u64>,
    /// Held while the free space is read and reserved, by one blocking thread at a time.
    asking: Mutex<()>,
}

/// What must be checked before the next bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// Nothing.
    Nothing,
    /// Whether the reserved space is still free, because a step was written since the last check.
    WhetherItLasts,
    /// Whether so many more bytes can be reserved.
    More(u64),
}

/// Free bytes of the file system of a path, without those kept for the superuser.
///
/// # Errors
/// When the system call fails.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file system that is written to, and the bytes that must stay free on it. Clones share it.
#[derive(Clone)]
pub struct Disk(Arc<DiskState>);

/// Returns the free bytes; tests replace it.
type FreeSpace = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

struct DiskState {
    path: PathBuf,
    /// Bytes that must stay free; 0 checks nothing.
    keep: u64,
    reservations: Arc<SharedReservations>,
    free: Box<FreeSpace>,
}

/// Reserved space, given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    disk: Disk,
    /// Bytes that may be written.
    granted: u64,
    /// Bytes written, or being written.
    written: u64,
    /// `written` at the last check.
    asked_at: u64,
    /// This reservation's part of the shared sum.
    held: u64,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disk({})", self.0.path.display())
    }
}

impl Disk {
    /// The file system of `path`, which must exist. `keep` bytes stay free; 0 checks nothing.
    ///
    /// # Errors
    /// When the path's metadata can't be read.
    pub fn of(path: &Path, keep: u64) -> io::Result<Self> {
        let device = fs::metadata(path)?.dev();
        let mut by_device = locked(&RESERVATIONS);
        by_device.retain(|_, reservations| reservations.strong_count() > 0);
        let known = by_device.get(&device).and_then(Weak::upgrade);
        let reservations = known.unwrap_or_else(|| {
            let reservations = Arc::new(SharedReservations::default());
            by_device.insert(device, Arc::downgrade(&reservations));
            reservations
        });
        Ok(Self(Arc::new(DiskState { path: path.to_owned(), keep, reservations, free: Box::new(free_bytes) })))
    }

    /// Whether both are the same file system.
    pub fn is_before_the_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.reservations, &other.0.reservations)
    }

    /// Reserves `bytes`, or with 0 only asks whether there is enough space. Blocking.
    ///
    /// # Errors
    /// [`ErrorKind::StorageFull`] when too little would stay free; the system's error when it can't report the free bytes.
    pub fn reserve_now(&self, bytes: u64) -> io::Result<Reservation> {
        let DiskState { path, keep, reservations, free } = &*self.0;
        let mut reservation = Reservation { disk: self.clone(), granted: bytes, written: 0, asked_at: 0, held: 0 };
        if *keep > 0 {
            let _asking = locked(&reservations.asking);
            // Read before the free bytes: what is written and given back in between then counts twice rather than
            // never. Nobody else reserves meanwhile.
            let reserved = *locked(&reservations.reserved);
            let free = free(path)?;
            if free < keep.saturating_add(reserved).saturating_add(bytes) {
                let text = format!(
                    "{free} bytes are free where {} is, {reserved} of them are for uploads that have begun, and {keep} have \
                     to be when {bytes} more are written",
                    path.display()
                );
                return Err(io::Error::new(ErrorKind::StorageFull, text));
            }
            *locked(&reservations.reserved) += bytes;
            reservation.held = bytes;
        }
        Ok(reservation)
    }

    /// As [`Disk::reserve_now`], on a blocking thread.
    ///
    /// # Errors
    /// As [`Disk::reserve_now`].
    pub async fn reserve(&self, bytes: u64) -> io::Result<Reservation> {
        let disk = self.clone();
        spawn_blocking("disk_space", move || disk.reserve_now(bytes)).await.map_err(io::Error::other)?
    }

    /// Does the check. It reserves a whole step rather than less, if there is space for one.
    fn ask(&self, ask: Ask) -> io::Result<Option<Reservation>> {
        match ask {
            Ask::Nothing => return Ok(None),
            Ask::WhetherItLasts => self.reserve_now(0),
            Ask::More(missing @ STEP..) => self.reserve_now(missing),
            Ask::More(missing) => self.reserve_now(STEP).or_else(|_| self.reserve_now(missing)),
        }
        .map(Some)
    }
}

impl Reservation {
    /// The file system.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Announces that `bytes` more are about to be written. Bytes beyond the reservation are reserved by steps.
    ///
    /// # Errors
    /// As [`Disk::reserve_now`]; then the bytes must not be written.
    pub async fn write(&mut self, bytes: u64) -> io::Result<()> {
        let ask = self.next_ask(bytes);
        if ask != Ask::Nothing {
            let disk = self.disk.clone();
            self.absorb(spawn_blocking("disk_space", move || disk.ask(ask)).await.map_err(io::Error::other)??);
        }
        self.advance(bytes);
        Ok(())
    }

    /// As [`Reservation::write`], blocking.
    ///
    /// # Errors
    /// As [`Reservation::write`].
    pub fn write_now(&mut self, bytes: u64) -> io::Result<()> {
        self.absorb(self.disk.ask(self.next_ask(bytes))?);
        self.advance(bytes);
        Ok(())
    }

    /// Ends the reservation after the last write: bytes that were not needed are given back.
    pub fn end(&mut self) {
        self.give_back(self.held);
        self.granted = self.written;
    }

    /// The check that is due before `bytes` more are written.
    fn next_ask(&self, bytes: u64) -> Ask {
        let end = self.written + bytes;
        if self.disk.0.keep == 0 {
            Ask::Nothing
        } else if end > self.granted {
            Ask::More(end - self.granted)
        } else if end - self.asked_at >= STEP {
            Ask::WhetherItLasts
        } else {
            Ask::Nothing
        }
    }

    fn absorb(&mut self, answer: Option<Self>) {
        let Some(mut more) = answer else { return };
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
            *locked(&self.disk.0.reservations.reserved) -= bytes;
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
mod tests;
