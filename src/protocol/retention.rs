//! Retention of artifacts.
//!
//! In order of precedence: a pin on the run, a rule for the kind, the default number of days.

use std::fmt;

use serde::{Serialize, Serializer};

use super::artifact::ArtifactKind;
use super::timestamp::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// The number of days for which artifacts are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    days: u32,
    /// Days per kind; at most one rule per kind.
    rules: Vec<(ArtifactKind, u32)>,
}

/// A pin, which keeps all artifacts of a run regardless of their age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// The reason, for people.
    pub reason: String,
    /// The end of the pin; `None`: it stays until it is removed.
    pub until: Option<Timestamp>,
    /// When the pin was set.
    pub since: Timestamp,
}

/// The rule that determines how long an artifact is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainedBy {
    /// A pin on the artifact's run.
    Pin,
    /// A rule for the artifact's kind.
    Rule(ArtifactKind),
    /// The default number of days.
    Days,
}

/// The expiry of an artifact, and the rule that determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// The time of expiry; `None` while a pin without end exists.
    pub at: Option<Timestamp>,
    /// The rule that determined it.
    pub by: RetainedBy,
}

impl Pin {
    /// Whether the pin is in force at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Retention {
    /// `days` apply to all kinds without a rule.
    pub fn new(days: u32, rules: impl IntoIterator<Item = (ArtifactKind, u32)>) -> Self {
        Self { days, rules: rules.into_iter().collect() }
    }

    /// The days for kinds without a rule.
    pub fn days(&self) -> u32 {
        self.days
    }

    fn of(&self, kind: ArtifactKind) -> (u32, RetainedBy) {
        let rule = self.rules.iter().find(|(of, _)| *of == kind);
        rule.map_or((self.days, RetainedBy::Days), |(_, days)| (*days, RetainedBy::Rule(kind)))
    }

    /// The expiry of an artifact of this kind that was complete at `created`. A pin that ends before the artifact would
    /// expire anyway changes nothing.
    pub fn expiry(&self, kind: ArtifactKind, created: Timestamp, pin: Option<&Pin>) -> Expiry {
        let (days, by) = self.of(kind);
        let due = created.plus_millis(i64::from(days) * DAY_MS);
        match pin {
            Some(Pin { until: None, .. }) => Expiry { at: None, by: RetainedBy::Pin },
            Some(Pin { until: Some(until), .. }) if *until > due => Expiry { at: Some(*until), by: RetainedBy::Pin },
            _ => Expiry { at: Some(due), by },
        }
    }

    /// For each kind, artifacts created at this time or earlier have expired at `now`, unless they are pinned.
    pub fn cutoffs(&self, now: Timestamp) -> [(ArtifactKind, Timestamp); ArtifactKind::ALL.len()] {
        ArtifactKind::ALL.map(|kind| (kind, now.plus_millis(-i64::from(self.of(kind).0) * DAY_MS)))
    }
}

impl fmt::Display for RetainedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin => f.write_str("pin"),
            Self::Rule(kind) => write!(f, "rule:{}", kind.as_str()),
            Self::Days => f.write_str("days"),
        }
    }
}

impl Serialize for RetainedBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: Timestamp = Timestamp::from_millis(1_795_454_147_966);

    fn after(days: i64) -> Timestamp {
        CREATED.plus_millis(days * DAY_MS)
    }

    fn pin(until: Option<Timestamp>) -> Pin {
        Pin { reason: "a release".into(), until, since: CREATED }
    }

    #[test]
    fn a_pin_comes_before_a_rule_and_a_rule_before_the_days() {
        let retention = Retention::new(30, [(ArtifactKind::Video, 7), (ArtifactKind::Trace, 60)]);
        let expiry = |kind, pin: Option<Pin>| retention.expiry(kind, CREATED, pin.as_ref());
        for (kind, pinned, at, by) in [
            (ArtifactKind::Log, None, Some(after(30)), "days"),
            (ArtifactKind::Video, None, Some(after(7)), "rule:video"),
            (ArtifactKind::Trace, None, Some(after(60)), "rule:trace"),
            (ArtifactKind::Video, Some(pin(None)), None, "pin"),
            (ArtifactKind::Video, Some(pin(Some(after(8)))), Some(after(8)), "pin"),
            (ArtifactKind::Trace, Some(pin(Some(after(8)))), Some(after(60)), "rule:trace"),
        ] {
            let expiry = expiry(kind, pinned);
            assert_eq!((expiry.at, expiry.by.to_string().as_str()), (at, by), "{kind:?}");
        }
    }

    #[test]
    fn cutoffs_and_expiry_agree_to_the_millisecond() {
        let retention = Retention::new(0, [(ArtifactKind::Video, 7)]);
        for (kind, cutoff) in retention.cutoffs(after(7)) {
            let expires = retention.expiry(kind, cutoff, None).at;
            assert_eq!(expires, Some(after(7)), "{kind:?}");
        }
    }

    #[test]
    fn a_pin_holds_until_its_time() {
        assert!(pin(None).holds(after(10_000)));
        assert!(pin(Some(after(1))).holds(after(1).plus_millis(-1)));
        assert!(!pin(Some(after(1))).holds(after(1)));
    }
}
