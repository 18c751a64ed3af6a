//! The `log` event that `--keep-bad` stores in place of a line that was refused.

use bytes::Bytes;
use serde::Serialize;

use super::lines::HEAD;

/// If fewer bytes of text than this would be kept, none are.
const LEAST_TEXT: usize = 64;

/// A line that was refused.
#[derive(Clone, Debug)]
pub(super) struct BadLineEvent {
    number: u64,
    /// The beginning of the line.
    head: Bytes,
    size: u64,
    reason: String,
    /// Most bytes of text in the event. Each refusal reduces it, because servers differ in the largest event that they
    /// accept.
    most: usize,
}

impl BadLineEvent {
    /// `text` is the line or its beginning; `size` is the size of the whole line in bytes.
    pub(super) fn new(number: u64, text: &Bytes, size: u64, reason: &str) -> Self {
        let head = text.slice(..text.len().min(HEAD));
        Self { number, head, size, reason: reason.to_owned(), most: HEAD }
    }

    /// The log event as JSON.
    pub(super) fn event(&self) -> Bytes {
        #[derive(Serialize)]
        struct Log<'a> {
            r#type: &'static str,
            text: &'a str,
            data: Data<'a>,
        }
        #[derive(Serialize)]
        struct Data<'a> {
            line: u64,
            reason: &'a str,
            bytes: u64,
            clipped: bool,
        }
        let text = String::from_utf8_lossy(&self.head);
        let text = &text[..text.floor_char_boundary(self.most)];
        let clipped = self.size > self.head.len() as u64 || self.most < text.len();
        let data = Data { line: self.number, reason: &self.reason, bytes: self.size, clipped };
        // Serializing strings and numbers can't fail.
        serde_json::to_vec(&Log { r#type: "log", text, data }).map(Bytes::from).unwrap_or_default()
    }

    /// Reduces the text; `false` if there was none left.
    pub(super) fn shrink(&mut self) -> bool {
        if self.most == 0 {
            return false;
        }
        self.most = if self.most / 4 < LEAST_TEXT { 0 } else { self.most / 4 };
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(kept: &BadLineEvent) -> Value {
        serde_json::from_slice(&kept.event()).unwrap()
    }

    #[test]
    fn a_line_is_kept_with_its_number_its_reason_and_as_much_of_its_text_as_fits() {
        let line = Bytes::from_static(b"not \"json\" \xff \x1b[2J \\ud83d");
        let kept = BadLineEvent::new(7, &line, line.len() as u64, "not JSON");
        let data = json!({"line": 7, "reason": "not JSON", "bytes": line.len(), "clipped": false});
        let want = json!({"type": "log", "text": "not \"json\" \u{fffd} \u{1b}[2J \\ud83d", "data": data});
        assert_eq!(read(&kept), want);

        let long = Bytes::from("é".repeat(HEAD));
        let mut kept = BadLineEvent::new(8, &long, 1 << 40, "too long");
        let mut sizes = Vec::new();
        loop {
            let event = read(&kept);
            assert_eq!((&event["data"]["clipped"], &event["data"]["bytes"]), (&true.into(), &(1_u64 << 40).into()));
            sizes.push(event["text"].as_str().unwrap().len());
            if !kept.shrink() {
                break;
            }
        }
        assert_eq!(sizes, [16_384, 4_096, 1_024, 256, 64, 0]);
        assert!(kept.event().len() < 128, "it fits everywhere");
    }
}
