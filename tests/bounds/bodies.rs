//! Bodies: what they decode to is counted before it is there.

use futures_util::future::join_all;

use super::support::{SOON, TestNode, eventually, gzip, zstd};
use super::{Bound, MIB};

#[tokio::test]
async fn coded_bodies_take_no_more_than_the_bodies_may_however_much_they_decode_to() {
    let budget = 8 * MIB;
    let node = TestNode::start(&[("RUNCAST__INGEST__INFLIGHT_BYTES", &budget.to_string())]);
    // Four mebibytes each; what is stored would count elsewhere, so the last byte is wrong.
    let text = format!("{{\"type\":\"log\",\"text\":\"{}\"", "x".repeat(200_000));
    let body = [vec![format!("{text}}}"); 19].join("\n"), text].join("\n");
    for (coding, body) in [("gzip", gzip(body.as_bytes())), ("zstd", zstd(body.as_bytes()))] {
        let bound = Bound::new(&node, budget);
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
