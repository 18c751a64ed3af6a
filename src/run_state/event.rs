//! The members of events that the fold reads. Each is parsed by itself, so that one of a wrong type affects no other.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::space::clip;
use crate::protocol::event::stamp::Shard;
use crate::protocol::json_text::{double, whole_number};
use crate::protocol::producer_event::MAX_COUNT;

/// Most bytes kept of an error's text.
pub(super) const MAX_ERROR_BYTES: usize = 2 * 1024;
/// Most bytes kept of a title, a file name or another text.
pub(super) const MAX_TITLE_BYTES: usize = 512;
/// Most bytes kept of the name of something: a step's id, a tag, the type of an annotation.
pub(super) const MAX_NAME_BYTES: usize = 128;

/// Structs of an object's members, each as its text. As JavaScript reads them: of a member that comes twice the last
/// counts, and `null` is none.
macro_rules! members {
    ($($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $member:ident: $key:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(super) struct $name<'a> {
            $($(#[$about])* pub(super) $member: Option<&'a RawValue>,)+
        }

        impl<'de> Deserialize<'de> for $name<'de> {
            fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
                struct Object;
                impl<'de> Visitor<'de> for Object {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut members = $name::default();
                        while let Some(Key(key)) = map.next_key()? {
                            match &*key {
                                $($key => members.$member = map.next_value()?,)+
                                _ => drop(map.next_value::<IgnoredAny>()?),
                            }
                        }
                        Ok(members)
                    }
                }
                json.deserialize_map(Object)
            }
        }
    )+};
}

/// The name of a member.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

members! {
    /// The members of an event.
    FoldedEvent {
        r#type: "type",
        timestamp: "timestamp",
        /// Whom the server has stamped the event with.
        producer: "producer",
        test_id: "testId",
        status: "status",
        state: "state",
        shard: "shard",
        variant: "variant",
        step: "step",
        tests: "tests",
        data: "data",
        error: "error",
        message: "message",
    }

    /// The members of `data`.
    FoldedData {
        total: "total",
        workers: "workers",
        meta: "meta",
        title: "title",
        attempt: "attempt",
        worker_index: "workerIndex",
        slot: "slot",
        expected: "expected",
        outcome: "outcome",
        duration_ms: "durationMs",
        hold_ms: "holdMs",
        error: "error",
        errors: "errors",
        annotations: "annotations",
    }

    /// The members of `data.meta`.
    FoldedMeta {
        project: "project",
        number: "number",
        title: "title",
        branch: "branch",
        commit: "commit",
        author: "author",
        ci_url: "ciUrl",
        labels: "labels",
    }

    /// A test of a plan.
    FoldedPlan {
        test_id: "testId",
        title: "title",
        file: "file",
        line: "line",
        project: "project",
        tags: "tags",
    }

    /// The members of `step`.
    StepMembers {
        step_number: "stepNumber",
        id: "id",
        /// The same in events of earlier versions.
        step_id: "stepId",
        parent: "parent",
        attempt: "attempt",
        phase: "phase",
        title: "title",
        subtitle: "subtitle",
        category: "category",
        location: "location",
        actor: "actor",
        error: "error",
    }

    /// The members of an item of `data.annotations`.
    FoldedAnnotation {
        r#type: "type",
        description: "description",
    }

    /// An error that is no text.
    ErrorObject {
        message: "message",
        location: "location",
    }

    /// The members of `shard`.
    ShardMembers {
        current: "current",
        total: "total",
    }
}

/// A step: what has a number.
pub(super) struct FoldedStep<'a> {
    pub(super) step_number: u64,
    members: StepMembers<'a>,
}

impl<'a> std::ops::Deref for FoldedStep<'a> {
    type Target = StepMembers<'a>;

    fn deref(&self) -> &Self::Target {
        &self.members
    }
}

impl<'a> FoldedStep<'a> {
    /// Reads it.
    pub(super) fn read(raw: Option<&'a RawValue>) -> Option<Self> {
        let members: StepMembers<'a> = read(raw)?;
        Some(Self { step_number: whole(members.step_number)?, members })
    }

    /// The step's id within its attempt: a step without one has its number.
    pub(super) fn id(&self) -> String {
        let id = text(self.id).or_else(|| text(self.step_id)).filter(|id| !id.is_empty());
        id.map_or_else(|| self.step_number.to_string(), |id| clip(id, MAX_NAME_BYTES))
    }

    pub(super) fn ends(&self) -> bool {
        text(self.phase).as_deref() == Some("end")
    }
}

/// Reads a text.
pub(super) fn text(raw: Option<&RawValue>) -> Option<String> {
    read(raw)
}

/// Reads a whole number that a double holds, however it is written, if it fits the type.
pub(super) fn whole<T: TryFrom<i64>>(raw: Option<&RawValue>) -> Option<T> {
    whole_number(raw?.get())
}

/// Reads a number.
pub(super) fn number(raw: Option<&RawValue>) -> Option<f64> {
    double(raw?.get())
}

/// Reads a shard.
pub(super) fn shard(raw: Option<&RawValue>, variant: Option<&str>) -> Option<Shard> {
    let members: ShardMembers<'_> = read(raw)?;
    let (current, total) = (whole(members.current)?, whole(members.total)?);
    let fits = (1..=MAX_COUNT).contains(&total) && (1..=total).contains(&current);
    fits.then(|| Shard { variant: variant.map(Arc::from), current, total })
}

/// Reads a member; `None` if it is missing, or of another type.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Reads the items of a list.
pub(super) fn items(raw: Option<&RawValue>) -> Vec<&RawValue> {
    read(raw).unwrap_or_default()
}

/// Reads a title: a text, or the titles of a test's groups followed by its own.
pub(super) fn title(raw: Option<&RawValue>) -> Option<String> {
    let title = text(raw).or_else(|| Some(read::<Vec<String>>(raw)?.join(" › ")))?;
    Some(clip(title, MAX_TITLE_BYTES))
}

/// Reads the text of an error: a text, or an object with a `message`.
pub(super) fn message(raw: Option<&RawValue>) -> Option<String> {
    let message = text(raw).or_else(|| text(read::<ErrorObject<'_>>(raw)?.message))?;
    Some(clip(message, MAX_ERROR_BYTES))
}

/// Reads where an error was.
pub(super) fn location(raw: Option<&RawValue>) -> Option<String> {
    text(read::<ErrorObject<'_>>(raw)?.location)
}
