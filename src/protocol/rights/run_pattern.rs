//! Which runs somebody may reach: patterns over their names. `*` stands for any characters, also for none; everything else
//! stands for itself. `gh-42-*` are all runs of a build, `*` are all runs, `nightly` is one run.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::{RunId, ids::MAX_ID_LEN};

/// Most patterns of one credential.
pub const MAX_RUN_PATTERNS: usize = 32;

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunPatternError {
    /// The pattern is empty or longer than a run's name may be.
    #[error("must have 1 to {MAX_ID_LEN} characters, has {0}")]
    Length(usize),
    /// A character can be in no run's name.
    #[error("character {0:?} is in no run's name (A-Z a-z 0-9 . _ : -, and * for any of them)")]
    Character(char),
    /// There are none, or too many.
    #[error("must be 1 to {MAX_RUN_PATTERNS} patterns, are {0}")]
    Count(usize),
}

/// A pattern over names of runs.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunPattern(Arc<str>);

impl RunPattern {
    /// Checks a pattern.
    ///
    /// # Errors
    /// [`RunPatternError::Length`], [`RunPatternError::Character`].
    pub fn parse(text: &str) -> Result<Self, RunPatternError> {
        if text.is_empty() || text.len() > MAX_ID_LEN {
            return Err(RunPatternError::Length(text.chars().count()));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-' | '*');
        match text.chars().find(|c| !fits(*c)) {
            Some(odd) => Err(RunPatternError::Character(odd)),
            None => Ok(Self(text.into())),
        }
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn matches(&self, name: &str) -> bool {
        matches(self.0.as_bytes(), name.as_bytes())
    }

    /// Whether everything that the other one stands for is in this one too. A `*` of the other one is only taken in by a `*`
    /// of this one.
    fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

/// Whether the pattern stands for the name. It goes back to its latest `*` alone, so it takes no longer than the product of
/// both lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // After the latest `*` of the pattern, and the place in the name up to which it stands.
    let mut back: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                back = Some((p, n));
            }
            Some(&byte) if byte == name[n] => (p, n) = (p + 1, n + 1),
            _ => match back {
                Some((after, until)) => {
                    back = Some((after, until + 1));
                    (p, n) = (after, until + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

impl fmt::Debug for RunPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<String> for RunPattern {
    type Error = RunPatternError;

    fn try_from(text: String) -> Result<Self, RunPatternError> {
        Self::parse(&text)
    }
}

impl From<RunPattern> for String {
    fn from(pattern: RunPattern) -> Self {
        pattern.0.as_ref().to_owned()
    }
}

/// The runs that somebody may reach: those that one of the patterns stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<RunPattern>", into = "Vec<RunPattern>")]
pub struct RunPatterns(Arc<[RunPattern]>);

impl RunPatterns {
    /// All runs.
    pub fn all() -> Self {
        Self([RunPattern("*".into())].into())
    }

    /// This run alone.
    pub fn only(run: &RunId) -> Self {
        Self([RunPattern(run.as_str().into())].into())
    }

    /// Checks patterns.
    ///
    /// # Errors
    /// [`RunPatternError`]
    pub fn parse<T: AsRef<str>>(patterns: &[T]) -> Result<Self, RunPatternError> {
        let patterns: Vec<RunPattern> =
            patterns.iter().map(|text| RunPattern::parse(text.as_ref())).collect::<Result<_, _>>()?;
        Self::try_from(patterns)
    }

    /// Those of several holders together, however many there are.
    pub fn of_many(patterns: Vec<RunPattern>) -> Self {
        Self(patterns.into())
    }

    /// Whether they are all runs.
    pub fn is_all(&self) -> bool {
        self.0.iter().any(|pattern| pattern.as_str().bytes().all(|byte| byte == b'*'))
    }

    /// Whether the run is one of them.
    pub fn has(&self, run: &RunId) -> bool {
        self.0.iter().any(|pattern| pattern.matches(run.as_str()))
    }

    /// Whether all runs of the other ones are among these.
    pub fn cover(&self, other: &Self) -> bool {
        other.0.iter().all(|theirs| self.0.iter().any(|ours| ours.covers(theirs)))
    }

    /// The patterns.
    pub fn iter(&self) -> impl Iterator<Item = &RunPattern> {
        self.0.iter()
    }
}

impl TryFrom<Vec<RunPattern>> for RunPatterns {
    type Error = RunPatternError;

    fn try_from(patterns: Vec<RunPattern>) -> Result<Self, RunPatternError> {
        match patterns.len() {
            1..=MAX_RUN_PATTERNS => Ok(Self(patterns.into())),
            count => Err(RunPatternError::Count(count)),
        }
    }
}

impl From<RunPatterns> for Vec<RunPattern> {
    fn from(patterns: RunPatterns) -> Self {
        patterns.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(patterns: &[&str]) -> RunPatterns {
        RunPatterns::parse(patterns).unwrap()
    }

    fn run(name: &str) -> RunId {
        RunId::parse(name).unwrap()
    }

    #[test]
    fn a_star_stands_for_any_characters_and_all_else_for_itself() {
        for (pattern, name, is_it) in [
            ("*", "a", true),
            ("nightly", "nightly", true),
            ("nightly", "nightly-1", false),
            ("gh-42-*", "gh-42-7.1", true),
            ("gh-42-*", "gh-42-", true),
            ("gh-42-*", "gh-421-7", false),
            ("*-main", "web-main", true),
            ("*-main", "web-main-2", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c2b", false),
            ("a.c", "abc", false),
        ] {
            assert_eq!(patterns(&[pattern]).has(&run(name)), is_it, "{pattern} {name}");
        }
        assert!(patterns(&["a", "b*"]).has(&run("b2")) && !patterns(&["a", "b*"]).has(&run("a2")));
    }

    #[test]
    fn nobody_can_be_given_runs_that_the_giver_has_not() {
        for (mine, theirs, covered) in [
            (&["*"][..], &["*"][..], true),
            (&["*"], &["a*", "b"], true),
            (&["a*"], &["*"], false),
            (&["a*"], &["ab*", "a"], true),
            (&["ab*"], &["a*"], false),
            (&["a*", "b*"], &["b1", "a*"], true),
            (&["a*c"], &["abc", "a*bc"], true),
            (&["a*c"], &["a*"], false),
        ] {
            assert_eq!(patterns(mine).cover(&patterns(theirs)), covered, "{mine:?} {theirs:?}");
        }
    }

    #[test]
    fn a_text_that_could_stand_for_something_else_is_no_pattern() {
        for (text, error) in [
            ("", RunPatternError::Length(0)),
            ("a/b", RunPatternError::Character('/')),
            ("a?", RunPatternError::Character('?')),
            ("a%", RunPatternError::Character('%')),
            ("[ab]", RunPatternError::Character('[')),
        ] {
            assert_eq!(RunPatterns::parse(&[text]), Err(error), "{text}");
        }
        assert_eq!(RunPatterns::parse::<&str>(&[]), Err(RunPatternError::Count(0)));
        assert_eq!(RunPatterns::parse(&["a"; 33]), Err(RunPatternError::Count(33)));
        assert!(serde_json::from_str::<RunPatterns>(r#"["a*","b"]"#).is_ok());
        assert!(serde_json::from_str::<RunPatterns>(r#"["a b"]"#).is_err());
        assert!(patterns(&["**"]).is_all() && !patterns(&["a*"]).is_all());
    }

    proptest! {
        #[test]
        fn patterns_agree_with_a_regular_expression_that_tries_everything(pattern in "[ab*]{1,8}", name in "[ab]{1,10}") {
            fn slow(pattern: &[u8], name: &[u8]) -> bool {
                match (pattern.split_first(), name.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) if slow(rest, name) => true,
                    (Some((b'*', _)), Some((_, after))) => slow(pattern, after),
                    (Some((p, rest)), Some((n, after))) if p == n => slow(rest, after),
                    _ => false,
                }
            }
            prop_assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), slow(pattern.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn what_a_covered_pattern_stands_for_the_covering_one_stands_for_too(
            ours in "[ab*]{1,5}", theirs in "[ab*]{1,5}", name in "[ab]{1,6}",
        ) {
            let (ours, theirs) = (RunPattern::parse(&ours).unwrap(), RunPattern::parse(&theirs).unwrap());
            prop_assert!(!(ours.covers(&theirs) && theirs.matches(&name)) || ours.matches(&name));
        }
    }
}
