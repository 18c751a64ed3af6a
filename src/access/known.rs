//! What this node has found out about credentials lately, by their digests.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Identity;
use crate::protocol::{Sha256, Timestamp};

/// Most credentials that are known: 8 MiB of the longest.
const MAX_KNOWN: usize = 16_384;

/// What is known of a credential.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    /// Whose it is.
    Of(Arc<Identity>),
    /// Nobody's, until this time: then it is looked for again.
    Nobodys(Timestamp),
}

/// The findings; the oldest one gives way.
#[derive(Debug, Default)]
pub(super) struct Known {
    findings: HashMap<[u8; 32], Finding>,
    /// In the order in which they came.
    order: VecDeque<[u8; 32]>,
}

impl Known {
    pub(super) fn get(&self, Sha256(digest): Sha256, now: Timestamp) -> Option<Finding> {
        match self.findings.get(&digest)? {
            Finding::Nobodys(until) if *until <= now => None,
            finding => Some(finding.clone()),
        }
    }

    pub(super) fn put(&mut self, Sha256(digest): Sha256, finding: Finding) {
        if self.findings.insert(digest, finding).is_none() {
            self.order.push_back(digest);
        }
        while self.order.len() > MAX_KNOWN {
            if let Some(oldest) = self.order.pop_front() {
                self.findings.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_is_looked_for_again_after_a_time_and_the_oldest_finding_gives_way() {
        let digest = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            Sha256(bytes)
        };
        let time = Timestamp::from_millis;
        let mut known = Known::default();
        known.put(digest(0), Finding::Nobodys(time(10)));
        assert!(known.get(digest(0), time(9)).is_some() && known.get(digest(0), time(10)).is_none());
        for number in 0..=MAX_KNOWN {
            known.put(digest(number), Finding::Nobodys(time(10)));
        }
        assert!(known.get(digest(0), time(9)).is_none() && known.get(digest(1), time(9)).is_some());
        assert_eq!((known.findings.len(), known.order.len()), (MAX_KNOWN, MAX_KNOWN));
    }
}
