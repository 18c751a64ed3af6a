//! The recipe of a supervised child: which service it provides, how to build it, what to do when it ends.

use std::fmt;
use std::rc::Rc;

use actix::{Actor, Context};

use super::{Done, Exit, Lifeline, Policy, Service, spawn};

/// How to build a child, any number of times, and whom to tell where it is.
#[derive(Clone)]
pub struct ChildSpec {
    /// What to do when it ends.
    pub policy: Policy,
    factory: Rc<dyn ChildFactory>,
}

impl ChildSpec {
    /// A child that the node cannot be without. `build` makes a new actor each time, with the mailbox of `service`,
    /// which is bound to it while it is alive. The child is known by the service's name.
    pub fn permanent<A, F>(service: &Service<A>, build: F) -> Self
    where
        A: Actor<Context = Context<A>>,
        F: Fn(&mut Context<A>, Lifeline) -> Result<A, String> + 'static,
    {
        Self { policy: Policy::permanent(), factory: Rc::new(ServiceChildFactory { service: service.clone(), build }) }
    }

    /// The same child under other rules.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The child's name: a log field and a metric label.
    pub fn name(&self) -> &'static str {
        self.factory.name()
    }

    /// Asks that the child has not answered: see [`Service::pending`].
    pub fn pending(&self) -> usize {
        self.factory.pending()
    }

    /// Builds the child, runs it on this thread and binds its service to it.
    pub fn start(&self) -> Result<Done, Exit> {
        self.factory.start()
    }

    /// Unbinds the service: who asks hears that the child is away.
    pub fn unbind(&self) {
        self.factory.unbind();
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec").field("name", &self.name()).field("policy", &self.policy).finish()
    }
}

/// A recipe without the type of its actor, so that children of all types stand in one list.
trait ChildFactory {
    fn name(&self) -> &'static str;
    fn pending(&self) -> usize;
    fn start(&self) -> Result<Done, Exit>;
    fn unbind(&self);
}

struct ServiceChildFactory<A: Actor, F> {
    service: Service<A>,
    build: F,
}

impl<A, F> ChildFactory for ServiceChildFactory<A, F>
where
    A: Actor<Context = Context<A>>,
    F: Fn(&mut Context<A>, Lifeline) -> Result<A, String>,
{
    fn name(&self) -> &'static str {
        self.service.name()
    }

    fn pending(&self) -> usize {
        self.service.pending()
    }

    fn start(&self) -> Result<Done, Exit> {
        let child = spawn(self.name(), self.service.mailbox(), &self.build)?;
        self.service.bind(child.addr);
        Ok(child.done)
    }

    fn unbind(&self) {
        self.service.unbind();
    }
}
