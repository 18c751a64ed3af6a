//! The space of a file system that artifacts are written to: one gate before it, whatever is written there, and why.
//!
//! Who writes reserves first: all of it where the size is known, else a step at a time. What is reserved and not written yet
//! is taken from what the system says is free, over everybody in this process who writes to the same file system. So those
//! who begin at the same time do not pass together, and a reservation that others have overtaken ends at its next step.
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
//! By now the system says that 8 to 10 MiB fewer are free than at the start. Whoever wants to write 20 MiB more passes if
//! 20 MiB, these 32 and what has to stay free are free together. At the end `held` is 0: the system counts all 40 MiB.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::tasks::spawn_blocking;

/// Bytes that are reserved at once for what does not say its size, and after which the gate is asked again.
const STEP: u64 = 8 << 20;
/// Bytes that may still be on their way to the file system when the next ones are written: two parts of an object, and what
/// is handed over at once.
const IN_FLIGHT: u64 = 2 << 20;

/// What is reserved on each file system, by its device number.
static RESERVATIONS: Mutex<BTreeMap<u64, Weak<SharedReservations>>> = Mutex::new(BTreeMap::new());

/// What is reserved on one file system.
#[derive(Default)]
struct SharedReservations {
    /// Bytes that are reserved and not written yet. Async threads give back here, so it is locked for a sum and never while
    /// a disk is waited for.
    reserved: Mutex<u64>,
    /// Held by whoever asks the system what is free and reserves by its answer: one at a time, on a thread that may wait.
    asking: Mutex<()>,
}

/// What the gate has to be asked before the next bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// Nothing yet.
    Nothing,
    /// Whether the space that was reserved is still there: a step was written since the gate was asked last.
    WhetherItLasts,
    /// For so many bytes more.
    More(u64),
}

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
pub struct Disk(Arc<DiskState>);

/// Asks how many bytes are free; a test has its own.
type FreeSpace = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

struct DiskState {
    path: PathBuf,
    /// Bytes that stay free; 0: nothing is checked.
    keep: u64,
    reservations: Arc<SharedReservations>,
    free: Box<FreeSpace>,
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
    /// This one's part of the reservations.
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

    /// Whether both are before the same file system.
    pub fn is_before_the_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.reservations, &other.0.reservations)
    }

    /// Reserves `bytes`, or with 0 only asks whether there is enough space. Blocking.
    ///
    /// # Errors
    /// [`ErrorKind::StorageFull`] when too little would stay free; when the system does not say how much there is.
    pub fn reserve_now(&self, bytes: u64) -> io::Result<Reservation> {
        let DiskState { path, keep, reservations, free } = &*self.0;
        let mut reservation = Reservation { disk: self.clone(), granted: bytes, written: 0, asked_at: 0, held: 0 };
        if *keep > 0 {
            let _turn = locked(&reservations.asking);
            // Read before the system is asked: what is written and given back meanwhile counts twice, and not never. Nobody
            // else reserves meanwhile.
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

    /// The same on a thread that may wait.
    ///
    /// # Errors
    /// As [`Disk::reserve_now`].
    pub async fn reserve(&self, bytes: u64) -> io::Result<Reservation> {
        let disk = self.clone();
        spawn_blocking("disk_space", move || disk.reserve_now(bytes)).await.map_err(io::Error::other)?
    }

    /// Asks it; for a whole step rather than for less, if that can be had.
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
    /// The gate that it is of.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// So many bytes are about to be written behind those before. What goes beyond the reservation is reserved by steps.
    ///
    /// # Errors
    /// As [`Disk::reserve_now`]: they must not be written.
    pub async fn write(&mut self, bytes: u64) -> io::Result<()> {
        let ask = self.next_ask(bytes);
        if ask != Ask::Nothing {
            let disk = self.disk.clone();
            self.absorb(spawn_blocking("disk_space", move || disk.ask(ask)).await.map_err(io::Error::other)??);
        }
        self.advance(bytes);
        Ok(())
    }

    /// The same for who may wait. Blocking.
    ///
    /// # Errors
    /// As [`Reservation::write`].
    pub fn write_now(&mut self, bytes: u64) -> io::Result<()> {
        self.absorb(self.disk.ask(self.next_ask(bytes))?);
        self.advance(bytes);
        Ok(())
    }

    /// Everything is on the file system: what was reserved and not needed is given back.
    pub fn end(&mut self) {
        self.give_back(self.held);
        self.granted = self.written;
    }

    /// What the gate has to be asked before so many bytes are written.
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
