//! What the holder of a token may do: the first rule of its issuer that fits what the token claims.

use super::JwtError;
use super::claims::{Claims, find, text};
use crate::protocol::rights::{FillError, RunTemplate};
use crate::protocol::{RunPatterns, Scopes};

/// What a token must claim, and what its holder may do then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    /// All of these must hold.
    pub when: Vec<ClaimCondition>,
    /// What may be done.
    pub scopes: Scopes,
    /// With which runs.
    pub runs: Vec<RunTemplate>,
}

/// A claim must be one of some values. Of a list, one element must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimCondition {
    /// The claim; parts of a nested one stand between dots.
    pub claim: String,
    /// The values, of which each is whole and stands for itself.
    pub values: Vec<String>,
}

impl ClaimCondition {
    fn holds(&self, claims: &Claims) -> bool {
        let is_one = |value| text(value).is_some_and(|value| self.values.contains(&value));
        match find(claims, &self.claim) {
            Some(serde_json::Value::Array(values)) => values.iter().any(is_one),
            Some(value) => is_one(value),
            None => false,
        }
    }
}

impl ClaimRule {
    fn fill(&self, claims: &Claims) -> Result<RunPatterns, FillError> {
        let claim_of = |claim: &str| find(claims, claim).and_then(text);
        let patterns = self.runs.iter().map(|template| template.fill(claim_of)).collect::<Result<Vec<_>, _>>()?;
        Ok(RunPatterns::try_from(patterns)?)
    }
}

/// What the first rule that fits gives. A rule whose runs can't be filled with what the token claims does not fit.
pub(super) fn judge(rules: &[ClaimRule], claims: &Claims) -> Result<(Scopes, RunPatterns), JwtError> {
    let mut reasons = String::new();
    for (index, rule) in rules.iter().enumerate() {
        if !rule.when.iter().all(|condition| condition.holds(claims)) {
            continue;
        }
        match rule.fill(claims) {
            Ok(runs) => return Ok((rule.scopes, runs)),
            Err(error) => reasons.push_str(&format!("; rules[{index}] would, but {error}")),
        }
    }
    Err(JwtError::Rules(reasons))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(when: &[(&str, &[&str])], scopes: &str, runs: &str) -> ClaimRule {
        let condition = |(claim, values): &(&str, &[&str])| ClaimCondition {
            claim: (*claim).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        ClaimRule {
            when: when.iter().map(condition).collect(),
            scopes: scopes.parse().unwrap(),
            runs: vec![RunTemplate::parse(runs).unwrap()],
        }
    }

    fn judged(rules: &[ClaimRule], claims: Value) -> Result<String, String> {
        let claims = serde_json::from_value(claims).unwrap();
        let shown = |(scopes, runs): (Scopes, RunPatterns)| format!("{scopes}: {runs:?}");
        judge(rules, &claims).map(shown).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_rule_whose_conditions_all_hold_counts() {
        let rules = [
            rule(&[("groups", &["admins"]), ("mfa", &["true"])], "view control ops", "*"),
            rule(&[("groups", &["dev", "qa"])], "view control", "*"),
            rule(&[("realm_access.roles", &["guest"])], "view", "demo-*"),
            rule(&[("account", &["42"])], "view", "a-{account}-*"),
        ];
        for (claims, expected) in [
            (json!({"groups": ["x", "admins", "qa"], "mfa": true}), "view control ops: "),
            (json!({"groups": ["admins", "qa"]}), "view control: "),
            (json!({"groups": "dev"}), "view control: "),
            (json!({"realm_access": {"roles": ["guest"]}}), "view: RunPatterns([\"demo-*\"])"),
            (json!({"account": 42}), "view: RunPatterns([\"a-42-*\"])"),
        ] {
            let found = judged(&rules, claims.clone()).unwrap();
            assert!(found.starts_with(expected), "{claims}: {found}");
        }
        for claims in [
            json!({}),
            json!({"groups": ["admin", "dev*", "*"]}),
            json!({"groups": null}),
            json!({"groups": {"dev": "dev"}}),
            json!({"groups": [["dev"]]}),
            json!({"account": 42.0}),
        ] {
            let none = "no rule of its issuer gives its holder anything";
            assert_eq!(judged(&rules, claims.clone()), Err(none.to_owned()), "{claims}");
        }
    }

    #[test]
    fn a_rule_whose_runs_can_not_be_filled_does_not_fit_and_says_why() {
        let rules = [rule(&[], "view", "{team}-*"), rule(&[("role", &["qa"])], "view", "qa-*")];
        assert_eq!(judged(&rules, json!({"team": "web"})).unwrap(), "view: RunPatterns([\"web-*\"])");
        assert_eq!(judged(&rules, json!({"team": "*", "role": "qa"})).unwrap(), "view: RunPatterns([\"qa-*\"])");
        for team in ["*", "web*", "../web", "a b", "a%2Fb", "é"] {
            let error = judged(&rules, json!({"team": team})).unwrap_err();
            assert!(error.contains("rules[0] would, but the claim team has the character"), "{team}: {error}");
        }
        let error = judged(&rules, json!({"team": ["web"]})).unwrap_err();
        assert!(error.contains("the claim team is not there, or no text"), "{error}");
    }
}
