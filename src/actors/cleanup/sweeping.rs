//! A run of the cleanup in progress: its parts, its results so far, and the lease that makes it the only one.

use std::time::Instant;

use tracing::info;

use super::super::messages::cleanup::{SweepRefused, Swept};
use super::CleanupRules;
use crate::artifacts::ArtifactService;
use crate::protocol::{ArtifactId, Jump};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::artifacts::ArtifactCatalog;
use crate::storage::objects::ObjectsError;

/// Name of the lease that the running node holds.
const LEASE: &str = "cleanup";
/// How long the lease lasts, in milliseconds. Each step extends it.
const LEASE_MS: i64 = 300_000;

/// A run in progress.
pub(super) struct Sweeping {
    pub(super) artifacts: ArtifactService,
    pub(super) rules: CleanupRules,
    pub(super) swept: Swept,
    began: Instant,
    /// The holder of the lease; no other run has this name.
    holder: String,
    /// Failed removals since the last successful one.
    pub(super) failed_in_a_row: u64,
}

/// Why a run ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepHalt {
    /// The catalog does not answer.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store can't list its objects, or one removal after the other fails.
    #[error("the store: {0}")]
    Store(#[from] ObjectsError),
    /// The clock has jumped, so it is not known what is due.
    #[error(transparent)]
    Clock(#[from] Jump),
    /// The lease ran out, and another node has taken over.
    #[error("another node has taken over")]
    TakenOver,
}

impl Sweeping {
    /// Takes the lease. A dry run needs none.
    pub(super) async fn begin(
        artifacts: ArtifactService,
        rules: CleanupRules,
        node: String,
        dry_run: bool,
    ) -> Result<Self, SweepRefused> {
        let started_at = artifacts.now().as_millis();
        let orphans_removed = rules.orphans && !dry_run;
        let swept = Swept { node_id: node.clone(), started_at, dry_run, orphans_removed, ..Swept::default() };
        let holder = format!("{node} {}", ArtifactId::unique());
        let sweeping = Self { artifacts, rules, swept, began: Instant::now(), holder, failed_in_a_row: 0 };
        match sweeping.extend().await {
            Ok(()) => Ok(sweeping),
            Err(SweepHalt::TakenOver) => Err(SweepRefused::Running),
            Err(SweepHalt::Clock(jump)) => Err(SweepRefused::Clock(jump)),
            Err(error) => Err(SweepRefused::Unavailable(error.to_string())),
        }
    }

    pub(super) fn catalog(&self) -> &dyn ArtifactCatalog {
        &*self.artifacts.parts().catalog
    }

    /// Extends the lease and checks the clock. It is called before each step that removes something.
    pub(super) async fn extend(&self) -> Result<(), SweepHalt> {
        if self.swept.dry_run {
            return Ok(());
        }
        let now = self.artifacts.parts().clock.check()?;
        match self.catalog().lease(LEASE, &self.holder, now, now.plus_millis(LEASE_MS)).await? {
            true => Ok(()),
            false => Err(SweepHalt::TakenOver),
        }
    }

    /// Releases the lease. The result includes why the run ended early, if it did.
    pub(super) async fn end(mut self, done: Result<(), SweepHalt>) -> Swept {
        self.swept.error = done.err().map(|halt| halt.to_string());
        if !self.swept.dry_run
            && let Err(error) = self.catalog().release(LEASE, &self.holder).await
        {
            info!(%error, "the lease of the cleanup stays until it runs out");
        }
        self.swept.duration_ms = self.began.elapsed().as_millis() as u64;
        self.swept
    }
}
