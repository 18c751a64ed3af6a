//! The recorded run of two variants in two shards each, and the states that it goes through.

use std::fs;
use std::path::PathBuf;

use runcast::protocol::ProducerEvent;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The posts behind which the state is looked at, besides the last one: shards are missing; steps are told of behind the
/// ends of their tests; in between.
const WATCHED: [usize; 6] = [0, 26, 52, 104, 161, 208];

/// What the answer to a request has besides the folded state.
const BESIDE: [&str; 8] = ["control", "commands", "asks", "paused", "producers", "cursor", "epoch", "viewers"];

/// One post of one producer.
pub(crate) struct RecordedPost {
    pub(crate) producer: String,
    /// The producer's number of the first event.
    pub(crate) first: u64,
    pub(crate) events: Vec<String>,
    /// The state is looked at behind it.
    pub(crate) is_watched: bool,
}

impl RecordedPost {
    /// The headers that it is posted with.
    pub(crate) fn headers(&self) -> [(&'static str, String); 2] {
        [("Runcast-Producer", self.producer.clone()), ("Runcast-Producer-Seq", self.first.to_string())]
    }

    /// Its events as they are stored at a time.
    pub(crate) fn stored(&self, at: &str) -> Vec<String> {
        let stored = self.events.iter().map(|event| {
            let read: Value = serde_json::from_str(event).unwrap();
            let is_stamped =
                ProducerEvent::parse(read["type"].as_str().unwrap()).is_some_and(ProducerEvent::is_stamped);
            let stamp = format!(r#"{{"producer":"{}","at":"{at}","#, self.producer);
            if is_stamped { event.replacen('{', &stamp, 1) } else { event.clone() }
        });
        stored.collect()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/matrix-run"))
}

/// All posts, in order.
pub(crate) fn recorded_posts() -> Vec<RecordedPost> {
    #[derive(Deserialize)]
    struct Line {
        producer: String,
        first: u64,
        events: Vec<Box<RawValue>>,
    }
    let text = fs::read_to_string(folder().join("posts.ndjson")).unwrap();
    let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.len() - 1;
    let posts = lines.into_iter().enumerate().map(|(index, line)| RecordedPost {
        producer: line.producer,
        first: line.first,
        events: line.events.iter().map(|event| event.get().to_owned()).collect(),
        is_watched: index == last || WATCHED.contains(&index),
    });
    posts.collect()
}

/// Compares a state with the one that is kept for its seq; with `RUNCAST_WRITE=1` it is kept anew.
pub(crate) fn check_state(seq: usize, mut overview: Value, tests: Vec<Value>) {
    let members = overview.as_object_mut().unwrap();
    members.retain(|name, _| !BESIDE.contains(&name.as_str()));
    members.insert("runId".to_owned(), "r".into());
    for name in ["startedAt", "endedAt", "lastEventAt", "elapsedMs"] {
        let is_there = !members[name].is_null();
        members.insert(name.to_owned(), if is_there { "masked".into() } else { Value::Null });
    }
    let found = json!({"seq": seq, "overview": overview, "tests": tests});
    let (file, text) = (folder().join(format!("states/{seq}.json")), serde_json::to_string_pretty(&found).unwrap());
    if std::env::var_os("RUNCAST_WRITE").is_some() {
        fs::create_dir_all(folder().join("states")).unwrap();
        fs::write(&file, text + "\n").unwrap();
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let kept: Value = serde_json::from_str(&kept).unwrap_or_default();
    assert!(found == kept, "tests/data/matrix-run/states/{seq}.json should be\n{text}");
}
