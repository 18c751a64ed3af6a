//! A JSON Schema as it is written: its keywords in an order that people can read, the same in every build.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// The keywords that are used here.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schema {
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<&'static str>,
    #[serde(rename = "$id", skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Cow<'static, str>>,
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    #[serde(rename = "type", serialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub(super) kinds: Vec<&'static str>,
    #[serde(rename = "const", skip_serializing_if = "Option::is_none")]
    pub(super) constant: Option<&'static str>,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub(super) words: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pattern: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) maximum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_items: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) items: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) properties: Option<Ordered>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) required: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) any_of: Vec<Schema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) one_of: Vec<Schema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) all_of: Vec<Schema>,
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) then: Option<Box<Schema>>,
    #[serde(rename = "$defs", skip_serializing_if = "Option::is_none")]
    pub(super) defs: Option<Ordered>,
}

/// A value that is allowed.
#[derive(Clone, Copy, Debug, serde::Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    Word(&'static str),
    Null,
}

/// Schemas by their names, in this order.
#[derive(Clone, Debug)]
pub(super) struct Ordered(pub(super) Vec<(String, Schema)>);

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, schema) in &self.0 {
            map.serialize_entry(name, schema)?;
        }
        map.end()
    }
}

fn one_or_more<S: Serializer>(kinds: &[&'static str], serializer: S) -> Result<S::Ok, S::Error> {
    match kinds {
        [kind] => serializer.serialize_str(kind),
        kinds => serializer.collect_seq(kinds),
    }
}

impl Schema {
    /// What no value is.
    pub(super) fn never() -> Self {
        Self { not: Some(Self::default().into()), ..Self::default() }
    }

    /// What stands under this name in `$defs`.
    pub(super) fn to(name: &str) -> Self {
        Self { reference: Some(format!("#/$defs/{name}")), ..Self::default() }
    }

    /// `then`, for events of this type.
    pub(super) fn when(event_type: &'static str, then: Self) -> Self {
        let is_it = Self { constant: Some(event_type), ..Self::default() };
        let condition = Self {
            properties: Some(Ordered(vec![("type".to_owned(), is_it)])),
            required: vec!["type"],
            ..Self::default()
        };
        Self { condition: Some(condition.into()), then: Some(then.into()), ..Self::default() }
    }

    /// The same, or null.
    pub(super) fn or_null(mut self) -> Self {
        if self.reference.is_some() {
            let null = Self { kinds: vec!["null"], ..Self::default() };
            return Self { any_of: vec![self, null], ..Self::default() };
        }
        if !self.kinds.is_empty() {
            self.kinds.push("null");
        }
        if !self.words.is_empty() {
            self.words.push(Value::Null);
        }
        self
    }
}
