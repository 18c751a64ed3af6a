//! Several real nodes with one Redis, reached through a proxy that can fail, and one PostgreSQL.

use std::path::Path;

use super::{FaultProxy, Postgres, RedisServer, TestNode};

/// A running cluster. Dropping it stops everything.
pub(crate) struct Cluster {
    // Fields drop in this order: nodes drain while Redis still answers.
    pub(crate) nodes: Vec<TestNode>,
    pub(crate) proxy: FaultProxy,
    pub(crate) redis: RedisServer,
    settings: Vec<(String, String)>,
}

impl Cluster {
    /// Starts nodes with a Redis that keeps everything in an append-only file.
    pub(crate) async fn start(nodes: usize) -> Self {
        Self::start_with(nodes, &[("appendonly", "yes"), ("appendfsync", "always")], &[]).await
    }

    /// Starts nodes with these lines of Redis configuration and these settings (`RUNCAST__SECTION__KEY`).
    pub(crate) async fn start_with(nodes: usize, redis: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let redis = RedisServer::start_with(redis).await;
        let proxy = FaultProxy::start(redis.address()).await;
        let mut all = vec![
            ("REDIS_URL".to_owned(), format!("redis://{}", proxy.address())),
            ("DATABASE_URL".to_owned(), Postgres::shared().await.database().await),
        ];
        all.extend(settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let mut cluster = Self { nodes: Vec::new(), proxy, redis, settings: all };
        for _ in 0..nodes {
            cluster.add_node();
        }
        cluster
    }

    /// The URL of the nodes' database.
    pub(crate) fn database(&self) -> &str {
        let setting = self.settings.iter().find(|(key, _)| key == "DATABASE_URL");
        setting.map_or("", |(_, url)| url.as_str())
    }

    /// Adds a node.
    pub(crate) fn add_node(&mut self) {
        self.add_node_with(&[]);
    }

    /// Adds a node with further settings.
    pub(crate) fn add_node_with(&mut self, own: &[(&str, &str)]) {
        let settings = [self.settings(), own.to_vec()].concat();
        self.nodes.push(TestNode::start_to_stay(&settings));
    }

    /// Adds a node of another build.
    pub(crate) fn add_build(&mut self, program: &Path) {
        self.nodes.push(TestNode::start_build(program, &self.settings()));
    }

    /// What every node is started with.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}
