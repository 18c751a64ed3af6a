//! Takes replies apart. A reply of another shape than its script returns means that the outcome is unknown.

use bytes::Bytes;

use super::unknown;
use crate::protocol::{Epoch, Timestamp};
use crate::storage::journal::JournalError;
use crate::storage::redis::Reply;

/// The parts of an array reply, taken in order.
pub(super) struct ReplyParts(std::vec::IntoIter<Reply>);

impl ReplyParts {
    pub(super) fn of(reply: Reply) -> Result<Self, JournalError> {
        match reply {
            Reply::Array(parts) => Ok(Self(parts.into_iter())),
            Reply::Nil => Ok(Self(Vec::new().into_iter())),
            other => Err(unknown(format!("an array was expected, not {other:?}"))),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(super) fn bytes(&mut self) -> Result<Bytes, JournalError> {
        match self.0.next() {
            Some(Reply::BulkString(bytes)) => Ok(bytes.into()),
            Some(Reply::SimpleString(text)) => Ok(text.into()),
            other => Err(unknown(format!("a text was expected, not {other:?}"))),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, JournalError> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| unknown("a text is not UTF-8"))
    }

    /// A number, which Redis sends as an integer or as text.
    pub(super) fn number(&mut self) -> Result<i64, JournalError> {
        match self.0.next() {
            Some(Reply::Integer(number)) => Ok(number),
            Some(Reply::BulkString(text)) => {
                let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
                number.ok_or_else(|| unknown("a number was expected"))
            }
            other => Err(unknown(format!("a number was expected, not {other:?}"))),
        }
    }

    pub(super) fn epoch(&mut self) -> Result<Epoch, JournalError> {
        self.number().map(|epoch| Epoch(epoch as u64))
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, JournalError> {
        self.number().map(Timestamp::from_millis)
    }

    /// A time, or the default when the run does not exist and the text is empty.
    pub(super) fn time_or_none(&mut self) -> Result<Timestamp, JournalError> {
        let text = self.text()?;
        if text.is_empty() {
            return Ok(Timestamp::default());
        }
        text.parse().map(Timestamp::from_millis).map_err(|_| unknown("a time was expected"))
    }
}
