//! Children on demand, as a registry keeps them: `spawn` and a policy, no supervisor.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, MessageResult, WrapFuture};
use runcast::actors::supervision::{Child, ChildKind, Exit, History, LiveActorGuard, Policy, RestartDecision, spawn};

use crate::toy::*;

/// Finds and makes toys by name.
struct Registry {
    factory: Factory,
    policy: Policy,
    toys: HashMap<&'static str, Addr<Toy>>,
    histories: HashMap<&'static str, History>,
    exits: Vec<Exit>,
    born: Instant,
    _live: LiveActorGuard,
}

#[derive(Clone, Copy)]
struct Join(&'static str);

impl Message for Join {
    type Result = Result<Addr<Toy>, Refusal>;
}

#[derive(Debug, PartialEq)]
enum Refusal {
    Quarantined { for_ms: u64 },
    Ended(Exit),
}

struct ListExits;

impl Message for ListExits {
    type Result = Vec<Exit>;
}

impl Actor for Registry {
    type Context = Context<Self>;
}

impl Handler<ListExits> for Registry {
    type Result = MessageResult<ListExits>;

    fn handle(&mut self, _: ListExits, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.exits.clone())
    }
}

impl Handler<Join> for Registry {
    type Result = Result<Addr<Toy>, Refusal>;

    fn handle(&mut self, Join(name): Join, ctx: &mut Self::Context) -> Self::Result {
        if let Some(toy) = self.toys.get(name) {
            return Ok(toy.clone());
        }
        let now = self.now_ms();
        if let Some(until) = self.histories.get(name).and_then(|history| history.quarantined_until(now)) {
            return Err(Refusal::Quarantined { for_ms: until - now });
        }
        let Child { addr, done } = match spawn("toy", 16, |_, lifeline| self.factory.build(name, lifeline)) {
            Ok(child) => child,
            Err(exit) => {
                self.ended(name, exit.clone());
                return Err(Refusal::Ended(exit));
            }
        };
        ctx.spawn(done.into_actor(self).map(move |exit, this, _| this.ended(name, exit)));
        self.toys.insert(name, addr.clone());
        Ok(addr)
    }
}

impl Registry {
    fn now_ms(&self) -> u64 {
        self.born.elapsed().as_millis() as u64
    }

    fn ended(&mut self, name: &'static str, exit: Exit) {
        let now = self.now_ms();
        self.toys.remove(name);
        let decision = self.policy.decide(self.histories.entry(name).or_default(), &exit, now, 1.0);
        assert!(matches!(decision, RestartDecision::Done | RestartDecision::Quarantine { .. }), "{decision:?}");
        self.histories.retain(|_, history| !history.is_quiet(&self.policy, now));
        self.exits.push(exit);
    }
}

fn registry(factory: &Factory, policy: Policy) -> Child<Registry> {
    let (factory, alive) = (factory.clone(), factory.live_actors.enter("registry"));
    let (toys, histories, exits, born) = (HashMap::new(), HashMap::new(), Vec::new(), Instant::now());
    spawn("registry", 16, |_, _| Ok(Registry { factory, policy, toys, histories, exits, born, _live: alive })).unwrap()
}

/// Injures the toy `name` and waits until the registry knows.
async fn injure(registry: &Addr<Registry>, name: &'static str, injury: Injury) -> Exit {
    let before = registry.send(ListExits).await.unwrap().len();
    let toy = registry.send(Join(name)).await.unwrap().unwrap();
    let _ = toy.send(Injure(injury)).await;
    eventually(before + 1, async || registry.send(ListExits).await.unwrap().len()).await;
    registry.send(ListExits).await.unwrap().remove(before)
}

async fn number(registry: &Addr<Registry>, name: &'static str) -> Result<usize, Refusal> {
    Ok(registry.send(Join(name)).await.unwrap()?.send(Number).await.unwrap())
}

#[actix_web::test]
async fn after_any_injury_the_next_join_builds_a_new_struct() {
    for (injury, exit) in injuries() {
        let factory = Factory::default();
        let registry = registry(&factory, Policy::transient());
        assert_eq!(number(&registry.addr, "ada").await, Ok(1));
        assert_eq!(injure(&registry.addr, "ada", injury).await, exit);
        assert_eq!(factory.built.get(), 1, "{injury:?}: nobody asked for it yet");
        assert_eq!(number(&registry.addr, "ada").await, Ok(2), "{injury:?}");
    }
}

#[actix_web::test]
async fn a_child_that_cannot_start_is_tried_again_by_the_next_join() {
    for (birth, exit) in
        [(Birth::Refused, Exit::StartFailed("out of parts".to_owned())), (Birth::PanicsWhenBuilt, panicked())]
    {
        let factory = Factory::default();
        factory.births.borrow_mut().push_back(birth);
        let registry = registry(&factory, Policy::transient());
        assert_eq!(number(&registry.addr, "ada").await, Err(Refusal::Ended(exit)));
        assert_eq!(number(&registry.addr, "ada").await, Ok(2));
    }
}

#[actix_web::test]
async fn a_child_that_ends_as_it_should_is_never_quarantined() {
    let factory = Factory::default();
    let registry = registry(&factory, Policy::transient());
    for _ in 0..10 {
        assert_eq!(injure(&registry.addr, "ada", Injury::Stop).await, Exit::Stopped);
    }
    assert_eq!(number(&registry.addr, "ada").await, Ok(11));
}

#[actix_web::test]
async fn a_flapping_child_is_quarantined_and_its_sibling_is_not() {
    let factory = Factory::default();
    let policy = Policy { backoff_ms: 60_000, backoff_max_ms: 60_000, ..Policy::transient() };
    let registry = registry(&factory, policy);
    for injury in [Injury::PanicInHandler, Injury::Fail, Injury::PanicInFuture] {
        injure(&registry.addr, "ada", injury).await;
    }
    match number(&registry.addr, "ada").await {
        Err(Refusal::Quarantined { for_ms }) => assert!((1..=60_000).contains(&for_ms), "{for_ms}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(factory.built.get(), 3);
    assert_eq!(number(&registry.addr, "bob").await, Ok(4));
}

#[actix_web::test]
async fn after_the_quarantine_the_child_is_built_again() {
    let factory = Factory::default();
    let registry = registry(&factory, quick(ChildKind::Transient, 0));
    assert_eq!(injure(&registry.addr, "ada", Injury::PanicInHandler).await, panicked());
    let begun = Instant::now();
    eventually(Ok(2), async || number(&registry.addr, "ada").await).await;
    assert!(begun.elapsed() >= Duration::from_millis(1), "{:?}", begun.elapsed());
}

#[actix_web::test]
async fn children_do_not_outlive_their_parent() {
    let factory = Factory::default();
    let registry = registry(&factory, Policy::transient());
    let toys = (registry.addr.send(Join("ada")).await.unwrap(), registry.addr.send(Join("bob")).await.unwrap());
    assert_eq!(factory.live_actors.living()["toy"], 2);
    registry.done.stop_handle().stop();
    registry.done.await;
    factory.live_actors.emptied(SOON).await.unwrap();
    drop(toys);
}
