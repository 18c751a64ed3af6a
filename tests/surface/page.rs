//! The page of a run knows the words of the vocabulary.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use runcast::protocol::message::ServerMessage;
use runcast::protocol::{ProducerEvent, ServerEvent};

use super::{between, read};

#[test]
fn the_page_of_a_run_compares_types_with_words_of_the_vocabulary_and_no_others() {
    let events = ServerEvent::ALL.iter().map(|event| event.as_str());
    let producers = ProducerEvent::ALL.iter().map(|event| event.as_str());
    let messages = ServerMessage::TYPES.iter().map(|message| message.name);
    let known: BTreeSet<_> = messages.chain(events).chain(producers).collect();
    let mut files = Vec::new();
    typescript(Path::new("web/src/worker"), &mut files);
    typescript(Path::new("web/src/fold"), &mut files);
    let mut compared = BTreeSet::new();
    for file in &files {
        let text = read(&file.display().to_string());
        // `open` and `call` are what the page says to its worker, `string` what JavaScript says.
        let words = between(&text, "type === '", "'").filter(|word| !["open", "call", "string"].contains(word));
        compared.extend(words.map(str::to_owned));
    }
    assert!(compared.len() > 5, "{compared:?}");
    let unknown: Vec<_> = compared.iter().filter(|word| !known.contains(word.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn typescript(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => typescript(&path, found),
            false if path.extension().is_some_and(|ending| ending == "ts") => found.push(path),
            false => {}
        }
    }
}
