//! What became of a frame of a screen.

/// Whether a frame was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameShown {
    /// To whoever watches here.
    Yes,
    /// Nobody watches here.
    Nobody,
    /// The node holds too much for its viewers.
    NodeFull,
}

/// Whether a frame is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKept {
    /// For those who come.
    Yes,
    /// It is too large.
    TooLarge,
    /// Too much is kept.
    NoRoom,
}

/// What became of a frame, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameOutcome {
    /// Whether it was shown.
    pub shown: FrameShown,
    /// Whether it is kept.
    pub kept: FrameKept,
    /// The kept frame of another stream gave way to it.
    pub displaced: bool,
}
