//! What was seen on the screens of the recorded workers: pictures, and when each was there. Pure: which of them are to
//! be posted follows from what viewers look at.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use super::DemoError;
use super::obedience::SLOTS;
use super::question::DemoQuestion;
use crate::cli::producer::{FrameUpload, ScreenHints};

const INDEX: &[u8] = include_bytes!("../../demo/screens.json");
const PICTURES: &[u8] = include_bytes!("../../demo/screens.bin");

/// The media type of the pictures.
pub(super) const PICTURE: &str = "image/webp";

/// A screen that stands still is shown anew so often to those who look at it.
const ANEW: Duration = Duration::from_secs(20);

/// A picture, and when it came on a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// When it came, since the recording's start.
    offset: Duration,
    /// Of which of the workers' places it is the screen.
    slot: usize,
    /// The test that is seen.
    test: String,
    width: u32,
    height: u32,
    /// The picture.
    pub(super) picture: Bytes,
}

impl Frame {
    /// It, as it is posted on a stream.
    pub(super) fn upload<'a>(&'a self, stream: &'a str) -> FrameUpload<'a> {
        let Self { width, height, test, picture, .. } = self;
        let (width, height) = (*width, *height);
        FrameUpload { stream, content_type: PICTURE, test, width, height, content: picture.clone() }
    }
}

/// What was seen of the recorded runs.
#[derive(Debug)]
pub(super) struct Screens {
    /// The frames of the run that passes, and of the one that fails, in the order of their times.
    pub(super) passed: Vec<Frame>,
    pub(super) failed: Vec<Frame>,
    pub(super) question: DemoQuestion,
}

/// The bundled screens.
///
/// # Errors
/// Never: a test reads them.
pub(super) fn bundled_screens() -> Result<Screens, DemoError> {
    /// Milliseconds since the run's start, the slot, the number of the picture, the test.
    type Shown = (u64, usize, usize, String);
    #[derive(Deserialize)]
    struct Index {
        width: u32,
        height: u32,
        /// The length of each picture, in bytes.
        images: Vec<usize>,
        question: DemoQuestion,
        passed: Vec<Shown>,
        failed: Vec<Shown>,
    }
    let wrong = |reason: &str| DemoError::Screens(reason.to_owned());
    let Index { width, height, images, question, passed, failed } =
        serde_json::from_slice(INDEX).map_err(|error| wrong(&error.to_string()))?;
    let mut rest = Bytes::from_static(PICTURES);
    let cut = |bytes| (rest.len() >= bytes).then(|| rest.split_to(bytes));
    let pictures: Vec<Bytes> =
        images.into_iter().map(cut).collect::<Option<_>>().ok_or_else(|| wrong("a picture is cut off"))?;
    let frames = |shown: Vec<Shown>| {
        let frame = |(at, slot, picture, test): Shown| {
            let picture: &Bytes = pictures.get(picture).filter(|_| slot < SLOTS)?;
            Some(Frame { offset: Duration::from_millis(at), slot, test, width, height, picture: picture.clone() })
        };
        let frames: Option<Vec<Frame>> = shown.into_iter().map(frame).collect();
        frames.ok_or_else(|| wrong("a frame has no picture, or no place"))
    };
    Ok(Screens { passed: frames(passed)?, failed: frames(failed)?, question })
}

