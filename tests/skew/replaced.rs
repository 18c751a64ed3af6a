//! A cluster whose nodes are replaced one by one, there and back, under viewers and a producer.

use super::formats::same_in_a_cluster;
use super::previous::Previous;
use super::support::{Cluster, TestNode, Viewer, numbered};
use super::{PRESENT, mixed};

const RUN: &str = "rolling";

/// A run that grows while nodes come and go.
struct Story {
    viewers: Vec<Viewer>,
    posted: Vec<String>,
}

impl Story {
    async fn begin(node: &TestNode) -> Self {
        let mut story = Self { viewers: Vec::new(), posted: Vec::new() };
        story.post(node).await;
        for _ in 0..4 {
            story.viewers.push(Viewer::join(node, RUN).await);
        }
        story
    }

    async fn post(&mut self, node: &TestNode) {
        let first = self.posted.len() + 1;
        let lines = numbered(first as u64, 25, 200);
        let number = first.to_string();
        let headers = [("runcast-producer", "p"), ("runcast-producer-seq", number.as_str())];
        let reply = node.post_ndjson(RUN, &lines, &headers).await;
        assert_eq!(reply.status, 202, "{reply:?}");
        self.posted.extend(lines);
    }

    /// Drains the node while everybody watches there and the other one is posted to; they go on at the other one.
    async fn drain(&mut self, mut going: TestNode, staying: &TestNode) {
        going.ask_to_stop();
        self.post(staying).await;
        for viewer in &mut self.viewers {
            viewer.until("the word that it drains", |viewer| !viewer.told("draining").is_empty()).await;
        }
        // Half of them go when they are told to, the others when they are closed.
        let (some, others) = self.viewers.split_at_mut(2);
        for viewer in some {
            viewer.vanish();
            viewer.may_reconnect(staying).await;
        }
        for viewer in others {
            viewer.until("the end", |viewer| viewer.closed.is_some()).await;
            assert_eq!(viewer.closed, Some(1012));
            viewer.may_reconnect(staying).await;
        }
        going.ended().await.assert_clean(false);
        self.post(staying).await;
        self.everybody_has_everything().await;
    }

    async fn everybody_has_everything(&mut self) {
        for viewer in &mut self.viewers {
            viewer.until_events(self.posted.len()).await;
            assert_eq!(viewer.texts(), self.posted);
            assert!(viewer.told("reset").is_empty() && viewer.told("gap").is_empty(), "{:?}", viewer.said);
        }
    }
}

#[tokio::test]
async fn nodes_are_upgraded_one_by_one_and_rolled_back_and_every_viewer_has_every_event_once() {
    let objects = tempfile::tempdir().unwrap();
    let mut cluster = mixed(objects.path()).await;
    let mut story = Story::begin(&cluster.nodes[0]).await;

    let old = cluster.nodes.remove(0);
    story.drain(old, &cluster.nodes[0]).await;
    assert_eq!(cluster.nodes[0].stored(RUN).await, story.posted);

    cluster.add_build(PRESENT.as_ref());
    let upgraded = cluster.nodes.remove(0);
    story.drain(upgraded, &cluster.nodes[0]).await;

    if same_in_a_cluster() {
        cluster.add_build(Previous::get().program());
        let newest = cluster.nodes.remove(0);
        story.drain(newest, &cluster.nodes[0]).await;
        assert_eq!(cluster.nodes[0].stored(RUN).await, story.posted);
    } else {
        refuses(&cluster);
        story.post(&cluster.nodes[0]).await;
        story.everybody_has_everything().await;
    }
}

/// The version before does not start on stores whose format it does not know, and says which one that is.
fn refuses(cluster: &Cluster) {
    let exit = TestNode::refused(Previous::get().program(), &cluster.settings());
    assert_eq!(exit.code, Some(64), "{}", exit.log);
    assert!(exit.log.contains("and the newest that this build of runcast knows is"), "{}", exit.log);
}
