//! How the root learns that the node must go.

use tokio::sync::watch;

use super::Done;

/// Tells the root. Clones tell the same one, from any thread; the first reason counts.
#[derive(Clone, Debug)]
pub struct Escalation(watch::Sender<Option<String>>);

/// What the root waits for.
#[derive(Debug)]
pub struct Escalated(watch::Receiver<Option<String>>);

impl Escalation {
    /// An escalation, and who is told.
    pub fn new() -> (Self, Escalated) {
        let (tell, told) = watch::channel(None);
        (Self(tell), Escalated(told))
    }

    /// The node must go, for this reason.
    pub fn tell(&self, reason: String) {
        self.0.send_if_modified(|told| {
            let first = told.is_none();
            told.get_or_insert(reason);
            first
        });
    }

    /// Waits for the end of a child that nobody brings back, and tells it.
    pub async fn tell_end(&self, child: &str, done: Done) {
        let exit = done.await;
        self.tell(format!("{child} {exit}"));
    }
}

impl Escalated {
    /// Why the node must go, once it must. Never, when nobody can tell it any more.
    pub async fn reason(&mut self) -> String {
        let told = self.0.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
        match told {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_counts_whoever_tells_it() {
        let (escalation, mut escalated) = Escalation::new();
        escalation.clone().tell("one".to_owned());
        escalation.tell("two".to_owned());
        drop(escalation);
        assert_eq!(escalated.reason().await, "one");
        assert_eq!(escalated.reason().await, "one");
    }
}
