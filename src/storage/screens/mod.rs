//! Screens in Redis: frames on their way to other nodes, and the newest one of each stream for who joins later.
//!
//! | name, behind the prefix | content | kept |
//! |---|---|---|
//! | `{RUN}:frames` | channel: frames as they come | |
//! | `{RUN}:kept` | sorted set: the streams with a kept frame, by when that goes | as long as the last of them |
//! | `{RUN}:kept:STREAM` | the newest frame of the stream | `room.screen_keep_secs` after it came |
//!
//! A frame has a key of its own because a field of a hash can't expire by itself before Redis 7.4. Earlier builds used the
//! channel `{RUN}:screen`, and neither shows the other's frames. Nothing here has to arrive: a newer frame follows.

use std::time::Duration;

use bytes::Bytes;

use super::format::{self, NewerFormat, SCREENS};
use super::redis::{RedisClient, RedisCommand, RedisError, Reply};
use crate::protocol::screen::MAX_STREAMS;
use crate::protocol::{RunId, StreamId, Timestamp};

/// The end of the name of a channel.
const FRAMES: &str = "}:frames";
/// Frames per request. At 256 KiB each this is 1 MiB: Redis serves nobody else while it writes an answer.
const PER_READ: usize = 4;

/// A screen as it is told to other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredScreen {
    /// The node that it was posted to.
    pub node: String,
    /// Its stream.
    pub stream: StreamId,
    /// When it came to that node.
    pub at: Timestamp,
    /// The frame.
    pub frame: Bytes,
}

/// Why a screen can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredScreenError {
    /// A node of a newer build has written it.
    #[error(transparent)]
    NewerFormat(NewerFormat),
    /// No build of runcast writes such a screen.
    #[error("malformed screen: {0}")]
    Malformed(&'static str),
}

impl StoredScreen {
    /// `version/node stream millis`, a space, and the frame. Only the first word is the same in every version.
    fn payload(&self) -> Vec<u8> {
        let Self { node, stream, at, frame } = self;
        [format!("{SCREENS}/{node} {stream} {} ", at.as_millis()).as_bytes(), frame].concat()
    }

    /// Reads a payload. The frame is a part of its bytes.
    ///
    /// # Errors
    /// [`StoredScreenError`].
    pub fn parse(payload: &Bytes) -> Result<Self, StoredScreenError> {
        use StoredScreenError::Malformed;
        let mut rest = payload.clone();
        let mut word = || {
            let end = memchr::memchr(b' ', &rest).ok_or(Malformed("it is too short"))?;
            let word = rest.split_to(end);
            let _ = rest.split_to(1);
            String::from_utf8(word.into()).map_err(|_| Malformed("its head is no text"))
        };
        let first = word()?;
        let (version, node) = first.split_once('/').ok_or(Malformed("it has no version"))?;
        format::check(format_args!("a screen of node {node}"), Some(version), SCREENS)
            .map_err(StoredScreenError::NewerFormat)?;
        let stream = StreamId::parse(&word()?).map_err(|_| Malformed("it has no stream"))?;
        let at = word()?.parse().map_err(|_| Malformed("it has no time"))?;
        Ok(Self { node: node.to_owned(), stream, at: Timestamp::from_millis(at), frame: rest })
    }
}

/// Access to the screens. Clones share the connection, which is one of its own: an image must not delay an event.
#[derive(Clone, Debug)]
pub struct ScreenStore {
    client: RedisClient,
    prefix: String,
    node: String,
    keep: Duration,
}

impl ScreenStore {
    /// The screens behind this prefix, for the node of this name; frames are kept so long.
    pub fn new(client: RedisClient, prefix: &str, node: &str, keep: Duration) -> Self {
        Self { client, prefix: prefix.to_owned(), node: node.to_owned(), keep }
    }

    /// The connection.
    pub fn client(&self) -> &RedisClient {
        &self.client
    }

    /// How long a frame is kept.
    pub fn keep_for(&self) -> Duration {
        self.keep
    }

    /// The channel of a run's frames.
    pub fn channel(&self, run: &RunId) -> String {
        format!("{}:{{{run}{FRAMES}", self.prefix)
    }

