//! The messages of a live connection that are not events: they never have a `seq`.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use super::field::MessageType;
use super::field::{Field, FieldKind, FieldType};
use super::json_text::readable;
use super::screen::{ScreenChoice, ScreenChoiceError, StreamId};
use super::viewer_command::is_command;
use super::{Cursor, Epoch, RunId, Seq, Timestamp, frame};

#[cfg(test)]
mod tests;

/// Why a part of the log is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The run's history expired.
    Expired,
}

impl FieldType for GapReason {
    const KIND: FieldKind = FieldKind::Word { values: &["expired"] };
}

/// Makes a message of each row: doc, variant, `type`, and the members with their names as written. A member with an
/// attribute of serde's (`skip_serializing_if`) may be missing.
macro_rules! server_messages {
    ($($(#[doc = $doc:literal])+ $name:ident $type:literal {
        $($(#[doc = $field_doc:literal])+ $(#[serde($($skip:tt)+)])? $field:ident $key:literal: $field_type:ty,)+
    })+) => {
        /// What the server says besides the events.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(tag = "type")]
        pub enum ServerMessage {
            $($(#[doc = $doc])+
            #[serde(rename = $type)]
            $name {
                $($(#[doc = $field_doc])+
                #[serde(rename = $key)]
                $(#[serde($($skip)+)])?
                $field: $field_type,)+
            },)+
        }

        impl ServerMessage {
            /// Every type of message.
            pub const TYPES: &[MessageType] = &[$(MessageType {
                name: $type,
                doc: concat!($($doc),+).trim_ascii(),
                fields: &[$(Field::typed::<$field_type>(
                    $key,
                    !concat!($(stringify!($($skip)+))?).is_empty(),
                    concat!($($field_doc),+).trim_ascii(),
                ),)+],
            },)+];

            /// Its `type`, which is also its event name in a stream of Server-Sent Events.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name { .. } => $type,)+ }
            }
        }
    };
}

server_messages! {
    /// The first message of a connection.
    Connected "connected" {
        /// The run that is watched.
        run_id "runId": RunId,
        /// This connection, as the log and the metrics name it.
        session_id "sessionId": Arc<str>,
        /// The node that serves it.
        node_id "nodeId": Arc<str>,
        /// The node's time.
        timestamp "timestamp": Timestamp,
        /// The run's epoch; null before its first event.
        epoch "epoch": Option<Epoch>,
        /// Seq of the first event that follows.
        from "from": Seq,
        /// Seq of the run's last event so far.
        tip "tip": Seq,
        /// Where the viewer stands. A gap or a reset that moves it is told next.
        cursor "cursor": Cursor,
        /// How often the server pings.
        heartbeat_secs "heartbeatSecs": u64,
    }
    /// Events that are gone. Said at most once per hole.
    Gap "gap" {
        /// Seq of the first missing event.
        from "from": Seq,
        /// Seq of the last.
        to "to": Seq,
        /// Why they are gone.
        reason "reason": GapReason,
        /// Where the viewer stands behind the hole.
        cursor "cursor": Cursor,
    }
    /// The log was cut back: the viewer drops what it has from `from` on.
    Reset "reset" {
        /// The epoch that is true now; null when the run has no event any more.
        epoch "epoch": Option<Epoch>,
        /// Seq of the first event to drop.
        from "from": Seq,
        /// Where the viewer stands then.
        cursor "cursor": Cursor,
    }
    /// The run's epoch has become known: its first event follows. From now on the cursor is `epoch:seq`.
    Epoch "epoch" {
        /// The epoch.
        epoch "epoch": Epoch,
        /// Where the viewer stands before that event.
        cursor "cursor": Cursor,
    }
    /// The node is about to stop, and still streams: open the next connection first, then close this one.
    Draining "draining" {
        /// When to do that, spread so that not everybody comes at once.
        reconnect_after_ms "reconnectAfterMs": u64,
    }
    /// The viewer's rights end soon, and its connection with them (4401): ask for another credential, open the next
    /// connection with it, then close this one. Said once.
    Expiring "expiring" {
        /// Seconds until then.
        in_secs "inSecs": u64,
        /// When to do that, spread so that not everybody comes at once.
        reconnect_after_ms "reconnectAfterMs": u64,
    }
    /// The answer to a `ping` message.
    Pong "pong" {
        /// The node's time.
        timestamp "timestamp": Timestamp,
    }
    /// What became of the viewer's command: its state and its event, or why it was refused.
    Command "command" {
        /// The command; missing when what was sent has none that can be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        command_id "commandId": Option<Arc<str>>,
        /// Its state so far.
        #[serde(skip_serializing_if = "Option::is_none")]
        state "state": Option<&'static str>,
        /// Its event; of `take_control` and `renew_control` the lease.
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor "cursor": Option<Cursor>,
        /// The stable name of the refusal.
        #[serde(skip_serializing_if = "Option::is_none")]
        code "code": Option<&'static str>,
        /// The refusal in words.
        #[serde(skip_serializing_if = "Option::is_none")]
        error "error": Option<Box<str>>,
        /// What else there is to say of it: the members that a problem document has by HTTP.
        #[serde(skip_serializing_if = "Option::is_none")]
        details "details": Option<Box<Map<String, Value>>>,
        /// When it may be tried again.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms "retryAfterMs": Option<u64>,
    }
    /// A message of the client was not understood, and the connection goes on; or what it wants can't be had now, and
    /// it is closed.
    Error "error" {
        /// The stable name of the error.
        code "code": &'static str,
        /// The error in words.
        error "error": String,
        /// When to come back, if the connection is closed.
        #[serde(skip_serializing_if = "Option::is_none")]
        reconnect_after_ms "reconnectAfterMs": Option<u64>,
    }
}

impl ServerMessage {
    /// Tells a viewer that its rights end in so many seconds: it comes back when a quarter to a half of them has passed,
    /// by who it is.
    pub fn expiring(in_secs: u64, session: Uuid) -> Self {
        let quarter = in_secs.saturating_mul(250);
        Self::Expiring { in_secs, reconnect_after_ms: spread(quarter, session) }
    }

    /// Whether it says where the viewer stands in the log.
    pub fn moves_viewer(&self) -> bool {
        matches!(self, Self::Connected { .. } | Self::Gap { .. } | Self::Reset { .. } | Self::Epoch { .. })
    }

    /// As JSON on one line.
    pub fn to_json(&self) -> String {
        // Only maps with odd keys and failing Serialize impls can't be written; there are none in it.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As a WebSocket text frame.
    pub fn to_frame(&self) -> Bytes {
        frame::text(&self.to_json())
    }

    /// As a named record of a `text/event-stream`. One that moves the cursor has an `id`, so that `Last-Event-ID` is
    /// the cursor at any time.
    pub fn to_sse(&self) -> Bytes {
        let id = match self {
            Self::Gap { cursor, .. } | Self::Reset { cursor, .. } => format!("id: {cursor}\n"),
            _ => String::new(),
        };
        format!("{id}event: {}\ndata: {}\n\n", self.name(), self.to_json()).into()
    }
}

/// Tells a reader of a `text/event-stream` how long to wait when the stream has ended: from `least_ms` on, up to twice
/// as long, by who it is, so that not all come back at once.
pub fn sse_retry(least_ms: u64, session: Uuid) -> Bytes {
    format!("retry: {}\n\n", spread(least_ms, session)).into()
}

/// Between so many milliseconds and twice as many.
fn spread(least_ms: u64, session: Uuid) -> u64 {
    // The low half of a UUID of version 7 is random.
    least_ms.saturating_add(session.as_u64_pair().1 % least_ms.max(1))
}

/// What a viewer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Answered with [`ServerMessage::Pong`]; browsers can't send the WebSocket's own pings.
    Ping,
    /// A command, answered with [`ServerMessage::Command`]. Its type alone is known to be one.
    Command,
    /// Which screens it is shown from now on.
    Screen(ScreenChoice),
}

impl ClientMessage {
    /// Every type of message that is no command: [`super::viewer_command::COMMANDS`] has those.
    pub const TYPES: &[MessageType] = &[
        MessageType {
            name: "ping",
            doc: "Answered with `pong`; browsers can't send the WebSocket's own pings.",
            fields: &[],
        },
        ScreenChoice::TYPE,
    ];

    /// The `commandId` of a command, if it can be read and is no longer than ids are.
    pub fn command_id(text: &str) -> Option<Arc<str>> {
        /// Longest id that is told back, in bytes.
        const MAX_COMMAND_ID: usize = 64;
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Identified {
            command_id: Arc<str>,
        }
        let id = serde_json::from_slice(&readable(text.as_bytes())).map(|Identified { command_id }| command_id).ok();
        id.filter(|id| id.len() <= MAX_COMMAND_ID)
    }
}

/// A viewer's message was not understood. It is answered, and the connection goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Not a JSON object.
    #[error("not a JSON object: {0}")]
    InvalidJson(String),
    /// No string `type`.
    #[error("a message needs a string `type`")]
    MissingType,
    /// A `type` that is not known.
    #[error("unknown type {0:?}")]
    UnknownType(String),
    /// A choice of screens that can't be had.
    #[error("{0}")]
    Screen(#[from] ScreenChoiceError),
}

impl ClientError {
    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidJson(_) => "invalid_json",
            Self::MissingType => "missing_type",
            Self::UnknownType(_) => "unknown_type",
            Self::Screen(_) => "invalid_screen",
        }
    }
}

impl From<ClientError> for ServerMessage {
    fn from(error: ClientError) -> Self {
        Self::Error { code: error.code(), error: error.to_string(), reconnect_after_ms: None }
    }
}

impl ClientMessage {
    /// Reads a text message.
    ///
    /// # Errors
    /// When it is not understood; turn the error into a [`ServerMessage`] and send that.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        /// An unknown type comes back to its sender, but not more of it than helps.
        const SHOWN_CHARS: usize = 64;
        #[derive(Deserialize)]
        struct Typed<'a> {
            #[serde(borrow)]
            r#type: Option<Type<'a>>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Type<'a> {
            Text(#[serde(borrow)] Cow<'a, str>),
            Other(serde::de::IgnoredAny),
        }
        // Serde reads an array as a struct too.
        if !text.trim_start().starts_with('{') {
            return Err(ClientError::InvalidJson("expected an object".into()));
        }
        let json = readable(text.as_bytes());
        let typed: Typed<'_> =
            serde_json::from_slice(&json).map_err(|error| ClientError::InvalidJson(error.to_string()))?;
        match typed.r#type {
            Some(Type::Text(name)) => match name.as_ref() {
                "ping" => Ok(Self::Ping),
                "screen" => Ok(Self::Screen(ScreenChoice::parse(&json)?)),
                name if is_command(name) => Ok(Self::Command),
                unknown => Err(ClientError::UnknownType(unknown.chars().take(SHOWN_CHARS).collect())),
            },
            Some(Type::Other(_)) | None => Err(ClientError::MissingType),
        }
    }
}

