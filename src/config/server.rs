//! What follows from the section `server`.

use std::num::NonZero;

use super::ServerConfig;

impl ServerConfig {
    /// Generates a name for this process of the node, unless one is configured.
    pub fn name_node(&mut self) {
        if self.node_id.is_empty() {
            self.node_id = format!("node-{}", &uuid::Uuid::now_v7().simple().to_string()[20..]);
        }
    }

    /// The value of `workers`, or the number of cores if it is 0.
    pub fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            workers => workers,
        }
    }
}
