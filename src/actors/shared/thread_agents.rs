//! The thread agents of all worker threads. Each thread writes its own: when it starts, and when it ends. Heartbeat,
//! presence, the edge and the drain read them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::actors::messages::thread_agent::ThreadAgentPort;

/// See the module. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct ThreadAgents(Arc<Mutex<ThreadAgentList>>);

#[derive(Debug, Default)]
struct ThreadAgentList {
    /// With their threads' numbers.
    agents: Vec<(u64, ThreadAgentPort)>,
    /// Number of the next thread.
    next: u64,
}

/// One thread's entry. It goes with the thread, so that nobody waits for an agent whose thread has ended.
#[derive(Debug)]
#[must_use = "the thread is forgotten when it is dropped"]
pub struct ThreadAgentEntry {
    list: ThreadAgents,
    thread: u64,
}

impl ThreadAgents {
    fn list(&self) -> MutexGuard<'_, ThreadAgentList> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more thread has begun.
    pub fn add(&self, thread_agent: ThreadAgentPort) -> ThreadAgentEntry {
        let mut list = self.list();
        let thread = list.next;
        list.next += 1;
        list.agents.push((thread, thread_agent));
        ThreadAgentEntry { list: self.clone(), thread }
    }

    /// Those of the threads that run by now.
    pub fn all(&self) -> Vec<ThreadAgentPort> {
        self.list().agents.iter().map(|(_, thread_agent)| thread_agent.clone()).collect()
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

impl Drop for ThreadAgentEntry {
    fn drop(&mut self) {
        self.list.list().agents.retain(|(thread, _)| *thread != self.thread);
    }
}
