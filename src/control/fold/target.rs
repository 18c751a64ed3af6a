//! Who a command is for.

use std::sync::Arc;

use serde::Serialize;

use super::members::Members;

/// Who a command is for; without anything in it: everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::control) struct CommandTarget {
    /// The producer, also of a slot and of a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::control) producer: Option<Arc<str>>,
    /// The slot of the producer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::control) slot: Option<TargetSlot>,
    /// The test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::control) test_id: Option<Arc<str>>,
}

/// A slot of a producer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::control) struct TargetSlot {
    /// The producer.
    pub(in crate::control) producer: Arc<str>,
    /// Which of its slots.
    pub(in crate::control) slot: u64,
}

impl CommandTarget {
    /// Of an event: `None` if it names something that can't be read.
    pub(super) fn read(event: &Members<'_>) -> Option<Self> {
        if !event.has("target") {
            return Some(Self::default());
        }
        let target = event.object("target")?;
        let slot = match target.object("slot") {
            Some(slot) => Some(TargetSlot { producer: slot.id("producer")?, slot: slot.whole("slot")? }),
            None => None,
        };
        Some(Self { producer: target.id("producer"), slot, test_id: target.id("testId") })
    }

    /// The only producer that it is for, if there is one.
    pub(in crate::control) fn producer(&self) -> Option<&Arc<str>> {
        self.producer.as_ref().or(self.slot.as_ref().map(|slot| &slot.producer))
    }

    /// Whether it is for everybody.
    pub(in crate::control) fn is_all(&self) -> bool {
        self.producer().is_none() && self.test_id.is_none()
    }

    /// Whether it is for this producer.
    pub(in crate::control) fn is_for(&self, producer: &str) -> bool {
        self.producer().is_none_or(|only| &**only == producer)
    }

    /// Whether a command for this target takes the place of one for `other`.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.is_all() || self == other
    }
}
