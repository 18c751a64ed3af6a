//! The watch over the journal's clock: says that it has jumped, and lets the next process know what this one knew.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tracing::{error, info, warn};

use super::Storage;
use crate::config::Config;
use crate::protocol::{Clock, Jump};
use crate::storage::journal::sqlite::boot_id;
use crate::tasks;

/// The file in the data directory.
pub(super) const FILE: &str = "clock";
/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Looks between two notes in the file. Within one boot of the machine an old note is as good as a new one.
const NOTE_EVERY: u32 = 60;

/// `journal.max_clock_step_secs`.
pub(super) fn max_step(config: &Config) -> Duration {
    Duration::from_secs(config.journal.max_clock_step_secs)
}

/// This host's clock, watched from where the process before has left off.
pub(super) fn open(config: &Config, file: Option<&Path>) -> Clock {
    let last = file.and_then(|file| fs::read_to_string(file).ok());
    Clock::of_host(max_step(config), &boot_id(), last.as_deref())
}

/// What is being watched.
struct ClockWatch {
    clock: Clock,
    /// Where to note it; `None` in a cluster, whose nodes keep nothing.
    file: Option<PathBuf>,
    jumped: bool,
    /// The file could not be written when last tried.
    unwritten: bool,
}

/// Watches the clock of the journal for as long as it is polled.
pub(super) async fn watch(storage: &Storage) {
    let file = storage.data_dir.as_ref().map(|dir| dir.join(FILE));
    let mut watch = ClockWatch { clock: storage.journal.clock().clone(), file, jumped: false, unwritten: false };
    let mut due = actix_rt::time::interval(LOOK);
    for look in (0..NOTE_EVERY).cycle() {
        due.tick().await;
        let news = watch.look();
        if look == 0 || news {
            watch.note().await;
        }
    }
}

impl ClockWatch {
    /// Says what is new; whether something is.
    fn look(&mut self) -> bool {
        let told = self.clock.check();
        metrics::gauge!("runcast_clock_jumped").set(f64::from(u8::from(told.is_err())));
        match (told, self.jumped) {
            (Err(jump), false) => report(jump),
            (Ok(_), true) => info!("the clock is where it should be: what is due by time goes on"),
            _ => return false,
        }
        self.jumped = told.is_err();
        true
    }

    async fn note(&mut self) {
        let (Some(file), Some(text)) = (self.file.clone(), self.clock.record()) else { return };
        let written = tasks::spawn_blocking("clock_note", move || write(&file, &text)).await;
        let failed = !matches!(written, Ok(Ok(())));
        // Once: a full disk may stay full. Without it the next process begins anew.
        if failed && !self.unwritten {
            warn!(?written, "what is known of the clock could not be noted");
        }
        self.unwritten = failed;
    }
}

fn report(jump: Jump) {
    error!("{jump}");
}

/// Whole or not at all. Not synced: after a crash of the machine it says little.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let fresh = file.with_extension("new");
    fs::write(&fresh, text)?;
    fs::rename(fresh, file)
}
