//! The screens of a run: each producer shows one per slot, as a stream of frames; each viewer chooses what it looks at.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::field::{Field, FieldKind, FieldType, MessageType};

/// Longest name of a stream, in bytes: a producer's id, a slash, and a slot.
pub const MAX_STREAM_BYTES: usize = 200;
/// Most frames a second that a viewer may ask for.
pub const MAX_FPS: u8 = 30;
/// How many frames a second are worth sending to a viewer that does not say how many it wants.
pub const USUAL_FPS: u8 = 8;
/// Most streams of a run that are kept, and that a viewer of all is shown.
pub const MAX_STREAMS: usize = 64;
/// Frames of more bytes, their headers included, are shown and not kept. 256 KiB.
pub const MAX_KEPT_BYTES: usize = 256 * 1024;
/// The widest screen that a viewer may ask for, in pixels.
pub const MAX_WIDTH: u16 = 8_192;
/// What viewers may look at besides one stream: no stream can have such a name.
pub const RESERVED: [&str; 3] = ["auto", "wall", "off"];

/// The name of a stream of screen frames within its run, by convention `producer/slot`: 1 to 200 of
/// `A-Z a-z 0-9 . _ : / -`, and none of [`RESERVED`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct StreamId(Arc<str>);

/// The reason why the name of a stream was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamIdError {
    /// Empty, or too long.
    #[error("must have 1 to {MAX_STREAM_BYTES} characters")]
    Length,
    /// A character that is not allowed.
    #[error("character {0:?} is not allowed (A-Z a-z 0-9 . _ : / -)")]
    Character(char),
    /// One of [`RESERVED`].
    #[error("{0:?} is what viewers may choose, and no stream")]
    Reserved(String),
}

impl StreamId {
    /// Checks a name.
    ///
    /// # Errors
    /// [`StreamIdError`].
    pub fn parse(name: &str) -> Result<Self, StreamIdError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '-');
        if let Some(found) = name.chars().find(|c| !fits(*c)) {
            return Err(StreamIdError::Character(found));
        }
        if name.is_empty() || name.len() > MAX_STREAM_BYTES {
            return Err(StreamIdError::Length);
        }
        if RESERVED.contains(&name) {
            return Err(StreamIdError::Reserved(name.to_owned()));
        }
        Ok(Self(name.into()))
    }

    /// The stream of frames that are posted without a name.
    pub fn unnamed() -> Self {
        Self("main".into())
    }

    /// The name, as others may share it.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for StreamId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FieldType for StreamId {
    const KIND: FieldKind = FieldKind::Text;
}

/// Which screens a viewer looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScreenOf {
    /// One, which the server chooses: the stream that is being shown now, until another one shows something and it does
    /// not.
    #[default]
    Auto,
    /// All of them, each once a second.
    Wall,
    /// None.
    Off,
    /// This one.
    Stream(StreamId),
}

/// What a viewer wants to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScreenChoice {
    /// Which screens.
    pub of: ScreenOf,
    /// Most frames a second of each, 1 to [`MAX_FPS`]; `None`: as many as come, and producers are asked for
    /// [`USUAL_FPS`].
    pub max_fps: Option<u8>,
    /// How wide they need to be, in pixels, 1 to [`MAX_WIDTH`]: a hint for producers. `None`: as they are.
    pub max_width: Option<u16>,
}

/// A choice of screens that can't be had; the text names the member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScreenChoiceError {
    /// `of` is missing, or no choice.
    #[error("`of` must be auto, wall, off or the name of a stream: {0}")]
    Of(String),
    /// `maxFps` is out of range.
    #[error("`maxFps` must be a whole number, 1 to {MAX_FPS}")]
    MaxFps,
    /// `maxWidth` is out of range.
    #[error("`maxWidth` must be a whole number, 1 to {MAX_WIDTH}")]
    MaxWidth,
}

impl ScreenOf {
    /// Reads a choice.
    ///
    /// # Errors
    /// [`ScreenChoiceError::Of`].
    pub fn parse(text: &str) -> Result<Self, ScreenChoiceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "wall" => Ok(Self::Wall),
            "off" => Ok(Self::Off),
            name => {
                let stream = StreamId::parse(name);
                stream.map(Self::Stream).map_err(|error| ScreenChoiceError::Of(error.to_string()))
            }
        }
    }
}

impl ScreenChoice {
    /// The message of a viewer that makes a choice.
    pub const TYPE: MessageType = MessageType {
        name: "screen",
        doc: "Which screens the viewer is shown from now on. The newest frame of each that is kept comes at once.",
        fields: &[
            Field::new(
                "of",
                FieldKind::Text,
                "`auto`: one that the server chooses; `wall`: all, each once a second; `off`: none; or the name of a stream.",
            ),
            Field::new("maxFps", FieldKind::Integer, "Most frames a second of each, 1 to 30.").optional(),
            Field::new(
                "maxWidth",
                FieldKind::Integer,
                "How wide they need to be, in pixels, 1 to 8192: a hint for producers.",
            )
            .optional(),
        ],
    };

