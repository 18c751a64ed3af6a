//! The lines of a spill file that say which events follow: a JavaScript client writes such a file when its process ends
//! and the server has not taken all of its events. Pure.

use serde::Deserialize;

use crate::protocol::{ProducerId, RunId};

/// How such a line begins. It is no event: it has no `type`.
const BEGINNING: &[u8] = br#"{"runcast":"spill""#;

/// Whose events follow, and the number of the first one. The server may have stored some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpillHeader {
    /// The producer that posts them.
    pub(super) producer: ProducerId,
    /// The number of the event in the next line, from 1.
    pub(super) seq: u64,
}

/// The header as it stands in the file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    run_id: String,
    producer: String,
    seq: u64,
}

impl SpillHeader {
    /// Reads a line; `None` if it is not such a header.
    ///
    /// # Errors
    /// The header can't be read, or its events are of another run; the text says so.
    pub(super) fn of(line: &[u8], run: &RunId) -> Option<Result<Self, String>> {
        line.starts_with(BEGINNING).then(|| Self::read(line, run))
    }

    fn read(line: &[u8], run: &RunId) -> Result<Self, String> {
        let unreadable = |error: &dyn std::fmt::Display| {
            // A header is one line, whose number is told already.
            let error = error.to_string();
            let error = error.rsplit_once(" at line 1 column ").map_or(error.as_str(), |(error, _)| error);
            format!("the header of a spill file can't be read: {error}")
        };
        let Written { run_id, producer, seq } = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
        if run_id != run.as_str() {
            return Err(format!("the events that follow are of the run {run_id:?}, not of {run}"));
        }
        let producer = ProducerId::parse(&producer).map_err(|error| unreadable(&format!("producer {error}")))?;
        if seq == 0 {
            return Err(unreadable(&"seq must be 1 or more"));
        }
        Ok(Self { producer, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_whose_events_follow_and_an_event_is_none() {
        let run = RunId::parse("r").unwrap();
        let read = |line: &str| SpillHeader::of(line.as_bytes(), &run);
        let header = read(r#"{"runcast":"spill","runId":"r","producer":"p","seq":7}"#).unwrap().unwrap();
        assert_eq!((header.producer.as_str(), header.seq), ("p", 7));
        for event in [r#"{"type":"log","runcast":"spill"}"#, r#"{"runcast":"other","type":"x"}"#, ""] {
            assert_eq!(read(event), None, "{event}");
        }
        for (line, wanted) in [
            (r#"{"runcast":"spill","runId":"q","producer":"p","seq":7}"#, "are of the run \"q\", not of r"),
            (r#"{"runcast":"spill","runId":"r","producer":"p"}"#, "missing field `seq`"),
            (r#"{"runcast":"spill","runId":"r","producer":"p","seq":0}"#, "seq must be 1 or more"),
            (r#"{"runcast":"spill","runId":"r","producer":"a b","seq":1}"#, "producer "),
            (r#"{"runcast":"spill","#, "can't be read"),
        ] {
            let refused = read(line).unwrap().unwrap_err();
            assert!(refused.contains(wanted), "{refused}");
        }
    }
}
