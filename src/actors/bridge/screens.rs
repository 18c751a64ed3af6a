//! Sends screen frames to other nodes: only the newest one of a run, a few per second and run, on a connection of their
//! own, so that an image never delays an event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::actors::messages::broadcaster::ShowScreen;
use crate::protocol::RunId;
use crate::storage::redis::{RedisClient, RedisCommand};

/// Shortest time between two frames of a run: five per second.
const PACE: Duration = Duration::from_millis(200);
/// Most waiting frames of all runs; a further one is dropped. At 2 MiB a frame this is 64 MiB.
const MAX_WAITING: usize = 32;

/// The newest waiting frame of each run, shared with the task that sends them.
#[derive(Clone, Debug, Default)]
pub(super) struct Screens(Arc<ScreensState>);

#[derive(Debug, Default)]
struct ScreensState {
    runs: Mutex<HashMap<RunId, Screen>>,
    came: Notify,
}

#[derive(Debug)]
struct Screen {
    newest: Option<ShowScreen>,
    /// When the next frame may be sent.
    due: Instant,
}

impl Screens {
    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Screen>> {
        // No code panics while it holds the lock.
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame. It replaces a waiting frame of the same run.
    pub(super) fn show(&self, run: RunId, frame: ShowScreen) {
        let mut runs = self.runs();
        let waiting = runs.values().filter(|screen| screen.newest.is_some()).count();
        let screen = runs.entry(run).or_insert_with(|| Screen { newest: None, due: Instant::now() });
        if screen.newest.is_some() || waiting < MAX_WAITING {
            screen.newest = Some(frame);
            self.0.came.notify_one();
        }
    }

    /// Takes the frames that may be sent at `now`, and returns when to look again. Runs without a waiting frame are
    /// removed.
    fn take_due(&self, now: Instant) -> (Vec<(RunId, ShowScreen)>, Option<Instant>) {
        let mut runs = self.runs();
        let mut due = Vec::new();
        runs.retain(|run, screen| {
            if screen.due > now {
                return true;
            }
            let Some(frame) = screen.newest.take() else { return false };
            screen.due = now + PACE;
            due.push((run.clone(), frame));
            true
        });
        (due, runs.values().map(|screen| screen.due).min())
    }

    /// Sends frames forever. `message` turns a frame into its channel and payload. Frames that can't be sent are
    /// dropped.
    pub(super) async fn send(self, client: RedisClient, message: impl Fn(&RunId, &ShowScreen) -> (String, Vec<u8>)) {
        loop {
            let (due, next) = self.take_due(Instant::now());
            for (run, frame) in due {
                let (channel, payload) = message(&run, &frame);
                // A lost frame does not matter, because a newer one follows.
                let _ = client.call(RedisCommand::new("PUBLISH").arg(channel).arg(payload)).await;
            }
            match next {
                None => self.0.came.notified().await,
                Some(next) => tokio::select! {
                    () = self.0.came.notified() => {}
                    () = sleep_until(next.into()) => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::StreamId;

    fn frame(image: &'static str) -> ShowScreen {
        ShowScreen { stream: StreamId::unnamed(), frame: image.into() }
    }

    fn run(name: &str) -> RunId {
        RunId::parse(name).unwrap()
    }

    #[test]
    fn the_newest_frame_of_a_run_goes_at_its_pace() {
        let (screens, start) = (Screens::default(), Instant::now() + PACE);
        screens.show(run("r"), frame("one"));
        screens.show(run("r"), frame("two"));
        assert_eq!(screens.take_due(start), (vec![(run("r"), frame("two"))], Some(start + PACE)));
        screens.show(run("r"), frame("three"));
        assert_eq!(screens.take_due(start + PACE / 2).0, []);
        assert_eq!(screens.take_due(start + PACE).0, [(run("r"), frame("three"))]);
        assert_eq!(screens.take_due(start + 2 * PACE), (vec![], None), "nothing is kept of a run that rests");
    }

    #[test]
    fn too_many_runs_lose_frames_and_nothing_else() {
        let (screens, start) = (Screens::default(), Instant::now() + PACE);
        for index in 0..=MAX_WAITING {
            screens.show(run(&format!("r{index}")), frame("old"));
        }
        screens.show(run("r0"), frame("new"));
        let (due, _) = screens.take_due(start);
        assert_eq!(due.len(), MAX_WAITING);
        assert!(due.contains(&(run("r0"), frame("new"))));
    }
}
