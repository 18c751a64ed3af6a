//! Patterns over names of runs with places for what a token says: `gh-{repository_id}-{run_id}-*`.

use std::fmt;

use super::run_pattern::{RunPattern, RunPatternError};

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunTemplateError {
    /// A brace has no other one, or nothing is between two.
    #[error("has a brace without its other one, or nothing between two: a claim stands in {{}}")]
    Braces,
    /// What is left without the claims is no pattern.
    #[error(transparent)]
    Pattern(#[from] RunPatternError),
}

/// Why a template can't be filled with what a token says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The token does not have the claim, or not as a text or a whole number.
    #[error("the claim {0} is not there, or no text")]
    Missing(String),
    /// The claim has a character that no run's name has: it could stand for other runs.
    #[error("the claim {claim} has the character {found:?}, which is in no run's name")]
    Character {
        /// The claim.
        claim: String,
        /// The character.
        found: char,
    },
    /// The whole is no pattern.
    #[error("the runs {0}")]
    Pattern(#[from] RunPatternError),
}

/// A pattern over names of runs, in which claims stand in braces. A claim is always a literal: a `*` in it is refused.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RunTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Claim(String),
}

impl RunTemplate {
    /// Checks a template.
    ///
    /// # Errors
    /// [`RunTemplateError`]
    pub fn parse(text: &str) -> Result<Self, RunTemplateError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            let (claim, after) = behind.split_once('}').ok_or(RunTemplateError::Braces)?;
            if claim.is_empty() || claim.contains('{') || before.contains('}') {
                return Err(RunTemplateError::Braces);
            }
            parts.extend([Part::Text(before.to_owned()), Part::Claim(claim.to_owned())]);
            rest = after;
        }
        if rest.contains('}') {
            return Err(RunTemplateError::Braces);
        }
        parts.push(Part::Text(rest.to_owned()));
        let template = Self(parts);
        // A claim has a character at least.
        template.fill(|_| Some("0".to_owned())).map_err(|error| match error {
            FillError::Pattern(error) => RunTemplateError::Pattern(error),
            FillError::Missing(_) | FillError::Character { .. } => RunTemplateError::Braces,
        })?;
        Ok(template)
    }

    /// The claims that are in it.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Claim(claim) => Some(claim.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The pattern with these claims.
    ///
    /// # Errors
    /// [`FillError`]
    pub fn fill(&self, claim_of: impl Fn(&str) -> Option<String>) -> Result<RunPattern, FillError> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Claim(claim) => {
                    let value = claim_of(claim).filter(|value| !value.is_empty());
                    let value = value.ok_or_else(|| FillError::Missing(claim.clone()))?;
                    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
                    if let Some(found) = value.chars().find(|c| !fits(c)) {
                        return Err(FillError::Character { claim: claim.clone(), found });
                    }
                    filled.push_str(&value);
                }
            }
        }
        Ok(RunPattern::parse(&filled)?)
    }
}

impl fmt::Display for RunTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Claim(claim) => write!(f, "{{{claim}}}"),
        })
    }
}

impl fmt::Debug for RunTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_fill_a_template_as_literals() {
        let template = RunTemplate::parse("gh-{repository_id}-{run_id}-*").unwrap();
        assert_eq!(template.claims().collect::<Vec<_>>(), ["repository_id", "run_id"]);
        assert_eq!(template.to_string(), "gh-{repository_id}-{run_id}-*");
        let fill = |run: &str| {
            let run = run.to_owned();
            template.fill(move |claim| Some(if claim == "run_id" { run.clone() } else { "7".into() }))
        };
        assert_eq!(fill("42").unwrap().as_str(), "gh-7-42-*");
        for (bad, found) in [("*", '*'), ("4*2", '*'), ("a/b", '/'), ("4 2", ' '), ("é", 'é'), ("{x}", '{')] {
            assert_eq!(fill(bad), Err(FillError::Character { claim: "run_id".into(), found }), "{bad}");
        }
        assert_eq!(fill(""), Err(FillError::Missing("run_id".into())));
        assert!(matches!(fill(&"4".repeat(128)), Err(FillError::Pattern(RunPatternError::Length(_)))));
        assert_eq!(template.fill(|_| None), Err(FillError::Missing("repository_id".into())));
    }

    #[test]
    fn a_text_that_is_no_template_is_refused() {
        for bad in ["{", "}", "a{b", "a}b", "{}", "{a{b}}", "a}{b}", "{a}}"] {
            assert_eq!(RunTemplate::parse(bad), Err(RunTemplateError::Braces), "{bad}");
        }
        for bad in ["", "a/{b}", "a b"] {
            assert!(matches!(RunTemplate::parse(bad), Err(RunTemplateError::Pattern(_))), "{bad}");
        }
        assert!(RunTemplate::parse("*").is_ok() && RunTemplate::parse("{a.b}").is_ok());
    }
}
