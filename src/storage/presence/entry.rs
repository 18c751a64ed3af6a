//! How nodes and connections are stored and parsed.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Figures, NodeSeen, RegisterError, malformed};
use crate::protocol::{Connection, Interest, RunId, Timestamp};
use crate::storage::format::{self, PRESENCE};
use crate::storage::redis::Reply;

/// The stored value of a connection.
#[derive(Serialize, Deserialize)]
struct EntryValue {
    since: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<std::sync::Arc<str>>,
}

/// The stored value of a node.
#[derive(Serialize)]
struct NodeEntry {
    format: u32,
    #[serde(flatten)]
    figures: Figures,
    instance: Uuid,
}

/// The part of a node's value that is the same in every version. Version 0 has no such field.
#[derive(Deserialize)]
struct EntryFormat {
    format: Option<u32>,
}

/// The part of a node's value that the node itself reads.
#[derive(Deserialize)]
struct Reporter {
    instance: Uuid,
}

/// The value of a node: its figures, and the instance that reports them.
pub(super) fn node(figures: Figures, instance: Uuid) -> String {
    // Numbers and a name can always be written.
    serde_json::to_string(&NodeEntry { format: PRESENCE, figures, instance }).unwrap_or_default()
}

/// Whether another instance reported this value; false when there is no value or it names no instance.
pub(super) fn is_of_another(value: &Reply, instance: Uuid) -> bool {
    let Reply::BulkString(value) = value else { return false };
    serde_json::from_slice(value).is_ok_and(|reporter: Reporter| reporter.instance != instance)
}

/// The field of a connection in its node's hash. No run's id contains a `/`.
pub(super) fn field(connection: &Connection) -> String {
    format!("{}/{}", connection.run, connection.session)
}

/// The pattern of the fields of a run's connections.
pub(super) fn pattern(run: &RunId) -> String {
    format!("{run}/*")
}

pub(super) fn value(connection: &Connection) -> String {
    let value = EntryValue { since: connection.since.as_millis(), user: connection.user.clone() };
    // A number and a text can always be written.
    serde_json::to_string(&value).unwrap_or_default()
}

/// What the viewers of a run look at, as it is stored.
pub(super) fn interest(interest: &Interest) -> String {
    // Numbers and texts can always be written.
    serde_json::to_string(interest).unwrap_or_default()
}

fn connection(field: &str, value: &[u8]) -> Option<Connection> {
    let (run, session) = field.split_once('/')?;
    let EntryValue { since, user } = serde_json::from_slice(value).ok()?;
    Some(Connection {
        session: Uuid::parse_str(session).ok()?,
        run: RunId::parse(run).ok()?,
        user,
        since: Timestamp::from_millis(since),
    })
}

fn text(reply: Reply) -> Result<String, RegisterError> {
    match reply {
        Reply::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| malformed("a text that is not UTF-8")),
        other => Err(malformed(format!("{other:?} where a text belongs"))),
    }
}

fn array<const N: usize>(reply: Reply) -> Result<[Reply; N], RegisterError> {
    match reply {
        Reply::Array(parts) => parts.try_into().map_err(|parts: Vec<_>| malformed(format!("{} parts", parts.len()))),
        other => Err(malformed(format!("{other:?} where a list belongs"))),
    }
}

/// Parses a node from the answer of `look.lua`.
pub(super) fn node_seen(reply: Reply) -> Result<NodeSeen, RegisterError> {
    let [node, figures, viewers, interest] = array(reply)?;
    let (node, figures) = (text(node)?, text(figures)?);
    let unread = |error| malformed(format!("figures of {node}: {error}"));
    let EntryFormat { format } = serde_json::from_str(&figures).map_err(unread)?;
    let format = format.map(|version| version.to_string());
    format::check(format_args!("the presence of node {node}"), format.as_deref(), PRESENCE)
        .map_err(RegisterError::NewerFormat)?;
    let figures = serde_json::from_str(&figures).map_err(unread)?;
    let Reply::Array(viewers) = viewers else { return Err(malformed("no list of viewers")) };
    let Reply::Array(interest) = interest else { return Err(malformed("no list of interests")) };
    let count = |reply| match reply {
        Reply::Nil => Ok(0),
        reply => text(reply)?.parse().map_err(|_| malformed("a count that is no number")),
    };
    let looks = |reply| match reply {
        Reply::Nil => Ok(None),
        reply => serde_json::from_str(&text(reply)?).map(Some).map_err(|_| malformed("an interest that is none")),
    };
    Ok(NodeSeen {
        node,
        figures,
        viewers: viewers.into_iter().map(count).collect::<Result<_, _>>()?,
        interest: interest.into_iter().map(looks).collect::<Result<_, _>>()?,
    })
}

/// Parses a step of a search: where the next step begins, and the connections that were found.
pub(super) fn scanned(reply: Reply) -> Result<(String, Vec<Connection>), RegisterError> {
    let [next, fields] = array(reply)?;
    let Reply::Array(fields) = fields else { return Err(malformed("no list of connections")) };
    let mut found = Vec::with_capacity(fields.len() / 2);
    let mut fields = fields.into_iter();
    while let (Some(field), Some(value)) = (fields.next(), fields.next()) {
        let (field, value) = (text(field)?, text(value)?);
        found.push(connection(&field, value.as_bytes()).ok_or_else(|| malformed(format!("a connection {field:?}")))?);
    }
    Ok((text(next)?, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_read_as_it_was_written() {
        for user in [None, Some("Ann \"Ö\" \\ x".into())] {
            let told = Connection::begin(RunId::parse("a:b.c").unwrap(), user);
            assert_eq!(connection(&field(&told), value(&told).as_bytes()), Some(told));
        }
        assert_eq!(connection("r", b"{\"since\":1}"), None);
        assert_eq!(connection("r/s", b"{\"since\":1}"), None);
    }

    #[test]
    fn a_node_is_known_by_its_instance() {
        let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
        let told = Reply::BulkString(node(Figures::default(), one).into_bytes());
        assert!(!is_of_another(&told, one) && is_of_another(&told, other));
        let by_nobody = Reply::BulkString(b"{\"connections\":1}".to_vec());
        assert!(!is_of_another(&by_nobody, one) && !is_of_another(&Reply::Nil, one));
        let seen = Reply::Array(vec!["n".into(), told, Reply::Array(vec![]), Reply::Array(vec![])]);
        assert_eq!(node_seen(seen).unwrap().figures, Figures::default());
    }

    #[test]
    fn a_newer_entry_is_refused_by_name_and_one_without_a_version_is_read() {
        let seen = |figures: &str| {
            let figures = Reply::BulkString(figures.as_bytes().to_vec());
            node_seen(Reply::Array(vec!["n".into(), figures, Reply::Array(vec![]), Reply::Array(vec![])]))
        };
        assert_eq!(seen(r#"{"connections":1,"activeRuns":2,"uptime":3}"#).unwrap().figures.active_runs, 2);
        let refused = seen(r#"{"format":2,"words":"of its own"}"#).unwrap_err().to_string();
        assert!(refused.starts_with("the presence of node n has format version 2, and"), "{refused}");
    }
}
