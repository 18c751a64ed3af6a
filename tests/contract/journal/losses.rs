//! What becomes of a run's control when the store may have lost writes. The journal in memory keeps nothing that could.

use runcast::protocol::Cursor;
use runcast::protocol::status::RunStatus;
use runcast::storage::journal::Refusal;

use crate::journal::fixture::*;
use crate::journal::words::*;

fn resets(log: &[String]) -> Vec<usize> {
    let is_reset = |event: &String| event.contains(r#""type":"control_reset""#);
    (1..).zip(log).filter(|(_, event)| is_reset(event)).map(|(seq, _)| seq).collect()
}

pub(crate) async fn control_is_reset_once_in_a_new_epoch_and_defeats_what_was_decided(kind: Kind) {
    let f = kind.open().await;
    f.append("r", vec![post("a", 1..=1), command(1)]).await;
    f.append("plain", vec![says("a", 1, RunStatus::Running)]).await;
    f.append("posted", vec![joins("a", 1, None), command(1)]).await;
    let before = f.head("r").await;
    let Some(f) = f.after_a_loss().await else { return };
    assert_eq!(f.head("r").await.control, before.control, "reading opens no epoch");
    // What stores nothing and decides nothing does not either.
    let again = f.append("r", vec![post("a", 1..=1), command(1), post("b", 7..=7)]).await;
    assert!(again.segments.is_empty() && again.head.tip == before.tip, "{again:?}");

    let decided = f.append("r", vec![decision(2, before.control, None)]).await;
    assert_eq!(decided.outcomes, [Err(Refusal::ControlMoved)]);
    let reset = Some(Cursor { epoch: decided.head.lineage.epoch(), seq: 3 });
    assert!(decided.head.lineage.epoch() > before.lineage.epoch());
    assert_eq!((decided.head.control, decided.head.tip), (reset, 3));
    assert_eq!(decided.head.active_at, before.active_at, "it keeps no run alive");
    assert_eq!(decided.segments.len(), 1);
    assert_eq!(f.head("r").await, decided.head);
    let read = f.journal.read_control(&run("r"), 2, usize::MAX).await.unwrap();
    assert_eq!(
        read.iter().map(|segment| (segment.first(), Some(segment.epoch()))).collect::<Vec<_>>(),
        [(3, decided.head.lineage.epoch())]
    );
    assert_eq!(f.append("r", vec![decision(2, reset, None), post("a", 2..=2)]).await.head.tip, 5);
    assert_eq!(resets(&f.log("r").await), [3], "once");

    let first = f.append("posted", vec![post("a", 2..=2), decision(2, f.head("posted").await.control, None)]).await;
    assert_eq!(first.outcomes[0].as_ref().unwrap().seqs, Some((4, 4)), "behind the reset");
    assert_eq!(first.outcomes[1], Err(Refusal::ControlMoved));
    assert_eq!((resets(&f.log("posted").await), first.head.status), (vec![3], Some(RunStatus::Running)));
    let plain = f.append("plain", vec![decision(1, f.head("plain").await.control, None)]).await;
    assert_eq!(plain.outcomes[0].as_ref().unwrap().seqs, Some((2, 2)), "nobody had steered it");

    // No second one after an instance that lost nothing, and one more after the next loss.
    let f = f.reopened().await;
    f.append("r", vec![post("a", 3..=3)]).await;
    let f = f.after_a_loss().await.unwrap();
    f.append("r", vec![post("a", 4..=4)]).await;
    assert_eq!(resets(&f.log("r").await), [3, 7]);
}

pub(crate) async fn a_decision_stored_before_a_loss_is_still_answered(kind: Kind) {
    let f = kind.open().await;
    f.append("r", vec![decision(1, None, None)]).await;
    f.append("sealed", vec![command(1), seal_post("sealer", 1)]).await;
    let Some(f) = f.after_a_loss().await else { return };
    assert_eq!(f.post("r", decision(1, None, None)).await.unwrap().duplicates, 1);
    assert_eq!(f.post("sealed", decision(2, f.head("sealed").await.control, None)).await, Err(Refusal::RunSealed));
    assert_eq!(f.log("sealed").await.len(), 2, "what is closed is not reset");
    assert_eq!(f.log("r").await.len(), 1);
}
