//! Keeps what verifies credentials up to date.

use std::time::Duration;

use tracing::warn;

use crate::access::Authenticator;

/// Reads again and again what was revoked, on this node or on others. While the catalog is away nothing is told once more:
/// `/ready` says it.
pub(super) async fn read_revocations(authenticator: &Authenticator, every: Duration) {
    let mut due = actix_rt::time::interval(every);
    let mut is_away = false;
    loop {
        due.tick().await;
        match authenticator.read_revocations().await {
            Ok(()) => is_away = false,
            Err(error) if !is_away => {
                is_away = true;
                warn!(%error, "what was revoked can't be read");
            }
            Err(_) => {}
        }
    }
}
