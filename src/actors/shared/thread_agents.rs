//! The thread agents of all worker threads. Each thread writes its own when it starts; heartbeat, presence, the edge and
//! the drain read them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::actors::messages::thread_agent::ThreadAgentPort;

/// See the module. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct ThreadAgents(Arc<Mutex<Vec<ThreadAgentPort>>>);

impl ThreadAgents {
    /// One more thread has begun.
    pub fn add(&self, thread_agent: ThreadAgentPort) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(thread_agent);
    }

    /// Those known by now.
    pub fn all(&self) -> Vec<ThreadAgentPort> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks each the same; `None` unless all answer.
    pub async fn ask<T>(&self, ask: impl Fn(&ThreadAgentPort, oneshot::Sender<T>) -> bool) -> Option<Vec<T>> {
        let mut answers = Vec::new();
        for thread_agent in self.all() {
            let (reply, answer) = oneshot::channel();
            if !ask(&thread_agent, reply) {
                return None;
            }
            answers.push(answer);
        }
        futures_util::future::try_join_all(answers).await.ok()
    }
}
