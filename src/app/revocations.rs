//! Keeps what verifies credentials up to date.

use std::time::{Duration, Instant};

use tracing::warn;

use crate::access::Authenticator;

/// Time between two times at which what is long over is forgotten.
const FORGET: Duration = Duration::from_secs(3_600);

/// Least time between a look because another node has rung and the next one.
const REST: Duration = Duration::from_millis(250);

/// Reads again and again what was revoked, on this node or on others; at once when another node rings. While the catalog
/// is away that is told once: `/ready` says it, too.
pub(super) async fn read_revocations(authenticator: &Authenticator, every: Duration) {
    let mut due = actix_rt::time::interval(every);
    let (mut is_away, mut forgot) = (false, None::<Instant>);
    loop {
        let was_rung = tokio::select! {
            _ = due.tick() => false,
            () = authenticator.bell().heard() => true,
        };
        let mut done = authenticator.read_revocations().await;
        if done.is_ok() && forgot.is_none_or(|at| at.elapsed() >= FORGET) {
            done = authenticator.forget().await;
            forgot = Some(Instant::now());
        }
        match done {
            Ok(()) => is_away = false,
            Err(error) if !is_away => {
                is_away = true;
                warn!(%error, "what was revoked can't be read");
            }
            Err(_) => {}
        }
        if was_rung {
            // Whoever revokes one thing after the other does not keep all nodes busy with that.
            actix_rt::time::sleep(REST).await;
        }
    }
}
