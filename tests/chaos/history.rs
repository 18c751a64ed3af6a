//! What must hold of all that producers and viewers saw, given the log as it is in the end.

use std::collections::HashMap;

use crate::producer::History;
use crate::watcher::{Watched, digest};

/// That the log is what the producers were told, and nothing else: every acknowledged event once, at the seq that the
/// answer named, each producer's in its order, and a post that began after another one's answer behind it.
pub(crate) fn check_producers(run: &str, log: &[String], histories: &[&History]) {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for (index, event) in log.iter().enumerate() {
        assert!(positions.insert(event, index + 1).is_none(), "{run}: twice in the log: {event}");
    }
    let mut acknowledged = 0;
    let mut spans = Vec::new();
    for history in histories {
        let mut last = 0;
        for post in &history.posts {
            acknowledged += post.lines.len();
            let position = |line: &String| {
                *positions.get(line.as_str()).unwrap_or_else(|| panic!("{run}: acknowledged and lost: {line}"))
            };
            let seqs: Vec<_> = post.lines.iter().map(position).collect();
            assert!(seqs.is_sorted() && seqs[0] > last, "{run}: out of order: {:?} at {seqs:?}", post.lines);
            if let Some(first) = post.first {
                let told = first as usize;
                assert!(seqs.iter().copied().eq(told..told + seqs.len()), "{run}: told {told}, is at {seqs:?}");
                spans.push((post.sent, post.acknowledged, seqs[0], seqs[seqs.len() - 1]));
            }
            last = seqs[seqs.len() - 1];
        }
    }
    // What else there is is about steering.
    let posted = log.iter().filter(|event| event.starts_with(r#"{"type":"log","#)).count();
    assert_eq!(posted, acknowledged, "{run}: events in the log, and acknowledged ones");

    let mut by_end: Vec<_> = spans.iter().map(|(_, end, _, last)| (*end, *last)).collect();
    by_end.sort();
    let newest = by_end.iter().scan(0, |newest, (_, last)| {
        *newest = *last.max(newest);
        Some(*newest)
    });
    let newest: Vec<_> = newest.collect();
    for (sent, _, first, _) in spans {
        let before = by_end.partition_point(|(end, _)| *end < sent);
        let newest = before.checked_sub(1).map_or(0, |index| newest[index]);
        assert!(newest < first, "{run}: {newest} was acknowledged before the post of {first} was sent");
    }
}

/// That a viewer has the log, and was told of no loss, because there was none.
pub(crate) fn check_viewer(run: &str, log: &[String], viewer: &Watched) {
    assert!(viewer.losses.is_empty(), "{run}: told of losses: {:?}", viewer.losses);
    let wrong = log.iter().zip(&viewer.seen).position(|(event, seen)| digest(event) != *seen);
    if let Some(index) = wrong {
        panic!("{run}: a viewer saw another event {} than {}", index + 1, log[index]);
    }
    assert_eq!(viewer.seen.len(), log.len(), "{run}");
}
