//! An actor that can be injured, and what the tests need around it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture, Running, WrapFuture};
use runcast::actors::supervision::{
    Child, ChildKind, ChildSpec, Escalated, Escalation, Exit, Lifeline, LiveActorGuard, LiveActors, Policy, Service,
    TemporaryActor, spawn,
};
use runcast::actors::supervisor::Supervisor;

/// Long enough for anything that is going to happen.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// Waits until `probe` gives `wanted`; shows the last value otherwise.
pub(crate) async fn eventually<T: PartialEq + Debug>(wanted: T, mut probe: impl AsyncFnMut() -> T) {
    let deadline = Instant::now() + SOON;
    loop {
        let seen = probe().await;
        if seen == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "still {seen:?}, never {wanted:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) fn panicked() -> Exit {
    Exit::Panicked("ouch 7".to_owned())
}

pub(crate) fn failed() -> Exit {
    Exit::Failed("out of toys".to_owned())
}

/// A policy that waits little, and forgets nothing during a test.
pub(crate) fn quick(kind: ChildKind, max_restarts: usize) -> Policy {
    Policy { kind, backoff_ms: 20, backoff_max_ms: 40, max_restarts, window_secs: 3_600 }
}

/// How the next toy comes into the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Birth {
    Healthy,
    PanicsInStarted,
    PanicsWhenBuilt,
    Refused,
    /// Does not stop when told to.
    Stubborn,
}

/// Where toys are made, one like another; it remembers, the toys do not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Factory {
    pub(crate) live_actors: LiveActors,
    /// The next ones; healthy when there is none.
    pub(crate) births: Rc<RefCell<VecDeque<Birth>>>,
    /// How many were begun.
    pub(crate) built: Rc<Cell<usize>>,
    /// Names of those whose `stopped` ran, in that order.
    pub(crate) stopped: Rc<RefCell<Vec<&'static str>>>,
}

impl Factory {
    pub(crate) fn build(&self, name: &'static str, lifeline: Lifeline) -> Result<Toy, String> {
        self.built.set(self.built.get() + 1);
        let birth = self.births.borrow_mut().pop_front().unwrap_or(Birth::Healthy);
        match birth {
            Birth::PanicsWhenBuilt => panic!("ouch {}", 7),
            Birth::Refused => return Err("out of parts".to_owned()),
            _ => {}
        }
        let (number, alive) = (self.built.get(), self.live_actors.enter("toy"));
        Ok(Toy { name, number, sum: 0, birth, lifeline, stopped: self.stopped.clone(), _live: alive })
    }

    pub(crate) fn child(&self, service: &Service<Toy>) -> ChildSpec {
        let (factory, name) = (self.clone(), service.name());
        ChildSpec::permanent(service, move |_, lifeline| factory.build(name, lifeline))
    }
}

pub(crate) struct Toy {
    name: &'static str,
    number: usize,
    sum: u32,
    birth: Birth,
    lifeline: Lifeline,
    stopped: Rc<RefCell<Vec<&'static str>>>,
    _live: LiveActorGuard,
}

impl Actor for Toy {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        assert!(self.birth != Birth::PanicsInStarted, "ouch {}", 7);
    }

    fn stopping(&mut self, _: &mut Self::Context) -> Running {
        if self.birth == Birth::Stubborn { Running::Continue } else { Running::Stop }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.stopped.borrow_mut().push(self.name);
    }
}

/// A supervisor of these children, and who hears that the node must go.
pub(crate) fn supervise(children: Vec<ChildSpec>, live_actors: &LiveActors) -> (Child<Supervisor>, Escalated) {
    let (escalation, escalated) = Escalation::new();
    let live = live_actors.enter("supervisor");
    (spawn("supervisor", 16, |_, _| Ok(Supervisor::new(children, escalation, live))).unwrap(), escalated)
}

impl TemporaryActor for Toy {
    const NAME: &'static str = "toy";
}

macro_rules! message {
    ($(#[$doc:meta])* $name:ident $(($field:ty))? -> $result:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name $((pub(crate) $field))?;

        impl Message for $name {
            type Result = $result;
        }
    };
}

message!(/// Adds to the sum; answers with it.
    Add(u32) -> u32);
message!(/// Which toy of the factory this is.
    Number -> usize);
message!(/// Never answered.
    Ponder -> ());
message!(/// Hurts the toy.
    Injure(Injury) -> ());

#[derive(Clone, Copy, Debug)]
pub(crate) enum Injury {
    PanicInHandler,
    PanicInFuture,
    Fail,
    Stop,
}

/// What each injury leads to.
pub(crate) fn injuries() -> [(Injury, Exit); 4] {
    [
        (Injury::PanicInHandler, panicked()),
        (Injury::PanicInFuture, panicked()),
        (Injury::Fail, failed()),
        (Injury::Stop, Exit::Stopped),
    ]
}

impl Handler<Add> for Toy {
    type Result = u32;

    fn handle(&mut self, Add(more): Add, _: &mut Self::Context) -> u32 {
        self.sum += more;
        self.sum
    }
}

impl Handler<Number> for Toy {
    type Result = usize;

    fn handle(&mut self, _: Number, _: &mut Self::Context) -> usize {
        self.number
    }
}

impl Handler<Ponder> for Toy {
    type Result = actix::ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Ponder, _: &mut Self::Context) -> Self::Result {
        Box::pin(std::future::pending().into_actor(self))
    }
}

impl Handler<Injure> for Toy {
    type Result = ();

    fn handle(&mut self, Injure(injury): Injure, ctx: &mut Self::Context) {
        match injury {
            Injury::PanicInHandler => panic!("ouch {}", 7),
            Injury::PanicInFuture => {
                let bang: ResponseFuture<()> = Box::pin(async { panic!("ouch {}", 7) });
                ctx.spawn(bang.into_actor(self));
            }
            Injury::Fail => {
                self.lifeline.fail(ctx, "out of toys");
                self.lifeline.fail(ctx, "and more");
            }
            Injury::Stop => ctx.stop(),
        }
    }
}
