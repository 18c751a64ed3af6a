//! The members of an event as they stand in one another: `data.meta.branch` of a table of [`Field`]s is `branch` in
//! `meta` in `data`.

use super::field::{Field, FieldKind};

/// A member, and what is in it.
#[derive(Debug)]
pub(super) struct FieldNode {
    /// Its key.
    pub(super) name: &'static str,
    /// Its row in the table; an object may have none, whose members have.
    pub(super) field: Option<&'static Field>,
    /// The members of the object.
    pub(super) members: Vec<FieldNode>,
    /// The members of the objects in the list.
    pub(super) item_members: Vec<FieldNode>,
}

impl FieldNode {
    /// The members of these rows.
    pub(super) fn all(fields: &'static [Field]) -> Vec<Self> {
        let mut all = Vec::new();
        for field in fields {
            insert(&mut all, field.name, field);
        }
        all
    }

    /// What its value is.
    pub(super) fn kind(&self) -> FieldKind {
        self.field.map_or(FieldKind::Object, |field| field.kind)
    }

    /// Whether it may be missing. An object without a row may if all its members may.
    pub(super) fn is_optional(&self) -> bool {
        let all_may = || self.members.iter().all(Self::is_optional);
        self.field.map_or_else(all_may, |field| field.optional)
    }
}

fn insert(nodes: &mut Vec<FieldNode>, path: &'static str, field: &'static Field) {
    let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
    let name = key.trim_end_matches("[]");
    let index = nodes.iter().position(|node| node.name == name).unwrap_or_else(|| {
        nodes.push(FieldNode { name, field: None, members: Vec::new(), item_members: Vec::new() });
        nodes.len() - 1
    });
    let node = &mut nodes[index];
    match rest {
        None => node.field = Some(field),
        Some(rest) if key == name => insert(&mut node.members, rest, field),
        Some(rest) => insert(&mut node.item_members, rest, field),
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::MESSAGE_FIELDS;
    use super::super::{ProducerEvent, ServerEvent};
    use super::*;

    fn walk(nodes: &[FieldNode], path: &str, visit: &mut impl FnMut(&str, &FieldNode)) {
        for node in nodes {
            let path = format!("{path}{}", node.name);
            visit(&path, node);
            walk(&node.members, &format!("{path}."), visit);
            walk(&node.item_members, &format!("{path}[]."), visit);
        }
    }

    #[test]
    fn every_row_of_the_tables_stands_where_its_name_says() {
        let producers = ProducerEvent::ALL.iter().map(|event| event.fields());
        for fields in producers.chain(ServerEvent::ALL.iter().map(|event| event.fields())) {
            let mut found = Vec::new();
            walk(&FieldNode::all(fields), "", &mut |path, node| {
                let is_list = matches!(node.kind(), FieldKind::Array);
                assert!(node.item_members.is_empty() || is_list, "{path} is no list");
                let holds = node.field.is_some_and(|field| field.items.is_some());
                assert!(!is_list || holds || !node.item_members.is_empty(), "what is in {path}?");
                assert!(node.members.is_empty() || matches!(node.kind(), FieldKind::Object), "{path} is no object");
                if let Some(field) = node.field {
                    assert_eq!(path, field.name);
                    found.push(path.to_owned());
                }
                let is_message =
                    |field: &Field| field.items.is_some_and(|items| matches!(items.kind, FieldKind::Message));
                for member in node.item_members.iter().filter(|_| node.field.is_some_and(is_message)) {
                    assert!(MESSAGE_FIELDS.iter().any(|field| field.name == member.name), "{path}[].{}", member.name);
                }
            });
            found.sort_unstable();
            let mut rows: Vec<_> = fields.iter().map(|field| field.name).collect();
            rows.sort_unstable();
            assert_eq!(found, rows, "a row is there once");
        }
    }
}
