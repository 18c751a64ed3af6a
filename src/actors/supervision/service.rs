//! The stable address of a supervised actor: it stays good when the actor is built anew.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use actix::dev::{Request, SendError};
use actix::{Actor, Addr, Context, Handler, Message};

/// Why a message was not handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many messages wait as may. It was not accepted; nothing happened.
    #[error("too many requests wait")]
    Full,
    /// The actor is not there: not started yet, being restarted, or gone for good. An ask may have been accepted, even
    /// handled, before the actor went: only its answer is certain to be missing.
    #[error("temporarily away")]
    Away,
}

/// The address of whatever instance of `A` is alive. Clones are the same service; `Send` and `Sync`.
///
/// It holds one [`Addr`] and never clones it to send a message, because actix gives every clone of an address a place
/// of its own in the mailbox: a message per clone is a mailbox without bound.
pub struct Service<A: Actor>(Arc<Binding<A>>);

struct Binding<A: Actor> {
    name: &'static str,
    mailbox: usize,
    addr: RwLock<Option<Addr<A>>>,
    /// Asks accepted and not yet answered; at most `mailbox`.
    pending: AtomicUsize,
}

impl<A: Actor<Context = Context<A>>> Service<A> {
    /// A service that nobody provides yet. Of messages told, `mailbox` may wait; so many asks may be unanswered.
    pub fn new(name: &'static str, mailbox: usize) -> Self {
        let mailbox = mailbox.max(1);
        Self(Arc::new(Binding { name, mailbox, addr: RwLock::new(None), pending: AtomicUsize::new(0) }))
    }

    /// The name given.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The bound given: the mailbox of an actor that provides this service.
    pub fn mailbox(&self) -> usize {
        self.0.mailbox
    }

    /// Messages go to `addr` from now on.
    pub fn bind(&self, addr: Addr<A>) {
        self.0.rebind(Some(addr));
    }

    /// Nobody provides the service from now on.
    pub fn unbind(&self) {
        self.0.rebind(None);
    }

    /// Whether somebody provides the service.
    pub fn is_up(&self) -> bool {
        self.0.addr().as_ref().is_some_and(Addr::connected)
    }

    /// Asks accepted and not yet answered: those in the mailbox and those whose answer the actor still works on.
    /// Messages told are not counted: actix does not say how many wait.
    pub fn pending(&self) -> usize {
        self.0.pending.load(Ordering::Relaxed)
    }

    /// Tells the actor something, without waiting for anything. Accepted does not mean handled.
    pub fn try_send<M>(&self, msg: M) -> Result<(), Refused>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.0.tell(msg)
    }

    /// Asks the actor something and waits for the answer, which it may take any time over; whoever asks sets a
    /// deadline. Dropping the future takes the question back if it was not handled yet.
    pub async fn ask<M>(&self, msg: M) -> Result<M::Result, Refused>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.0.ask(msg).await
    }

    /// The part of this service that understands `M`, for those who must not know which actor does.
    pub fn recipient<M>(&self) -> ServiceRecipient<M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        ServiceRecipient(self.0.clone())
    }
}

impl<A: Actor<Context = Context<A>>> Binding<A> {
    // A lock is never poisoned in a way that matters here: the address is replaced whole.
    fn addr(&self) -> RwLockReadGuard<'_, Option<Addr<A>>> {
        self.addr.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rebind(&self, addr: Option<Addr<A>>) {
        *self.addr.write().unwrap_or_else(PoisonError::into_inner) = addr;
    }

    fn tell<M>(&self, msg: M) -> Result<(), Refused>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        match self.addr().as_ref().ok_or(Refused::Away)?.try_send(msg) {
            Ok(()) => Ok(()),
            Err(SendError::Full(_)) => Err(Refused::Full),
            Err(SendError::Closed(_)) => Err(Refused::Away),
        }
    }

    async fn ask<M>(&self, msg: M) -> Result<M::Result, Refused>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        // `Addr::send` never waits for room: when the mailbox is full it clones the address and is accepted. So asks
        // are bounded here.
        let _pending = PendingAsk::enter(&self.pending, self.mailbox)?;
        let request = self.request(msg)?;
        request.await.map_err(|_| Refused::Away)
    }

    fn request<M>(&self, msg: M) -> Result<Request<A, M>, Refused>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Ok(self.addr().as_ref().ok_or(Refused::Away)?.send(msg))
    }
}

/// One unanswered ask.
struct PendingAsk<'a>(&'a AtomicUsize);

impl<'a> PendingAsk<'a> {
    fn enter(pending: &'a AtomicUsize, most: usize) -> Result<Self, Refused> {
        let admit = |count| (count < most).then_some(count + 1);
        let entered = pending.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admit);
        entered.map(|_| Self(pending)).map_err(|_| Refused::Full)
    }
}

impl Drop for PendingAsk<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<A: Actor> Clone for Service<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: Actor> fmt::Debug for Service<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Service").field(&self.0.name).finish()
    }
}

/// A [`Service`] as one message sees it: what `actix::Recipient` is to an `Addr`.
pub struct ServiceRecipient<M: Message>(Arc<dyn Reach<M>>);

impl<M: Message> ServiceRecipient<M> {
    /// As [`Service::try_send`].
    pub fn try_send(&self, msg: M) -> Result<(), Refused> {
        self.0.tell(msg)
    }

    /// As [`Service::ask`].
    pub async fn ask(&self, msg: M) -> Result<M::Result, Refused> {
        self.0.ask(msg).await
    }
}

impl<M: Message> Clone for ServiceRecipient<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Message> fmt::Debug for ServiceRecipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServiceRecipient").field(&self.0.name()).finish()
    }
}

type AnswerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refused>> + Send + 'a>>;

trait Reach<M: Message>: Send + Sync {
    fn name(&self) -> &'static str;
    fn tell(&self, msg: M) -> Result<(), Refused>;
    fn ask(&self, msg: M) -> AnswerFuture<'_, M::Result>;
}

impl<A, M> Reach<M> for Binding<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn tell(&self, msg: M) -> Result<(), Refused> {
        Self::tell(self, msg)
    }

    fn ask(&self, msg: M) -> AnswerFuture<'_, M::Result> {
        Box::pin(Self::ask(self, msg))
    }
}
