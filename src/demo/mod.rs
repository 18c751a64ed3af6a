//! The demo: a worker that plays bundled recordings of real runs in real time, one after another, and can be steered.
//! It is an ordinary client of the HTTP API, as any other worker.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use crate::cli::request::AskError;
use crate::cli::{ServerToken, ServerUrl};
use crate::protocol::Timestamp;
use crate::protocol::ids::IdError;

mod artifacts;
mod obedience;
mod play;
mod question;
mod recording;
mod screens;
mod shelf;

use shelf::{KEPT, Shelf};

pub use recording::{DemoStep, Recording};

/// Pause between two runs.
const PAUSE: Duration = Duration::from_secs(5);

/// The demo can't continue.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A line of the recording is no event with a timestamp.
    #[error("line {0} of the recording is no event with a timestamp")]
    Recording(usize),
    /// The index of the recorded artifacts can't be read, or names a file that is not bundled.
    #[error("the recording's artifacts: {0}")]
    Artifacts(String),
    /// The recorded screens can't be read.
    #[error("the recording's screens: {0}")]
    Screens(String),
    /// The server's address is invalid.
    #[error("{0}")]
    Url(String),
    /// A run's id was refused.
    #[error(transparent)]
    Run(#[from] IdError),
    /// The server did not accept the events.
    #[error(transparent)]
    Post(#[from] AskError),
}

/// Posts the bundled runs to the server at `url` (`http://address`) as `demo-<second>`, one after another, with five
/// seconds between them, until `stop` resolves: one of three passes. The last five are kept. A run that the server's
/// end has cut short goes on first; a server that has none is given one of some time ago. A failure ends a run, but
/// not the demo.
///
/// # Errors
/// The replay can't begin.
pub async fn replay(url: String, token: Option<ServerToken>, stop: impl Future<Output = ()>) -> Result<(), DemoError> {
    let server = url.parse::<ServerUrl>().map_err(DemoError::Url)?.with_token(token);
    let (passed, failed) = (Recording::passed()?, Recording::failed()?);
    let shelf = Shelf::of(&server)?;
    let again_and_again = async {
        if let Err(error) = begin(&shelf, &server, &passed, &failed).await {
            warn!(%error, "the demo begins anew");
        }
        for number in 0_u64.. {
            let recording = if number % 3 == 1 { &passed } else { &failed };
            // The id is unique also across restarts on the same data.
            let run = shelf::id(Timestamp::now().as_millis() / 1_000)?;
            info!(%run, "demo run begins");
            if let Err(error) = play::play(recording, &server, &run).await {
                warn!(%run, %error, "demo run broke off");
            }
            if let Err(error) = shelf.tidy(KEPT).await {
                warn!(%error, "former demo runs were not deleted");
            }
            sleep(PAUSE).await;
        }
        Ok(())
    };
    tokio::select! {
        () = stop => Ok(()),
        outcome = again_and_again => outcome,
    }
}

/// Plays the rest of the newest run, if it was cut short; posts an earlier one, if there is none.
async fn begin(shelf: &Shelf, server: &ServerUrl, passed: &Recording, failed: &Recording) -> Result<(), DemoError> {
    let runs = shelf.list().await?;
    let Some(newest) = runs.first() else {
        let run = shelf::id(Timestamp::now().as_millis() / 1_000 - 1)?;
        return play::play_earlier(passed, server, &run).await;
    };
    if let Some((recording, cut)) = shelf.cut_short(newest, &[passed, failed]).await? {
        info!(run = %newest.id, "demo run goes on");
        play::go_on(recording, server, &newest.id, cut).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}
