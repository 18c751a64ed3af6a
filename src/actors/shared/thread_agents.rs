//! The thread agents of all worker threads. Each thread adds its own when it starts and removes it when it ends.
//! Heartbeat, presence, the edge and the drain read the list.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::actors::messages::thread_agent::ThreadAgentPort;

/// The shared list of thread agents. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct ThreadAgents(Arc<Mutex<ThreadAgentList>>);

#[derive(Debug, Default)]
struct ThreadAgentList {
    /// The agents with the numbers of their threads.
    agents: Vec<(u64, ThreadAgentPort)>,
    /// Number of the next thread.
    next: u64,
}

/// A thread's entry in the list. It is removed with the thread, so that no caller waits for an agent whose thread has
/// ended.
#[derive(Debug)]
#[must_use = "the thread is forgotten when it is dropped"]
pub struct ThreadAgentEntry {
    list: ThreadAgents,
    thread: u64,
}

impl ThreadAgents {
    fn list(&self) -> MutexGuard<'_, ThreadAgentList> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the agent of a new thread.
    pub fn add(&self, thread_agent: ThreadAgentPort) -> ThreadAgentEntry {
        let mut list = self.list();
        let thread = list.next;
        list.next += 1;
        list.agents.push((thread, thread_agent));
        ThreadAgentEntry { list: self.clone(), thread }
    }

    /// The agents of the threads that run now.
    pub fn all(&self) -> Vec<ThreadAgentPort> {
        self.list().agents.iter().map(|(_, thread_agent)| thread_agent.clone()).collect()
    }

    /// Sends the same question to each agent; `None` unless all of them answer.
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
