//! What somebody may do: scopes, for runs, until a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{RunId, Timestamp};

mod run_pattern;
mod run_template;

pub use run_pattern::{MAX_RUN_PATTERNS, RunPattern, RunPatternError, RunPatterns};
pub use run_template::{FillError, RunTemplate, RunTemplateError};

/// One kind of things that somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Watch runs, read their events, states and artifacts.
    View,
    /// Post events, screens and artifacts of runs, and ask for what is commanded.
    Publish,
    /// Steer runs, pin and delete them and their artifacts.
    Control,
    /// Operate the server: its actors, its cleanup, all runs, everybody's keys.
    Ops,
    /// Read the figures for Prometheus.
    Metrics,
}

/// A word that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope, which are view, publish, control, ops and metrics")]
pub struct ScopeError(pub String);

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] = [Self::View, Self::Publish, Self::Control, Self::Ops, Self::Metrics];

    /// The scope's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Publish => "publish",
            Self::Control => "control",
            Self::Ops => "ops",
            Self::Metrics => "metrics",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(name: &str) -> Result<Self, ScopeError> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or_else(|| ScopeError(name.to_owned()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes. None of them includes another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Scope>", into = "Vec<Scope>")]
pub struct Scopes(u8);

impl Scopes {
    /// All scopes.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether the scope is in the set.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether all of the other set are in this one.
    pub fn cover(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(scopes: Vec<Scope>) -> Self {
        scopes.into_iter().collect()
    }
}

impl From<Scopes> for Vec<Scope> {
    fn from(scopes: Scopes) -> Self {
        scopes.iter().collect()
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    /// Reads names that are separated by commas or spaces.
    fn from_str(names: &str) -> Result<Self, ScopeError> {
        names.split([',', ' ']).filter(|name| !name.is_empty()).map(Scope::from_str).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// What may be done.
    pub scopes: Scopes,
    /// With which runs.
    pub runs: RunPatterns,
    /// The time from which nothing may be done any more; `None`: never.
    pub expires: Option<Timestamp>,
}

impl Rights {
    /// Everything, for ever.
    pub fn all() -> Self {
        Self { scopes: Scopes::all(), runs: RunPatterns::all(), expires: None }
    }

    /// Whether this may be done with this run; `None`: with no certain run.
    pub fn permit(&self, scope: Scope, run: Option<&RunId>) -> bool {
        self.scopes.has(scope) && run.is_none_or(|run| self.runs.has(run))
    }

    /// Whether they have ended.
    pub fn have_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether they are as many as the other ones: only then may their holder give those to somebody.
    pub fn cover(&self, other: &Self) -> bool {
        let is_longer = match (self.expires, other.expires) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs <= mine,
        };
        is_longer && self.scopes.cover(other.scopes) && self.runs.cover(&other.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(scopes: &str, runs: &str, expires: Option<i64>) -> Rights {
        let runs = RunPatterns::parse(&[runs]).unwrap();
        Rights { scopes: scopes.parse().unwrap(), runs, expires: expires.map(Timestamp::from_millis) }
    }

    #[test]
    fn scopes_are_read_and_written_by_name() {
        let scopes: Scopes = "control,view".parse().unwrap();
        assert_eq!(scopes.to_string(), "view control");
        assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["view","control"]"#);
        assert_eq!(serde_json::from_str::<Scopes>(r#"["control","view"]"#).unwrap(), scopes);
        assert!(scopes.has(Scope::View) && !scopes.has(Scope::Publish) && !scopes.is_empty());
        let error = "view,admin".parse::<Scopes>().unwrap_err();
        assert_eq!(error.to_string(), "\"admin\" is no scope, which are view, publish, control, ops and metrics");
    }

    #[test]
    fn something_may_be_done_with_the_runs_that_the_rights_have() {
        let rights = rights("view publish", "gh-1-*", Some(10));
        let (mine, other) = (RunId::parse("gh-1-2").unwrap(), RunId::parse("gh-2").unwrap());
        assert!(rights.permit(Scope::View, Some(&mine)) && rights.permit(Scope::View, None));
        assert!(!rights.permit(Scope::Control, Some(&mine)) && !rights.permit(Scope::View, Some(&other)));
        let expired = |millis| rights.have_expired(Timestamp::from_millis(millis));
        assert!(!expired(9) && expired(10));
        assert!(!Rights::all().have_expired(Timestamp::from_millis(i64::MAX)));
    }

    #[test]
    fn rights_cover_only_what_is_no_more_than_they_are() {
        let mine = rights("view control", "a*", Some(10));
        for (theirs, covered) in [
            (rights("view", "a1", Some(10)), true),
            (rights("view control", "a*", Some(9)), true),
            (rights("view ops", "a1", Some(9)), false),
            (rights("view", "b", Some(9)), false),
            (rights("view", "a1", Some(11)), false),
            (rights("view", "a1", None), false),
        ] {
            assert_eq!(mine.cover(&theirs), covered, "{theirs:?}");
            assert!(Rights::all().cover(&theirs));
        }
    }
}
