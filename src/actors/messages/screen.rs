//! Frames of a run's screens between its room and its viewers: what is kept for those who come, and what is on its way.
//!
//! A frame's bytes exist once on the node. They count in the budget for kept frames for as long as the room keeps them,
//! and in the budget for unsent bytes for as long as any viewer has them to be written.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;

use crate::budget::{Budget, Held};
use crate::protocol::StreamId;

/// A frame on its way to viewers, as a WebSocket frame. It counts once in the node's budget for unsent bytes, until the
/// last of them has it.
#[derive(Debug)]
pub struct FrameOnWay {
    bytes: Bytes,
    _held: Held,
}

impl FrameOnWay {
    /// Counts a frame; `None` if the budget has too little left.
    pub fn count(bytes: Bytes, outboxes: &Budget) -> Option<Arc<Self>> {
        let mut held = outboxes.hold();
        held.grow(bytes.len()).then(|| Arc::new(Self { bytes, _held: held }))
    }

    /// The frame.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A frame that a room keeps. The room alone owns it: whoever else refers to it finds it gone when the room has dropped
/// it.
#[derive(Debug)]
pub struct KeptFrame {
    bytes: Bytes,
    /// The same frame while it is on its way to somebody.
    on_way: Mutex<Weak<FrameOnWay>>,
    outboxes: Budget,
    _held: Held,
}

impl KeptFrame {
    /// Counts a frame in `kept`; `None` if that has too little left. What is on its way counts in `outboxes`.
    pub fn keep(bytes: Bytes, kept: &Budget, outboxes: &Budget) -> Option<Arc<Self>> {
        let mut held = kept.hold();
        let fits = held.grow(bytes.len());
        let on_way = Mutex::default();
        fits.then(|| Arc::new(Self { bytes, on_way, outboxes: outboxes.clone(), _held: held }))
    }

    /// The frame for one more viewer; `None` if the budget for unsent bytes has too little left.
    pub fn on_way(&self) -> Option<Arc<FrameOnWay>> {
        // No code panics while it holds the lock.
        let mut on_way = self.on_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(frame) = on_way.upgrade() {
            return Some(frame);
        }
        let frame = FrameOnWay::count(self.bytes.clone(), &self.outboxes)?;
        *on_way = Arc::downgrade(&frame);
        Some(frame)
    }
}

/// The newest frame of one of the run's screens, as the room tells it to its broadcasters.
#[derive(Clone, Debug)]
pub struct NewestFrame {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Its number among all frames of the room: of two frames of a stream, the one with the greater number is newer.
    pub number: u64,
    /// Whether this is the stream that viewers are shown who leave the choice to the server.
    pub is_auto: bool,
    /// The frame for those who watch. `None`: it was shown before, or the node holds too much for its viewers.
    pub frame: Option<Arc<FrameOnWay>>,
    /// The frame for those who come.
    pub kept: Weak<KeptFrame>,
}

/// A frame as a viewer is shown it.
#[derive(Clone, Debug)]
pub struct ShownFrame {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Whether viewers are shown this stream who leave the choice to the server.
    pub is_auto: bool,
    /// The frame.
    pub frame: Arc<FrameOnWay>,
    /// When it is shown.
    pub now: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_counts_where_it_is_kept_and_once_while_it_is_on_its_way() {
        let (kept, outboxes) = (Budget::new(100), Budget::new(100));
        let frame = KeptFrame::keep(Bytes::from(vec![7; 60]), &kept, &outboxes).unwrap();
        assert_eq!((kept.used(), outboxes.used()), (60, 0));
        let (one, two) = (frame.on_way().unwrap(), frame.on_way().unwrap());
        assert_eq!((kept.used(), outboxes.used()), (60, 60), "two viewers, one frame");
        drop((frame, one));
        assert_eq!((kept.used(), outboxes.used(), two.bytes().len()), (0, 60, 60));
        drop(two);
        assert_eq!(outboxes.used(), 0);
    }

    #[test]
    fn what_finds_no_room_is_not_kept_or_not_on_its_way() {
        let (kept, outboxes) = (Budget::new(50), Budget::new(50));
        let bytes = Bytes::from(vec![7; 40]);
        let frame = KeptFrame::keep(bytes.clone(), &kept, &outboxes).unwrap();
        assert!(KeptFrame::keep(bytes.clone(), &kept, &outboxes).is_none());
        let other = FrameOnWay::count(bytes, &outboxes).unwrap();
        assert!(frame.on_way().is_none());
        drop(other);
        assert!(frame.on_way().is_some());
        assert_eq!((kept.used(), outboxes.used()), (40, 0));
    }
}
