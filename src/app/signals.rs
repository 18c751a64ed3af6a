//! What signals mean to a node.
//!
//! | signal | means |
//! |---|---|
//! | SIGTERM, SIGINT | drain, then end; again: the same |
//! | SIGINT twice within a second | end now, as after a kill, with exit code 130 |
//! | SIGHUP | read the configuration anew: see `reload.rs`; it never ends a node |
//! | SIGUSR1 | the clock is right, whatever it was: see [`crate::protocol::Clock`] |

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use super::LiveSettings;
use super::reload::ConfigReload;
use crate::protocol::Clock;

/// Two interrupts within so long are impatience.
const IMPATIENT: Duration = Duration::from_secs(1);
/// Exit code of an impatient end: 128 and the number of SIGINT, as shells say it.
const INTERRUPTED: i32 = 130;

/// The signals that a node hears, from its first moment to its last.
pub(super) struct ProcessSignals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    user: Signal,
    /// When SIGINT came last.
    interrupted: Option<Instant>,
}

impl ProcessSignals {
    /// Takes them over. A process that can't ends by them as processes do.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
            interrupted: None,
        })
    }

    /// Obeys them for as long as it is polled. `clock` is there once storage is open, `live` once the node serves.
    pub(super) async fn obey(
        mut self,
        stop: watch::Sender<bool>,
        mut clock: oneshot::Receiver<Clock>,
        mut reload: ConfigReload,
        mut live: oneshot::Receiver<LiveSettings>,
    ) {
        let (mut opened, mut settings) = (None, None);
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {
                    info!("SIGTERM");
                    stop.send_replace(true);
                }
                _ = self.interrupt.recv() => {
                    info!("SIGINT");
                    if is_impatient(self.interrupted.replace(Instant::now())) {
                        end_now();
                    }
                    stop.send_replace(true);
                }
                _ = self.hang_up.recv() => {
                    settings = settings.or_else(|| live.try_recv().ok());
                    match &settings {
                        Some(live) => reload.read_anew(live).await,
                        None => warn!("SIGHUP came before the node served: the configuration is not read anew"),
                    }
                }
                _ = self.user.recv() => {
                    opened = opened.or_else(|| clock.try_recv().ok());
                    match &opened {
                        Some(clock) => accept(clock),
                        None => warn!("SIGUSR1 came before the journal was open: it is not heeded"),
                    }
                }
            }
        }
    }
}

fn is_impatient(before: Option<Instant>) -> bool {
    before.is_some_and(|before| before.elapsed() <= IMPATIENT)
}

fn accept(clock: &Clock) {
    let before = clock.check();
    clock.accept();
    match before {
        Err(jump) => warn!(told = %jump.found, expected = %jump.expected, "SIGUSR1: the clock is taken for right"),
        Ok(_) => info!("SIGUSR1: the clock was right already"),
    }
}

/// Like a kill: what was acknowledged is kept, and the next start finds it.
fn end_now() {
    warn!("SIGINT twice within a second: the process ends without a drain");
    std::process::exit(INTERRUPTED);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_second_interrupt_within_a_second_is_impatient() {
        let ago = |millis| Instant::now().checked_sub(Duration::from_millis(millis));
        assert!(!is_impatient(None));
        assert!(is_impatient(ago(0)));
        assert!(is_impatient(ago(500)));
        assert!(!is_impatient(ago(1_100)));
    }
}
