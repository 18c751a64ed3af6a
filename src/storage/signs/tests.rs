//! The signs of a single node, by a clock that the test sets.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

const HOUR: i64 = 3_600_000;

/// Signs whose clock is off by as much as is set, in milliseconds.
fn signs(times: SignTimes) -> (Signs, Arc<AtomicI64>) {
    let off = Arc::new(AtomicI64::new(0));
    let by = off.clone();
    let wall = move || Timestamp::now().plus_millis(by.load(Ordering::SeqCst));
    (Signs::in_memory(Clock::external(wall, Duration::from_secs(3_600)), times), off)
}

fn times() -> SignTimes {
    SignTimes { ttl: Duration::from_secs(60), tell_every: Duration::from_secs(1), socket: Duration::from_secs(60) }
}

fn run() -> RunId {
    RunId::parse("r").unwrap()
}

fn ann() -> Sign {
    Sign::Subject("ann".into())
}

async fn seen(signs: &Signs, sign: &Sign) -> Seen {
    let seen = signs.seen(&run(), std::slice::from_ref(sign)).await;
    assert_eq!((seen.len(), &seen[0].0), (1, sign));
    seen[0].1
}

async fn seen_at(signs: &Signs, sign: &Sign) -> Timestamp {
    match seen(signs, sign).await {
        Seen::At(at) => at,
        Seen::Unknown => panic!("unknown"),
    }
}

/// Until the clock shows another millisecond.
async fn tick() -> Timestamp {
    let now = Timestamp::now();
    while Timestamp::now() <= now {
        tokio::task::yield_now().await;
    }
    Timestamp::now()
}

#[tokio::test]
async fn whoever_was_never_seen_counts_from_the_start_of_the_node() {
    let before = Timestamp::now();
    let (signs, _) = signs(times());
    let after = tick().await;
    let at = seen_at(&signs, &ann()).await;
    assert!(at >= before && at < after);
    tick().await;
    assert_eq!(seen_at(&signs, &ann()).await, at, "and from nothing later");
    let touched = tick().await;
    signs.touch(&run(), ann());
    assert!(seen_at(&signs, &ann()).await >= touched);
    assert_eq!(seen_at(&signs, &Sign::Producer("ann".into())).await, at);
}

#[tokio::test]
async fn nothing_is_known_while_the_clock_has_jumped_and_afterwards_it_begins_anew() {
    let (signs, off) = signs(times());
    signs.touch(&run(), ann());
    for jump in [2 * HOUR, -2 * HOUR] {
        off.store(jump, Ordering::SeqCst);
        assert_eq!(seen(&signs, &ann()).await, Seen::Unknown);
        signs.touch(&run(), ann());
        off.store(0, Ordering::SeqCst);
        let back = tick().await;
        assert!(seen_at(&signs, &ann()).await >= back);
    }
    off.store(2 * HOUR, Ordering::SeqCst);
    assert_eq!(seen(&signs, &ann()).await, Seen::Unknown);
    signs.0.clock.accept();
    assert!(
        seen_at(&signs, &ann()).await >= tick().await.plus_millis(2 * HOUR - 1_000),
        "an operator says it is right"
    );
}

#[tokio::test]
async fn a_small_step_of_the_clock_makes_nobody_silent() {
    let (signs, off) = signs(times());
    signs.touch(&run(), ann());
    for step in [600_000, 0, -600_000] {
        off.store(step, Ordering::SeqCst);
        let now = Timestamp::now().plus_millis(step);
        let at = seen_at(&signs, &ann()).await;
        assert!(at >= now && at <= now.plus_millis(5_000), "{step}: {at} {now}");
    }
}

#[tokio::test]
async fn an_open_socket_is_a_sign_for_a_time() {
    let (signs, _) = signs(SignTimes { socket: Duration::from_millis(300), ..times() });
    let subject = Arc::from("ann");
    let guard = signs.open_socket(&run(), &subject);
    let opened = tick().await;
    signs.keep_once().await;
    assert!(seen_at(&signs, &ann()).await >= opened);
    // Its time is over: nothing renews it any more, until its owner does something.
    let idle = async || {
        let before = Timestamp::now();
        signs.keep_once().await;
        seen_at(&signs, &ann()).await < before
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !idle().await {
            tick().await;
        }
    });
    waited.await.unwrap();
    signs.touch(&run(), ann());
    let touched = tick().await;
    signs.keep_once().await;
    assert!(seen_at(&signs, &ann()).await >= touched);
    drop(guard);
    let closed = tick().await;
    signs.keep_once().await;
    assert!(seen_at(&signs, &ann()).await < closed);
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_counts_from_the_start() {
    let (signs, _) = signs(SignTimes { ttl: Duration::from_millis(1), ..times() });
    let start = seen_at(&signs, &ann()).await;
    signs.touch(&run(), ann());
    tick().await;
    tick().await;
    signs.keep_once().await;
    assert_eq!(signs.state().heard.count(), 0);
    assert_eq!(seen_at(&signs, &ann()).await, start);
}
