//! Takes a table apart; each problem names the place.

use toml::{Table, Value};

use crate::protocol::likeness;

/// A table in a list of the configuration.
pub(super) struct TableAt<'a> {
    /// Where it is: `auth.issuers[0].rules[1]`.
    pub(super) path: &'a str,
    table: &'a Table,
}

impl<'a> TableAt<'a> {
    /// The table, which has none but these keys.
    pub(super) fn new(path: &'a str, value: &'a Value, known: &[&str]) -> Result<Self, String> {
        let table = value.as_table().ok_or_else(|| format!("{path}: must be a table"))?;
        match table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Self { path, table }),
            Some(unknown) => {
                let meant = likeness::nearest(unknown, known.iter().copied());
                let hint = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                Err(format!("{path}.{unknown}: there is no such key{hint}"))
            }
        }
    }

    /// What is wrong with a key's value.
    pub(super) fn wrong(&self, key: &str, text: impl std::fmt::Display) -> String {
        format!("{}.{key}: {text}", self.path)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.table.get(key)
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(key, "must be a text that is not empty")),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(key, "must be true or false")),
        }
    }

    /// A list of texts; one text is a list of one.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, String> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let texts = words(value).filter(|texts| texts.iter().all(|text| !text.is_empty()));
        let is_of_texts = match value {
            Value::Array(list) => list.iter().all(Value::is_str),
            value => value.is_str(),
        };
        let texts = texts.filter(|_| is_of_texts);
        texts.map(Some).ok_or_else(|| self.wrong(key, "must be a list of texts, with one at least"))
    }

    /// A list of tables, with one at least.
    pub(super) fn tables(&self, key: &str) -> Result<&'a [Value], String> {
        match self.get(key) {
            Some(Value::Array(list)) if !list.is_empty() => Ok(list),
            Some(_) => Err(self.wrong(key, "must be a list of tables, with one at least")),
            None => Err(self.wrong(key, "is missing: without a rule nobody gets anything")),
        }
    }
}

/// A text, a whole number, yes or no, or a list of such, as texts. `None` for anything else and for an empty list.
pub(super) fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Integer(number) => Some(vec![number.to_string()]),
        Value::Boolean(flag) => Some(vec![flag.to_string()]),
        Value::Array(list) if !list.is_empty() => list
            .iter()
            .map(|value| match value {
                Value::Array(_) => None,
                value => words(value)?.pop(),
            })
            .collect(),
        _ => None,
    }
}
