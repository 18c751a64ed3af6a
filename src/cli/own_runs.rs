//! The runs of a producer that has several, as the demo does: which there are, how far one has come, and their end.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::ServerUrl;
use super::request::{AskError, Servers, read};
use crate::protocol::RunId;

/// Asks a server about runs, and deletes them.
#[derive(Debug)]
pub struct OwnRuns {
    servers: Servers,
    patience: Duration,
}

/// A run of the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnRun {
    /// Its id.
    pub run_id: String,
    /// Its status.
    pub status: String,
}

/// An artifact of a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedArtifact {
    /// Its name.
    pub name: String,
    /// Why it is kept: `pin`, for instance.
    pub retained_by: Option<String>,
}

impl OwnRuns {
    /// Each question is repeated until it is answered, or `patience` ends.
    ///
    /// # Errors
    /// [`AskError::Client`] if the HTTP client can't be built.
    pub fn of(server: &ServerUrl, patience: Duration) -> Result<Self, AskError> {
        Ok(Self { servers: Servers::new(std::slice::from_ref(server))?, patience })
    }

    /// The 100 newest runs that have `text` in their name or title, the one that changed last first.
    ///
    /// # Errors
    /// The server does not answer, or refuses to.
    pub async fn list(&self, text: &str) -> Result<Vec<OwnRun>, AskError> {
        #[derive(Deserialize)]
        struct List {
            runs: Vec<OwnRun>,
        }
        let answer = self.servers.insist(self.patience, |client, url| client.get(url.runs_with(text)), |_| ()).await?;
        read::<List>(&answer).map(|List { runs }| runs)
    }

    /// A run's state.
    ///
    /// # Errors
    /// There is none, or the server does not answer.
    pub async fn state(&self, run: &RunId) -> Result<Value, AskError> {
        read(&self.servers.insist(self.patience, |client, url| client.get(url.state(run)), |_| ()).await?)
    }

    /// The events of a run's log.
    ///
    /// # Errors
    /// There are none, or the server does not answer.
    pub async fn log(&self, run: &RunId) -> Result<Vec<Value>, AskError> {
        #[derive(Deserialize)]
        struct Page {
            events: Vec<Value>,
            cursor: Option<String>,
        }
        let (mut log, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let page = |client: &reqwest::Client, server: &ServerUrl| {
                let mut url = server.events(run);
                url.query_pairs_mut().append_pair("after", &after);
                client.get(url)
            };
            let answer = self.servers.insist(self.patience, page, |_| ()).await?;
            let Page { events, cursor } = read(&answer)?;
            match cursor.filter(|_| !events.is_empty()) {
                Some(cursor) => after = cursor,
                None => return Ok(log),
            }
            log.extend(events);
        }
    }

    /// The first 1,000 artifacts of a run.
    ///
    /// # Errors
    /// The server keeps none, or does not answer.
    pub async fn artifacts(&self, run: &RunId) -> Result<Vec<ListedArtifact>, AskError> {
        #[derive(Deserialize)]
        struct Page {
            artifacts: Vec<ListedArtifact>,
        }
        let answer =
            self.servers.insist(self.patience, |client, url| client.get(url.artifacts(run, "")), |_| ()).await?;
        read::<Page>(&answer).map(|Page { artifacts }| artifacts)
    }

    /// Deletes a run that has ended.
    ///
    /// # Errors
    /// It has not ended, or the server does not answer.
    pub async fn delete(&self, run: &RunId) -> Result<(), AskError> {
        self.servers.insist(self.patience, |client, url| client.delete(url.state(run)), |_| ()).await.map(drop)
    }
}