    /// Whether the viewer looks at a stream; `is_auto`: it is the one that the server chooses.
    pub fn shows(&self, stream: &StreamId, is_auto: bool) -> bool {
        match &self.of {
            ScreenOf::Auto => is_auto,
            ScreenOf::Wall => true,
            ScreenOf::Off => false,
            ScreenOf::Stream(chosen) => chosen == stream,
        }
    }

    /// No screens.
    pub fn off() -> Self {
        Self { of: ScreenOf::Off, ..Self::default() }
    }

    /// Checks a choice; a number of `None` is no wish.
    ///
    /// # Errors
    /// [`ScreenChoiceError`].
    pub fn checked(of: &str, max_fps: Option<u64>, max_width: Option<u64>) -> Result<Self, ScreenChoiceError> {
        let in_range = |value: u64, most: u64| (1..=most).contains(&value);
        Ok(Self {
            of: ScreenOf::parse(of)?,
            max_fps: match max_fps {
                Some(fps) if !in_range(fps, MAX_FPS.into()) => return Err(ScreenChoiceError::MaxFps),
                fps => fps.and_then(|fps| u8::try_from(fps).ok()),
            },
            max_width: match max_width {
                Some(width) if !in_range(width, MAX_WIDTH.into()) => return Err(ScreenChoiceError::MaxWidth),
                width => width.and_then(|width| u16::try_from(width).ok()),
            },
        })
    }

    /// Reads a message of [`Self::TYPE`].
    ///
    /// # Errors
    /// [`ScreenChoiceError`].
    pub fn parse(json: &[u8]) -> Result<Self, ScreenChoiceError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Message {
            of: Option<serde_json::Value>,
            max_fps: Option<serde_json::Value>,
            max_width: Option<serde_json::Value>,
        }
        let message: Message =
            serde_json::from_slice(json).map_err(|error| ScreenChoiceError::Of(error.to_string()))?;
        let number = |value: Option<serde_json::Value>, error: ScreenChoiceError| match value {
            None | Some(serde_json::Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(error),
        };
        let of = message.of.as_ref().and_then(serde_json::Value::as_str);
        let of = of.ok_or_else(|| ScreenChoiceError::Of("it is missing".to_owned()))?;
        Self::checked(
            of,
            number(message.max_fps, ScreenChoiceError::MaxFps)?,
            number(message.max_width, ScreenChoiceError::MaxWidth)?,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_streams_are_checked_by_character_length_and_meaning() {
        assert_eq!(StreamId::parse("0192-a/3").unwrap().as_str(), "0192-a/3");
        assert_eq!(StreamId::parse(""), Err(StreamIdError::Length));
        assert!(StreamId::parse(&"a".repeat(MAX_STREAM_BYTES)).is_ok());
        assert_eq!(StreamId::parse(&"a".repeat(MAX_STREAM_BYTES + 1)), Err(StreamIdError::Length));
        assert_eq!(StreamId::parse("a b"), Err(StreamIdError::Character(' ')));
        for name in RESERVED {
            assert_eq!(StreamId::parse(name), Err(StreamIdError::Reserved(name.to_owned())));
        }
    }

    #[test]
    fn a_choice_names_the_member_that_is_wrong() {
        let choice = |text: &str| ScreenChoice::parse(text.as_bytes());
        assert_eq!(choice(r#"{"type":"screen","of":"auto"}"#), Ok(ScreenChoice::default()));
        let wall = ScreenChoice { of: ScreenOf::Wall, max_fps: Some(8), max_width: Some(960) };
        assert_eq!(choice(r#"{"of":"wall","maxFps":8,"maxWidth":960}"#), Ok(wall));
        let stream = ScreenOf::Stream(StreamId::parse("p/0").unwrap());
        assert_eq!(choice(r#"{"of":"p/0","maxFps":null}"#), Ok(ScreenChoice { of: stream, ..Default::default() }));
        for (text, names) in [
            (r#"{}"#, "`of`"),
            (r#"{"of":3}"#, "`of`"),
            (r#"{"of":"a b"}"#, "`of`"),
            (r#"{"of":"auto","maxFps":0}"#, "`maxFps`"),
            (r#"{"of":"auto","maxFps":31}"#, "`maxFps`"),
            (r#"{"of":"auto","maxFps":"8"}"#, "`maxFps`"),
            (r#"{"of":"auto","maxWidth":9000}"#, "`maxWidth`"),
        ] {
            assert!(choice(text).unwrap_err().to_string().contains(names), "{text}");
        }
    }
}
