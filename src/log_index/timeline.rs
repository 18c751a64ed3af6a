//! A run over time.

use super::core::Timeline;
use super::error::QueryError;
use super::service::LogQueries;
use crate::protocol::RunId;

impl LogQueries {
    /// The run over time, in at most so many bins.
    ///
    /// # Errors
    /// [`QueryError`].
    pub async fn timeline(&self, run: &RunId, bins: usize) -> Result<Timeline, QueryError> {
        let found = async {
            let log = self.open(run).await?;
            let (_, timeline) = log.look(move |index| index.timeline(bins)).await?;
            Ok(timeline)
        };
        self.counted("timeline", found).await
    }
}
