//! How producers' marks are stored: `high:seq`, and how the producer stands as JSON behind a further colon, if it has
//! joined as a worker once. `seq` is the run's tip when the mark was stored: it shows which was used last.

use std::collections::HashMap;

use super::malformed;
use crate::protocol::{ProducerId, Seq};
use crate::storage::journal::JournalError;
use crate::storage::journal::append_rules::{Mark, ProducerMarks};

/// A mark as it is stored.
pub(super) fn value(mark: &Mark, tip: Seq) -> String {
    // Names and numbers always serialise.
    let state = mark.state.as_ref().and_then(|state| serde_json::to_string(state).ok());
    let high = mark.high;
    state.map_or_else(|| format!("{high}:{tip}"), |state| format!("{high}:{tip}:{state}"))
}

/// Producers' marks from the script's JSON object, the last used one last.
pub(super) fn load(json: &str) -> Result<ProducerMarks, JournalError> {
    Ok(ProducerMarks::new(listed(json)?.into_iter().map(|(_, producer, mark)| (producer, mark))))
}

/// The same, each with the run's tip when the mark was stored.
pub(super) fn listed(json: &str) -> Result<Vec<(Seq, ProducerId, Mark)>, JournalError> {
    let listed: HashMap<String, String> = serde_json::from_str(json).map_err(malformed)?;
    let marks: Option<Vec<_>> = listed.iter().map(|(producer, value)| parse(producer, value)).collect();
    let mut marks = marks.ok_or_else(|| malformed("a producer's mark"))?;
    marks.sort_by_key(|(seq, ..)| *seq);
    Ok(marks)
}

fn parse(producer: &str, value: &str) -> Option<(Seq, ProducerId, Mark)> {
    let mut parts = value.splitn(3, ':');
    let (high, seq) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let state = match parts.next() {
        Some(state) => Some(serde_json::from_str(state).ok()?),
        None => None,
    };
    Some((seq, ProducerId::from_stored(producer), Mark { high, state }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event::stamp::{ANONYMOUS, Shard};
    use crate::protocol::status::RunStatus;
    use crate::storage::journal::append_rules::ProducerState;

    #[test]
    fn a_mark_is_read_back_as_it_was_stored() {
        let shard = Some(Shard { variant: Some("a:b \"c\"".into()), current: 1, total: 2 });
        let worker = ProducerState { joined: true, status: Some(RunStatus::Paused), shard };
        let marks = [
            ("p", Mark { high: 3, state: None }, "3:9"),
            (ANONYMOUS, Mark { high: 0, state: Some(ProducerState::default()) }, r#"0:9:{"joined":false}"#),
            (
                "q:1",
                Mark { high: 5, state: Some(worker) },
                r#"5:9:{"joined":true,"status":"paused","shard":{"variant":"a:b \"c\"","current":1,"total":2}}"#,
            ),
        ];
        for (producer, mark, text) in marks {
            assert_eq!(value(&mark, 9), text);
            assert_eq!(parse(producer, text), Some((9, ProducerId::from_stored(producer), mark)));
        }
        for foreign in ["", "3", "3:", "x:9", "3:9:", "3:9:{}"] {
            assert_eq!(parse("p", foreign), None, "{foreign}");
        }
    }
}
