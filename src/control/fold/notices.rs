//! What producers are told besides commands: that one was taken back, how a question ended. And which of their reports
//! and questions changed nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use super::json::JsonText;
use super::target::CommandTarget;
use crate::protocol::{Cursor, Seq};

/// Most notices, and their bytes, that are kept.
const MAX_NOTICES: usize = 200;
const MAX_NOTICE_BYTES: usize = 512 * 1024;
/// Reports and questions that changed nothing and are remembered, so that the post that had them can be answered.
const MAX_IGNORED: usize = 200;

/// What producers are told.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::control) struct ProducerNotice {
    pub(in crate::control) cursor: Cursor,
    /// For whom it is.
    pub(in crate::control) to: CommandTarget,
    /// The command is taken back; otherwise it is about a question.
    pub(in crate::control) withdraws: bool,
    /// The command that it is, by which a producer acknowledges it.
    pub(in crate::control) command_id: Option<Arc<str>>,
    /// Producers that have acknowledged it.
    pub(in crate::control) is_seen: bool,
    pub(in crate::control) event: JsonText,
}

/// A report, or a question, that changed nothing.
#[derive(Clone, Debug, PartialEq)]
struct IgnoredReport {
    seq: Seq,
    producer: Arc<str>,
    /// The id of the command or the question.
    id: Arc<str>,
}

/// The last notices, and the last reports that changed nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::control) struct Notices {
    all: VecDeque<ProducerNotice>,
    bytes: usize,
    /// The last notice that is not kept any more.
    dropped: Option<Cursor>,
    ignored: VecDeque<IgnoredReport>,
}

impl Notices {
    pub(super) fn add(&mut self, notice: ProducerNotice) {
        self.bytes += notice.event.len();
        self.all.push_back(notice);
        while self.all.len() > MAX_NOTICES || (self.bytes > MAX_NOTICE_BYTES && self.all.len() > 1) {
            let Some(dropped) = self.all.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(dropped.event.len());
            self.dropped = Some(dropped.cursor);
        }
    }

    /// The producer of a question has reported of its answer: it knows. Whether there was such a notice for it.
    pub(super) fn acknowledge(&mut self, producer: &str, command_id: &str) -> bool {
        let of_it = |notice: &&mut ProducerNotice| {
            notice.command_id.as_deref() == Some(command_id) && notice.to.producer().is_some_and(|to| &**to == producer)
        };
        match self.all.iter_mut().find(of_it) {
            Some(notice) => {
                notice.is_seen = true;
                true
            }
            None => false,
        }
    }

    pub(in crate::control) fn iter(&self) -> impl Iterator<Item = &ProducerNotice> {
        self.all.iter()
    }

    /// Whether a notice behind `after` is not kept any more.
    pub(in crate::control) fn lacks_behind(&self, after: Cursor) -> bool {
        self.dropped.is_some_and(|dropped| dropped.seq > after.seq)
    }

    pub(super) fn ignore(&mut self, seq: Seq, producer: &Arc<str>, id: &Arc<str>) {
        self.ignored.push_back(IgnoredReport { seq, producer: producer.clone(), id: id.clone() });
        if self.ignored.len() > MAX_IGNORED {
            self.ignored.pop_front();
        }
    }

    /// The commands and questions that a producer spoke of between two seqs without changing anything.
    pub(in crate::control) fn ignored(&self, producer: &str, (first, last): (Seq, Seq)) -> Vec<Arc<str>> {
        let of_post =
            self.ignored.iter().filter(|report| (first..=last).contains(&report.seq) && &*report.producer == producer);
        of_post.map(|report| report.id.clone()).collect()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.bytes + self.all.len() * (size_of::<ProducerNotice>() + 64) + self.ignored.len() * 256
    }
}
