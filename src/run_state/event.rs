//! The members of events that the fold reads. Each is parsed by itself, so that one of a wrong type affects no other.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::space::clip;

/// Most bytes kept of an error's text.
pub(super) const MAX_ERROR_BYTES: usize = 2 * 1024;
/// Most bytes kept of a title, a file name or another text.
pub(super) const MAX_TITLE_BYTES: usize = 512;
/// Most bytes kept of the name of something: a step's id, a tag, the type of an annotation.
pub(super) const MAX_NAME_BYTES: usize = 128;

/// The members of an event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoldedEvent<'a> {
    pub(super) r#type: String,
    #[serde(borrow)]
    pub(super) timestamp: Option<&'a RawValue>,
    /// Whom the server has stamped the event with.
    pub(super) producer: Option<&'a RawValue>,
    pub(super) test_id: Option<&'a RawValue>,
    pub(super) status: Option<&'a RawValue>,
    pub(super) state: Option<&'a RawValue>,
    pub(super) shard: Option<&'a RawValue>,
    pub(super) variant: Option<&'a RawValue>,
    pub(super) step: Option<&'a RawValue>,
    pub(super) tests: Option<&'a RawValue>,
    pub(super) data: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) message: Option<&'a RawValue>,
}

/// The members of `data`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FoldedData<'a> {
    #[serde(borrow)]
    pub(super) total: Option<&'a RawValue>,
    pub(super) workers: Option<&'a RawValue>,
    pub(super) meta: Option<&'a RawValue>,
    pub(super) title: Option<&'a RawValue>,
    pub(super) attempt: Option<&'a RawValue>,
    pub(super) worker_index: Option<&'a RawValue>,
    pub(super) slot: Option<&'a RawValue>,
    pub(super) expected: Option<&'a RawValue>,
    pub(super) outcome: Option<&'a RawValue>,
    pub(super) duration_ms: Option<&'a RawValue>,
    pub(super) hold_ms: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) errors: Option<&'a RawValue>,
    pub(super) annotations: Option<&'a RawValue>,
}

/// A test of a plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoldedPlan<'a> {
    pub(super) test_id: String,
    #[serde(borrow)]
    pub(super) title: Option<&'a RawValue>,
    pub(super) file: Option<&'a RawValue>,
    pub(super) line: Option<&'a RawValue>,
    pub(super) project: Option<&'a RawValue>,
    pub(super) tags: Option<&'a RawValue>,
}

/// The members of `step`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FoldedStep<'a> {
    pub(super) step_number: u64,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    /// The same in events of earlier versions.
    step_id: Option<&'a RawValue>,
    pub(super) parent: Option<&'a RawValue>,
    pub(super) attempt: Option<&'a RawValue>,
    pub(super) phase: Option<&'a RawValue>,
    pub(super) title: Option<&'a RawValue>,
    pub(super) subtitle: Option<&'a RawValue>,
    pub(super) category: Option<&'a RawValue>,
    pub(super) location: Option<&'a RawValue>,
    pub(super) actor: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
}

impl FoldedStep<'_> {
    /// The step's id within its attempt: a step without one has its number.
    pub(super) fn id(&self) -> String {
        let id = read::<String>(self.id).or_else(|| read(self.step_id)).filter(|id| !id.is_empty());
        id.map_or_else(|| self.step_number.to_string(), |id| clip(id, MAX_NAME_BYTES))
    }

    pub(super) fn ends(&self) -> bool {
        read::<String>(self.phase).as_deref() == Some("end")
    }
}

/// The members of an item of `data.annotations`.
#[derive(Deserialize)]
pub(super) struct FoldedAnnotation<'a> {
    pub(super) r#type: String,
    #[serde(borrow)]
    pub(super) description: Option<&'a RawValue>,
}

/// An error: a text, or an object with a `message`.
#[derive(Deserialize)]
#[serde(untagged)]
enum MessageField {
    Text(String),
    Object { message: String },
}

/// Where an error was.
#[derive(Deserialize)]
struct LocationField<'a> {
    #[serde(borrow)]
    location: Option<&'a RawValue>,
}

/// A title: a text, or the titles of a test's groups followed by its own.
#[derive(Deserialize)]
#[serde(untagged)]
enum Title {
    Text(String),
    Path(Vec<String>),
}

/// Reads a member; `None` if it is missing, or of another type.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Reads the items of a list.
pub(super) fn items(raw: Option<&RawValue>) -> Vec<&RawValue> {
    read(raw).unwrap_or_default()
}

/// Reads a title.
pub(super) fn title(raw: Option<&RawValue>) -> Option<String> {
    let title = match read(raw)? {
        Title::Text(title) => title,
        Title::Path(path) => path.join(" › "),
    };
    Some(clip(title, MAX_TITLE_BYTES))
}

/// Reads the text of an error.
pub(super) fn message(raw: Option<&RawValue>) -> Option<String> {
    let (MessageField::Text(message) | MessageField::Object { message }) = read(raw)?;
    Some(clip(message, MAX_ERROR_BYTES))
}

/// Reads where an error was.
pub(super) fn location(raw: Option<&RawValue>) -> Option<String> {
    read(read::<LocationField<'_>>(raw)?.location)
}
