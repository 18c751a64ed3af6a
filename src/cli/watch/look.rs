//! What the server knows of a run that is watched, beside its events: how it stands, and the titles of its tests.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use super::show::MAX_TITLES;
use crate::cli::folded_run::{FoldedRun, FoldedTest};
use crate::cli::request::{AskError, Failed, Servers, answer, read};
use crate::cli::server_url::ServerUrl;
use crate::protocol::RunId;

/// Longest wait for an answer. A watch goes on without it.
const LOOK: Duration = Duration::from_secs(5);

/// Tests of a page.
const PAGE: usize = 1_000;

/// Looks at a run.
#[derive(Debug)]
pub(super) struct RunLook {
    servers: Servers,
    run: RunId,
}

/// A page of a run's tests.
#[derive(Deserialize)]
struct TestsPage {
    tests: Vec<FoldedTest>,
    next: u64,
    more: bool,
}

impl RunLook {
    /// `urls` must not be empty.
    pub(super) fn new(urls: &[ServerUrl], run: RunId) -> Result<Self, AskError> {
        Ok(Self { servers: Servers::new(urls)?, run })
    }

    /// The run as it stands; `None` if no server says so in time.
    pub(super) async fn state(&self) -> Option<FoldedRun> {
        let body = self.get(|server| server.state(&self.run)).await?;
        FoldedRun::parse(&body).ok()
    }

    /// Hands the id and the title of each test to `on_title`, as far as they are known and kept.
    pub(super) async fn titles(&self, on_title: impl FnMut(String, String)) {
        // A watch that waits for long answers no ping.
        let _ = timeout(LOOK, self.read_titles(on_title)).await;
    }

    async fn read_titles(&self, mut on_title: impl FnMut(String, String)) {
        let mut after = String::new();
        for _ in 0..MAX_TITLES / PAGE {
            let query = [("limit", PAGE.to_string()), ("after", after)];
            let Some(body) = self.get(|server| server.tests(&self.run, &query)).await else { return };
            let Ok(page) = read::<TestsPage>(&body) else { return };
            for FoldedTest { test_id, title, .. } in page.tests {
                title.into_iter().for_each(|title| on_title(test_id.clone(), title));
            }
            if !page.more {
                return;
            }
            after = page.next.to_string();
        }
    }

    /// Asks each server once, in turn.
    async fn get(&self, url: impl Fn(&ServerUrl) -> reqwest::Url) -> Option<bytes::Bytes> {
        let asking = async {
            for _ in 0..self.servers.count() {
                match self.servers.ask(|client, server| answer(client.get(url(server)))).await {
                    Ok(body) => return Some(body),
                    Err(Failed::ForGood(_)) => return None,
                    Err(Failed::Again(..)) => {}
                }
            }
            None
        };
        timeout(LOOK, asking).await.ok().flatten()
    }
}