/// A picture of the screen under test. Not an event: the newest of its stream replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "frame", rename_all = "camelCase")]
pub struct ScreenFrame {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Of the image.
    pub content_type: &'static str,
    /// In pixels, if the producer said so.
    pub width: Option<u32>,
    /// In pixels, if the producer said so.
    pub height: Option<u32>,
    /// The test that it shows, if the producer said so.
    pub test_id: Option<String>,
    /// When it came.
    pub timestamp: Timestamp,
    /// The image's bytes.
    #[serde(skip)]
    pub image: Bytes,
}

/// The JSON header of a screen frame is longer than its two length bytes can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header of a screen frame has {0} bytes, more than 65535")]
pub struct HeaderTooLong(pub usize);

impl ScreenFrame {
    /// Its header, as clients are told of it.
    pub const TYPE: MessageType = MessageType {
        name: "frame",
        doc: "A picture of the screen under test, in a binary frame: the length of the header in 2 bytes, big-endian, the \
              header, the image. The newest of a stream replaces the one before.",
        fields: &[
            Field::typed::<StreamId>("stream", false, "The stream that it belongs to."),
            Field::typed::<&'static str>(
                "contentType",
                false,
                "Of the image: `image/jpeg`, `image/png` or `image/webp`.",
            ),
            Field::typed::<Option<u32>>("width", false, "In pixels, if the producer said so."),
            Field::typed::<Option<u32>>("height", false, "In pixels, if the producer said so."),
            Field::typed::<Option<String>>("testId", false, "The test that it shows, if the producer said so."),
            Field::typed::<Timestamp>("timestamp", false, "When it came."),
        ],
    };

    /// As a WebSocket binary frame: 2 bytes big-endian length of the header, the JSON header, the image.
    ///
    /// # Errors
    /// When `test_id` is absurdly long.
    pub fn to_frame(&self) -> Result<Bytes, HeaderTooLong> {
        let header = serde_json::to_vec(self).unwrap_or_default();
        let header_len = u16::try_from(header.len()).map_err(|_| HeaderTooLong(header.len()))?;
        let len = 2 + header.len() + self.image.len();
        let mut out = Vec::with_capacity(10 + len);
        frame::put_header(&mut out, frame::OpCode::Binary, len);
        out.extend_from_slice(&header_len.to_be_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(&self.image);
        Ok(out.into())
    }
}
