//! Rings on the other nodes when something was revoked, so that they look at once. Like every bell it may be lost: nodes
//! look by themselves, too.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;
use tracing::debug;

use super::redis::{RedisClient, RedisCommand};

/// The bell of a node. Cloning shares it.
#[derive(Clone)]
pub struct RevocationBell(Arc<BellState>);

struct BellState {
    rung: Notify,
    /// `None`: there are no other nodes.
    others: Option<OtherNodes>,
}

struct OtherNodes {
    client: RedisClient,
    channel: String,
    /// This node, which does not listen to itself.
    node: String,
}

impl RevocationBell {
    /// The bell of a single node, which nobody else hears.
    pub fn of_one() -> Self {
        Self(Arc::new(BellState { rung: Notify::new(), others: None }))
    }

    /// The bell that all nodes hear whose names begin with `prefix` in this Redis.
    pub fn in_redis(client: RedisClient, prefix: &str, node: &str) -> Self {
        let others = OtherNodes { client, channel: format!("{prefix}:revocations"), node: node.to_owned() };
        Self(Arc::new(BellState { rung: Notify::new(), others: Some(others) }))
    }

    /// The channel on which it rings.
    pub fn channel(&self) -> Option<&str> {
        self.0.others.as_ref().map(|others| others.channel.as_str())
    }

    /// Rings on the other nodes.
    pub async fn ring(&self) {
        let Some(OtherNodes { client, channel, node }) = &self.0.others else { return };
        let publish = RedisCommand::new("PUBLISH").arg(channel).arg(node);
        if let Err(error) = client.call(publish).await {
            debug!(%error, "the other nodes were not told that something was revoked: they find it when they next look");
        }
    }

    /// Another node has rung, or may have.
    pub fn hear(&self) {
        self.0.rung.notify_one();
    }

    /// Resolves when it has rung since the last time.
    pub async fn heard(&self) {
        self.0.rung.notified().await;
    }
}

impl fmt::Debug for RevocationBell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationBell").field("channel", &self.channel()).finish()
    }
}
