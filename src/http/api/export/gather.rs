//! What an export is made of: the run's state, all its tests, and lines of its log.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use super::super::super::edge::Responses;
use super::super::super::problem::{Problem, responses_saturated};
use super::super::super::rooms::Rooms;
use super::super::runs::state_of;
use crate::actors::messages::room::{Freshness, ReadFrom};
use crate::budget::Held;
use crate::protocol::state_part::MAX_PAGE_TESTS;
use crate::protocol::{After, RunId, StatePart, TestsQuery};
use crate::report::{ReportPage, ReportRun, ReportTest, readable};
use crate::tasks::spawn_blocking;

/// Bytes of the log that are read at once.
const PAGE_BYTES: usize = 1024 * 1024;
/// Longest line that is shown, in characters.
const MAX_LINE: usize = 2_000;

/// The state of a run, as its routes answer. Its memory counts among that of responses.
pub(super) struct ExportState {
    /// The overview.
    pub(super) overview: String,
    /// The pages of its tests.
    pub(super) pages: Vec<String>,
    _held: Held,
}

/// Where the next page begins.
#[derive(Deserialize)]
struct PageEnd {
    next: usize,
    more: bool,
}

/// A `log` event, as far as a page shows it.
#[derive(Deserialize)]
struct LogLine<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default, borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    message: Option<Cow<'a, str>>,
}

fn unreadable(error: impl std::fmt::Display) -> Problem {
    Problem::unavailable("state_unavailable", error.to_string())
}

impl ExportState {
    /// Asks the run's room for it.
    pub(super) async fn gather(rooms: &Rooms, responses: &Responses, run: &RunId) -> Result<Self, Problem> {
        let mut held = responses.budget.hold();
        let overview = text_of(rooms, responses, run, StatePart::Overview, &mut held).await?;
        let (mut pages, mut after) = (Vec::new(), 0);
        loop {
            let query = TestsQuery { after, limit: MAX_PAGE_TESTS, ..TestsQuery::default() };
            let page = text_of(rooms, responses, run, StatePart::Tests(query), &mut held).await?;
            let end: PageEnd = serde_json::from_str(&page).map_err(unreadable)?;
            pages.push(page);
            if !end.more || end.next <= after {
                return Ok(Self { overview, pages, _held: held });
            }
            after = end.next;
        }
    }

    /// Calls `work` with the run and all its tests, on a thread that may wait: there may be 50,000.
    pub(super) async fn report<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&ReportRun, &[ReportTest<'_>]) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let state = self.clone();
        spawn_blocking("export_report", move || state.with(work)).await.map_err(unreadable)?
    }

    fn with<T>(&self, work: impl FnOnce(&ReportRun, &[ReportTest<'_>]) -> T) -> Result<T, Problem> {
        let run: ReportRun = serde_json::from_str(&self.overview).map_err(unreadable)?;
        let mut tests = Vec::new();
        for page in &self.pages {
            let page: ReportPage<'_> = serde_json::from_str(page).map_err(unreadable)?;
            tests.extend(page.tests);
        }
        Ok(work(&run, &tests))
    }
}

async fn text_of(
    rooms: &Rooms,
    responses: &Responses,
    run: &RunId,
    part: StatePart,
    held: &mut Held,
) -> Result<String, Problem> {
    let (text, _) = state_of(rooms, responses, run, &part).await?;
    if !held.grow(text.len()) {
        return Err(responses_saturated());
    }
    String::from_utf8(text.share().concat()).map_err(unreadable)
}

/// The last lines of a run's log, and whether there are lines before them: those of the last `events` events.
pub(super) async fn last_lines(rooms: &Rooms, run: &RunId, events: u64) -> Result<(Vec<String>, bool), Problem> {
    let (mut lines, mut from, mut first) = (Vec::new(), ReadFrom::After(After::Last(events)), None);
    loop {
        let (page, _) = rooms.read(run, from, PAGE_BYTES, Freshness::AsStored).await?;
        for segment in &page.segments {
            first.get_or_insert(segment.first());
            for event in segment.lines().iter() {
                let Ok(line) = serde_json::from_slice::<LogLine<'_>>(event) else { continue };
                if line.r#type == "log" {
                    let text = line.text.or(line.message).unwrap_or_default();
                    let text = readable(text.trim_end());
                    lines.extend(text.lines().map(|line| line.chars().take(MAX_LINE).collect()));
                }
            }
        }
        let Some(last) = page.segments.last() else { return Ok((lines, first.is_some_and(|first| first > 1))) };
        if last.last() >= page.tip {
            return Ok((lines, first.is_some_and(|first| first > 1)));
        }
        from = ReadFrom::Place(crate::protocol::cursor::Place { epoch: page.epoch, next: last.last() + 1 });
    }
}