/// What is on the screens now, and what of it was posted.
#[derive(Debug)]
pub(super) struct Display<'a> {
    /// The frames that come.
    coming: &'a [Frame],
    slots: [Seen<'a>; SLOTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen<'a> {
    frame: Option<&'a Frame>,
    /// When it was posted; `None`: it was not.
    posted: Option<Instant>,
}

impl<'a> Display<'a> {
    /// Screens that show nothing yet.
    pub(super) fn new(frames: &'a [Frame]) -> Self {
        Self { coming: frames, slots: [Seen::default(); SLOTS] }
    }

    /// When the next picture comes, since the recording's start.
    pub(super) fn next(&self) -> Option<Duration> {
        self.coming.first().map(|frame| frame.offset)
    }

    /// Shows what has come until then.
    pub(super) fn advance(&mut self, elapsed: Duration) {
        while let Some((frame, coming)) = self.coming.split_first()
            && frame.offset <= elapsed
        {
            self.coming = coming;
            self.slots[frame.slot] = Seen { frame: Some(frame), posted: None };
        }
    }

    /// The picture of a test that is on a screen.
    pub(super) fn of_test(&self, test: &str) -> Option<&'a Frame> {
        self.slots.iter().filter_map(|seen| seen.frame).find(|frame| frame.test == test)
    }

    /// What is to be posted, with its stream, because somebody looks at it and has not seen it, or long ago. It counts
    /// as posted.
    pub(super) fn take_wanted(
        &mut self,
        hints: &ScreenHints,
        producer: &str,
        now: Instant,
    ) -> Vec<(String, &'a Frame)> {
        let mut wanted = Vec::new();
        for (slot, seen) in self.slots.iter_mut().enumerate() {
            let stream = format!("{producer}/{slot}");
            let looks = hints.wall || hints.screens.iter().any(|screen| *screen == stream || screen == "auto");
            let is_due = seen.posted.is_none_or(|posted| now.duration_since(posted) >= ANEW);
            if let Some(frame) = seen.frame.filter(|_| looks && is_due && hints.watched != Some(false)) {
                seen.posted = Some(now);
                wanted.push((stream, frame));
            }
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(screens: &[&str]) -> ScreenHints {
        let screens = screens.iter().map(|screen| (*screen).to_owned()).collect();
        ScreenHints { watched: Some(true), screens, ..ScreenHints::default() }
    }

    #[test]
    fn the_bundled_screens_are_small_pictures_of_both_workers() {
        let screens = bundled_screens().unwrap();
        assert!(PICTURES.len() < 500_000, "{} bytes", PICTURES.len());
        for frames in [&screens.passed, &screens.failed] {
            assert!(frames.len() > 20 && frames.is_sorted_by_key(|frame| frame.offset));
            for slot in 0..SLOTS {
                assert!(frames.iter().any(|frame| frame.slot == slot), "worker {slot} has no screen");
            }
            for frame in frames {
                assert!(frame.picture.starts_with(b"RIFF") && &frame.picture[8..12] == b"WEBP", "{:?}", frame.offset);
            }
            assert!(frames.iter().any(|frame| frame.test == screens.question.test), "the test that asks is seen");
        }
    }

    #[test]
    fn what_somebody_looks_at_is_posted_once_and_again_when_it_stands_still() {
        let frame = |at, slot| Frame {
            offset: Duration::from_millis(at),
            slot,
            test: format!("t{at}"),
            width: 1,
            height: 1,
            picture: Bytes::new(),
        };
        let frames = [frame(10, 0), frame(20, 1), frame(30, 0)];
        let mut display = Display::new(&frames);
        let now = Instant::now();
        let take = |display: &mut Display<'_>, hints: &ScreenHints, secs| -> Vec<String> {
            let wanted = display.take_wanted(hints, "p", now + Duration::from_secs(secs));
            wanted.into_iter().map(|(stream, frame)| format!("{stream} {}", frame.test)).collect()
        };
        assert_eq!(display.next(), Some(Duration::from_millis(10)));
        display.advance(Duration::from_millis(20));
        assert!(take(&mut display, &hints(&[]), 0).is_empty(), "nobody looks");
        assert_eq!(take(&mut display, &hints(&["p/1"]), 0), ["p/1 t20"]);
        assert_eq!(take(&mut display, &hints(&["auto"]), 1), ["p/0 t10"], "the other was seen");
        assert!(take(&mut display, &hints(&["p/0", "p/1"]), 2).is_empty());
        display.advance(Duration::from_secs(9));
        assert_eq!((display.next(), display.of_test("t10"), display.of_test("t30").is_some()), (None, None, true));
        let unwatched = ScreenHints { watched: Some(false), wall: true, ..ScreenHints::default() };
        assert!(take(&mut display, &unwatched, 3).is_empty());
        assert_eq!(take(&mut display, &ScreenHints { watched: None, ..unwatched }, 3), ["p/0 t30"]);
        assert_eq!(take(&mut display, &hints(&["p/1"]), 20), ["p/1 t20"], "it stands still");
    }
}
