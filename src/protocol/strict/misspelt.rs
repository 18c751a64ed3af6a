//! Members that mean nothing and are much like one that does: misspelt, or in the wrong place. Any other member of its
//! own is a producer's right.

use serde_json::{Map, Value};

use super::super::ProducerEvent;
use super::super::field::FieldKind;
use super::super::field_tree::FieldNode;
use super::super::producer_event::COMMON;
use super::{StrictFlaw, joined};

/// Looks for them in an event and in the objects and lists that are described.
pub(super) fn check(known: ProducerEvent, nodes: &[FieldNode], event: &Map<String, Value>) -> Result<(), StrictFlaw> {
    let found = |member: String, meant: String| StrictFlaw::Misspelt { member, event: known.as_str(), meant };
    for key in unknown(nodes, event) {
        let elsewhere = known.fields().iter().find(|field| {
            let leaf = field.name.rsplit_once('.').is_some_and(|(_, leaf)| leaf == key);
            leaf && !field.name.contains("[]") && !stands(event, field.name)
        });
        if let Some(field) = elsewhere {
            return Err(found(key.to_owned(), field.name.to_owned()));
        }
    }
    in_object(nodes, event, "").map_or(Ok(()), |(member, meant)| Err(found(member, meant)))
}

/// The members of an object that its nodes do not describe.
fn unknown<'a>(nodes: &'a [FieldNode], object: &'a Map<String, Value>) -> impl Iterator<Item = &'a str> {
    let is_known =
        |key: &str| nodes.iter().any(|node| node.name == key) || COMMON.iter().any(|field| field.name == key);
    object.keys().map(String::as_str).filter(move |key| !is_known(key))
}

/// Whether there is a member at this path.
fn stands(event: &Map<String, Value>, path: &str) -> bool {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (event.get(first), rest) {
        (Some(Value::Object(object)), Some(rest)) => stands(object, rest),
        (value, None) => value.is_some(),
        _ => false,
    }
}

/// The first misspelt member of an object, or of what is in it, and the one that may be meant.
fn in_object(nodes: &[FieldNode], object: &Map<String, Value>, path: &str) -> Option<(String, String)> {
    for key in unknown(nodes, object) {
        let missing = nodes.iter().filter(|node| !object.contains_key(node.name));
        if let Some(meant) = missing.map(|node| node.name).find(|name| is_like(key, name)) {
            return Some((joined(path, key), joined(path, meant)));
        }
    }
    nodes.iter().find_map(|node| {
        let path = joined(path, node.name);
        match object.get(node.name)? {
            // What an object without described members holds is whoever's wrote it.
            Value::Object(inner) if !node.members.is_empty() => in_object(&node.members, inner, &path),
            Value::Array(items) if matches!(node.kind(), FieldKind::Array) && !node.item_members.is_empty() => {
                let mut objects = items.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_object()?)));
                objects.find_map(|(index, item)| in_object(&node.item_members, item, &format!("{path}[{index}]")))
            }
            _ => None,
        }
    })
}

/// Whether one is the other misspelt: other capitals or separators, or a letter in four at most.
fn is_like(key: &str, name: &str) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let (key, name) = (bare(key), bare(name));
    let most = (name.len() / 4).min(2);
    key == name || most > 0 && strsim::osa_distance(&key, &name) <= most
}
