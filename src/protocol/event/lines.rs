//! Collects the lines of a batch; copies only from where the body is not already as it is to be stored.

use std::ops::Range;

use bytes::Bytes;

use crate::protocol::Lines;

/// The lines so far: a part of the body itself, or a copy.
pub(super) struct LineBuilder<'a> {
    body: &'a Bytes,
    /// The part of the body that the lines are, while there is no copy.
    shared: Range<usize>,
    copy: Option<Vec<u8>>,
    ends: Vec<u32>,
}

impl<'a> LineBuilder<'a> {
    pub(super) fn new(body: &'a Bytes) -> Self {
        Self { body, shared: 0..0, copy: None, ends: Vec::new() }
    }

    /// How many lines.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds the object at `event` of the body, with `stamp` behind its opening brace; with `broken` its line breaks
    /// become spaces.
    pub(super) fn push(&mut self, event: Range<usize>, stamp: &str, broken: bool) {
        let first = self.ends.is_empty();
        if self.copy.is_none() && stamp.is_empty() && !broken {
            let follows = event.start == self.shared.end + 1 && self.body[self.shared.end] == b'\n';
            if first || follows {
                self.shared = if first { event.clone() } else { self.shared.start..event.end };
                self.ends.push(self.shared.len() as u32);
                return;
            }
        }
        let copy = self.copy.get_or_insert_with(|| {
            let mut copy = Vec::with_capacity(self.body.len() - self.shared.start + stamp.len());
            copy.extend_from_slice(&self.body[self.shared.clone()]);
            copy
        });
        if !first {
            copy.push(b'\n');
        }
        let start = copy.len();
        copy.push(b'{');
        copy.extend_from_slice(stamp.as_bytes());
        copy.extend_from_slice(&self.body[event.start + 1..event.end]);
        if broken {
            // Strings hold no raw control character, so every line break in it stands between two tokens.
            copy[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        }
        self.ends.push(copy.len() as u32);
    }

    pub(super) fn finish(self) -> Lines {
        let bytes = match self.copy {
            Some(copy) => Bytes::from(copy),
            // Sharing keeps the whole body in memory; not worth it for a small part.
            None if self.shared.len() < self.body.len() / 2 => Bytes::copy_from_slice(&self.body[self.shared]),
            None => self.body.slice(self.shared),
        };
        Lines::from_parts(bytes, self.ends)
    }
}
