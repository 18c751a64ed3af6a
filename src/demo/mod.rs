//! The demo: a worker that plays a bundled recording of a real run in real time, repeatedly, and can be steered. It is
//! an ordinary client of the HTTP API, as any other worker.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use crate::cli::ServerUrl;
use crate::cli::request::AskError;
use crate::protocol::ids::IdError;
use crate::protocol::{RunId, Timestamp};

mod artifacts;
mod obedience;
mod play;
mod recording;

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

/// Posts the bundled run to the server at `url` (`http://address`) as `demo-<n>`, waits five seconds, and repeats this
/// until `stop` resolves. A failure ends the run, but not the demo.
///
/// # Errors
/// The replay can't begin.
pub async fn replay(url: String, stop: impl Future<Output = ()>) -> Result<(), DemoError> {
    let server: ServerUrl = url.parse().map_err(DemoError::Url)?;
    let recording = Recording::bundled()?;
    let again_and_again = async {
        loop {
            // The id is unique also across restarts on the same data, and sorts by time.
            let run = RunId::parse(&format!("demo-{}", Timestamp::now().as_millis() / 1_000))?;
            info!(%run, "demo run begins");
            if let Err(error) = play::play(&recording, &server, &run).await {
                warn!(%run, %error, "demo run broke off");
            }
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = stop => Ok(()),
        outcome = again_and_again => outcome,
    }
}
