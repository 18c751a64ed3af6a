//! JSON that is kept as text, and handed on as it is.

use std::sync::Arc;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The text of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct JsonText(Arc<str>);

impl JsonText {
    /// The text of a value that was read.
    pub(super) fn of(value: &RawValue) -> Self {
        Self(value.get().into())
    }

    /// An event of the log with its `seq`; `event` is an object that is not empty.
    pub(super) fn with_seq(seq: u64, event: &[u8]) -> Option<Self> {
        let rest = str::from_utf8(event).ok()?.trim_start().strip_prefix('{')?;
        Some(Self(format!("{{\"seq\":{seq},{rest}").into()))
    }

    /// Bytes of it.
    pub(in crate::control) fn len(&self) -> usize {
        self.0.len()
    }

    /// As a value to be sent.
    pub(in crate::control) fn raw(&self) -> Option<Box<RawValue>> {
        RawValue::from_string(self.0.as_ref().to_owned()).ok()
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}
