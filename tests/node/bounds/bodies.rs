//! Bodies: what they decode to is counted before it is there.

use futures_util::future::join_all;

use super::{Bound, MIB};
use crate::support::{Dice, SOON, TestNode, eventually, gzip, zstd};

#[tokio::test]
async fn coded_bodies_take_no_more_than_the_bodies_may_however_much_they_decode_to() {
    let (budget, batch, threads) = (16 * MIB, 8 * MIB, 2);
    let node = TestNode::start(&[
        ("RUNCAST__SERVER__WORKERS", &threads.to_string()),
        ("RUNCAST__INGEST__INFLIGHT_BYTES", &budget.to_string()),
        ("RUNCAST__INGEST__MAX_BATCH_BYTES", &batch.to_string()),
    ]);
    // About eight mebibytes each, a thirteenth of them by chance. What is stored would count elsewhere, so the last
    // byte is wrong.
    let mut dice = Dice::new(9);
    let mut line = || {
        let chance: String = (0..500).map(|_| format!("{:016x}", dice.roll())).collect();
        format!("{{\"type\":\"log\",\"text\":\"{chance}{}\"", "x".repeat(100_000))
    };
    let mut body = (0..75).map(|_| line() + "}\n").collect::<String>();
    body.push_str(&line());
    for (coding, body) in [("gzip", gzip(body.as_bytes())), ("zstd", zstd(body.as_bytes()))] {
        let bound = Bound::new(&node, budget + threads * batch);
        let headers = [("Content-Type", "application/x-ndjson"), ("Content-Encoding", coding)];
        for _ in 0..3 {
            let answers = join_all((0..40).map(|_| node.post("/api/runs/r/events", &headers, body.clone()))).await;
            for answer in answers {
                assert!(matches!(answer.status, 400 | 503), "{answer:?}");
            }
            bound.holds();
        }
        eventually!(node.metric("runcast_ingest_bytes").await, |bytes| *bytes == 0.0, SOON);
        assert_eq!(node.post("/api/runs/r/events", &headers, body).await.status, 400, "one alone has its room");
    }
}