    /// The run of a channel.
    pub fn run_of(&self, channel: &str) -> Option<RunId> {
        let run = channel.strip_prefix(&self.prefix)?.strip_prefix(":{")?.strip_suffix(FRAMES)?;
        RunId::parse(run).ok()
    }

    fn kept_key(&self, run: &RunId) -> String {
        format!("{}:{{{run}}}:kept", self.prefix)
    }

    fn frame_key(&self, run: &RunId, stream: &str) -> String {
        format!("{}:{{{run}}}:kept:{stream}", self.prefix)
    }

    fn stored(&self, stream: &StreamId, at: Timestamp, frame: &Bytes) -> Vec<u8> {
        StoredScreen { node: self.node.clone(), stream: stream.clone(), at, frame: frame.clone() }.payload()
    }

    /// Sends a frame to the nodes that follow the run.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn publish(
        &self,
        run: &RunId,
        stream: &StreamId,
        at: Timestamp,
        frame: &Bytes,
    ) -> Result<(), RedisError> {
        let publish = RedisCommand::new("PUBLISH").arg(self.channel(run)).arg(self.stored(stream, at, frame));
        self.client.call(publish).await.map(drop)
    }

    /// Keeps a frame, in the place of the one that was kept of its stream; false when the run has too many streams.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn keep(&self, run: &RunId, stream: &StreamId, at: Timestamp, frame: &Bytes) -> Result<bool, RedisError> {
        let keys = [self.kept_key(run), self.frame_key(run, stream.as_str())];
        let keep = RedisCommand::new("EVAL").arg(include_str!("keep.lua")).number(2).args(keys);
        let keep = keep.arg(stream.as_str()).arg(self.stored(stream, at, frame));
        let keep = keep.number(self.keep.as_millis() as u64).number(MAX_STREAMS as u64);
        Ok(self.client.call(keep).await? == Reply::Integer(1))
    }

    /// The streams of a run of which a frame is kept, the most recent one first.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn kept(&self, run: &RunId) -> Result<Vec<StreamId>, RedisError> {
        let ask = RedisCommand::new("EVAL").arg(include_str!("kept.lua")).number(1).arg(self.kept_key(run));
        let Reply::Array(streams) = self.client.call(ask).await? else { return Ok(Vec::new()) };
        let names = streams.into_iter().filter_map(|stream| match stream {
            Reply::BulkString(name) => StreamId::parse(str::from_utf8(&name).ok()?).ok(),
            _ => None,
        });
        Ok(names.take(MAX_STREAMS).collect())
    }

    /// The kept frames of these streams, a few at a time, as they were stored.
    ///
    /// # Errors
    /// [`RedisError`].
    pub async fn read(&self, run: &RunId, streams: &[StreamId], mut take: impl FnMut(Bytes)) -> Result<(), RedisError> {
        for some in streams.chunks(PER_READ) {
            let keys = some.iter().map(|stream| self.frame_key(run, stream.as_str()));
            let read = RedisCommand::new("MGET").args(keys);
            let Reply::Array(frames) = self.client.call(read).await? else { continue };
            for frame in frames {
                if let Reply::BulkString(frame) = frame {
                    take(frame.into());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen() -> StoredScreen {
        StoredScreen {
            node: "node-1".into(),
            stream: StreamId::parse("p/0").unwrap(),
            at: Timestamp::from_millis(1_764_201_234_567),
            frame: Bytes::from_static(b"\x00 \xff image"),
        }
    }

    #[test]
    fn a_screen_is_read_as_it_was_written_and_a_newer_one_is_refused_by_name() {
        let payload = Bytes::from(screen().payload());
        assert_eq!(StoredScreen::parse(&payload), Ok(screen()));
        let newer = StoredScreen::parse(&Bytes::from_static(b"2/node-1 in words of its own")).unwrap_err();
        let told = "a screen of node node-1 has format version 2, and";
        assert!(newer.to_string().starts_with(told), "{newer}");
        let head = payload.len() - screen().frame.len();
        for length in 0..head {
            assert!(StoredScreen::parse(&payload.slice(..length)).is_err(), "{length}");
        }
    }
}
