//! A run of the cleanup on its way: what it works with, what it has done so far, and the lease that keeps it alone.

use std::time::Instant;

use tracing::info;

use super::super::messages::cleanup::{SweepRefused, Swept};
use super::CleanupRules;
use crate::artifacts::ArtifactService;
use crate::protocol::{ArtifactId, Jump};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::artifacts::ArtifactCatalog;
use crate::storage::objects::ObjectsError;

/// The lease that the running node holds.
const LEASE: &str = "cleanup";
/// How long the lease holds; it is extended with every step.
const LEASE_MS: i64 = 300_000;

/// A run on its way.
pub(super) struct Sweeping {
    pub(super) artifacts: ArtifactService,
    pub(super) rules: CleanupRules,
    pub(super) swept: Swept,
    began: Instant,
    /// Holds the lease; a name that no other run has.
    holder: String,
    /// Removals that failed since the last one that did not.
    pub(super) failed_in_a_row: u64,
}

/// Why a run ends early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepHalt {
    /// Nothing can be known or noted.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Nothing can be listed, or one removal after the other fails.
    #[error("the store: {0}")]
    Store(#[from] ObjectsError),
    /// Nobody knows what is due.
    #[error(transparent)]
    Clock(#[from] Jump),
    /// It took too long for the lease, and another node has taken over.
    #[error("another node has taken over")]
    TakenOver,
}

impl Sweeping {
    /// Takes the lease; a dry run needs none.
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

    /// Extends the lease, before each step that removes something: that the clock is right is looked at, too.
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

    /// Gives the lease back; what could not be done is in the result.
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
