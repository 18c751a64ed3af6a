//! The runs of the demo that a server has: the last ones are kept, and one that was cut short goes on.

use std::time::Duration;

use serde_json::Value;
use tracing::warn;

use super::DemoError;
use super::obedience::Obedience;
use super::play::CutShort;
use super::question::ASK_ID;
use super::recording::Recording;
use crate::cli::ServerUrl;
use crate::cli::own_runs::OwnRuns;
use crate::cli::request::AskError;
use crate::protocol::RunId;
use crate::protocol::status::RunStatus;

/// What the ids of the demo's runs begin with; the second in which they began follows.
const PREFIX: &str = "demo-";

/// So many of its runs are kept.
pub(super) const KEPT: usize = 5;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The demo's runs.
#[derive(Debug)]
pub(super) struct Shelf {
    runs: OwnRuns,
}

/// A run of the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DemoRun {
    pub(super) id: RunId,
    has_ended: bool,
}

/// The id of a run that began in this second.
pub(super) fn id(second: i64) -> Result<RunId, DemoError> {
    Ok(RunId::parse(&format!("{PREFIX}{second}"))?)
}

/// The second that the id of one of the demo's runs names.
fn second(id: &str) -> Option<i64> {
    let digits = id.strip_prefix(PREFIX)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

impl Shelf {
    /// That of a server.
    ///
    /// # Errors
    /// There is no HTTP client.
    pub(super) fn of(server: &ServerUrl) -> Result<Self, DemoError> {
        Ok(Self { runs: OwnRuns::of(server, PATIENCE)? })
    }

    /// The demo's runs, the newest first.
    pub(super) async fn list(&self) -> Result<Vec<DemoRun>, AskError> {
        let listed = self.runs.list(PREFIX).await?;
        let mut runs: Vec<(i64, DemoRun)> = listed
            .into_iter()
            .filter_map(|run| {
                let has_ended = RunStatus::parse(&run.status).is_some_and(RunStatus::is_final);
                Some((second(&run.run_id)?, DemoRun { id: RunId::parse(&run.run_id).ok()?, has_ended }))
            })
            .collect();
        runs.sort_by_key(|(second, _)| std::cmp::Reverse(*second));
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }

    /// Deletes those that have ended, but for the newest `kept`, and for those whose artifacts somebody has pinned.
    pub(super) async fn tidy(&self, kept: usize) -> Result<(), AskError> {
        for run in self.list().await?.into_iter().skip(kept).filter(|run| run.has_ended) {
            let artifacts = match self.runs.artifacts(&run.id).await {
                Err(AskError::Refused { code: Some(code), .. }) if code == "artifacts_off" => Vec::new(),
                artifacts => artifacts?,
            };
            if artifacts.iter().any(|artifact| artifact.retained_by.as_deref() == Some("pin")) {
                continue;
            }
            if let Err(error) = self.runs.delete(&run.id).await {
                warn!(run = %run.id, %error, "a former demo run was not deleted");
            }
        }
        Ok(())
    }

    /// The run that was cut short, if the newest one was, and which of the recordings it plays.
    pub(super) async fn cut_short<'a>(
        &self,
        newest: &DemoRun,
        recordings: &[&'a Recording],
    ) -> Result<Option<(&'a Recording, CutShort)>, AskError> {
        if newest.has_ended {
            return Ok(None);
        }
        let log = self.runs.log(&newest.id).await?;
        let joined = log.iter().find(|event| event["type"] == "worker" && event["state"] == "joined");
        let Some(producer) = joined.and_then(|event| event["producer"].as_str()) else { return Ok(None) };
        let played: Vec<&Value> = log.iter().filter(|event| is_recorded(event)).collect();
        let plays = |recording: &&&Recording| played.first().is_some_and(|first| recording.begins_with(first));
        let Some(recording) = recordings.iter().find(plays) else { return Ok(None) };
        let artifacts = self.runs.artifacts(&newest.id).await.unwrap_or_default();
        let cut = CutShort {
            producer: producer.to_owned(),
            position: played.len().min(recording.len()),
            has_asked: log.iter().any(|event| event["type"] == "ai_stuck" && event["askId"] == ASK_ID),
            artifacts: artifacts.into_iter().map(|artifact| artifact.name).collect(),
            state: self.runs.state(&newest.id).await?,
        };
        Ok(Some((recording, cut)))
    }
}

/// Whether an event of a log is of the recording.
fn is_recorded(event: &Value) -> bool {
    let kinds = ["run_status", "test_plan", "test_status", "test_step", "log", "error"];
    event["type"].as_str().is_some_and(|kind| kinds.contains(&kind)) && !Obedience::is_own(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_runs_are_told_by_their_ids() {
        assert_eq!(id(1_795).unwrap().as_str(), "demo-1795");
        assert_eq!(second("demo-1795"), Some(1_795));
        for other in ["demo-", "demo-a", "demo-17-95", "my-demo-17", "demo", "demo-+17", "demo-99999999999999999999"] {
            assert_eq!(second(other), None, "{other}");
        }
    }

    #[test]
    fn whatever_the_recordings_have_is_of_them() {
        for recording in [Recording::passed().unwrap(), Recording::failed().unwrap()] {
            for step in recording.steps(crate::protocol::Timestamp::from_millis(0)) {
                let event: Value = serde_json::from_slice(&step.line).unwrap();
                assert!(is_recorded(&event), "{event}");
            }
        }
    }
}
