//! Runs seeds, and makes a failing one's schedule as short as it can be.

use std::any::Any;
use std::cell::Cell;
use std::env;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::schedule::{Kind, Setup, Step, plan};
use crate::trace::{self, Tally};
use crate::world::World;

thread_local! {
    /// Panics are findings here, reported once the schedule is short.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a schedule to its end and to rest; what went wrong, if anything did.
fn run(setup: Setup, steps: &[Step]) -> Result<(), String> {
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(setup);
        for step in steps {
            world.step(*step);
            world.check_bounds();
        }
        world.come_to_rest();
        world.empty();
    }));
    QUIET.set(false);
    outcome.map_err(|panic| text(panic.as_ref()))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Takes steps out of a failing schedule, in ever smaller pieces, for as long as it still fails.
fn shrink(setup: Setup, mut steps: Vec<Step>) -> Vec<Step> {
    let mut piece = steps.len().div_ceil(2);
    while piece > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + piece).min(steps.len()));
            if run(setup, &fewer).is_err() {
                steps = fewer;
                shorter = true;
            } else {
                from += piece;
            }
        }
        if !(shorter && piece == 1) {
            piece /= 2;
        }
    }
    steps
}

/// A failing seed's report.
fn report(kind: Kind, seed: u64) -> String {
    let (setup, steps) = plan(kind, seed);
    let first = run(setup, &steps).err().unwrap_or_default();
    let short = shrink(setup, steps);
    trace::listen(true);
    let what = run(setup, &short).err().unwrap_or_default();
    let lines = trace::lines();
    trace::listen(false);
    let mut report = format!("{kind:?}, seed {seed}: {first}\nshrunk to {} steps: {what}\n{setup:?}\n", short.len());
    for line in &lines {
        let _ = writeln!(report, "  {line}");
    }
    report
}

fn from_env(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// Runs `seeds` seeds (or as the environment says) on all cores; what they met. Panics with the report of the first
/// that fails.
pub(crate) fn all(kind: Kind, seeds: u64) -> Tally {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info)
            }
        }));
    });
    let (from, to) = match from_env("RUNCAST_SIM_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, from_env("RUNCAST_SIM_SEEDS").unwrap_or(seeds)),
    };
    let (next, failed) = (AtomicU64::new(from), AtomicBool::new(false));
    let began = Instant::now();
    let work = || {
        let mut worst = None;
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= to {
                break;
            }
            let (setup, steps) = plan(kind, seed);
            if run(setup, &steps).is_err() {
                failed.store(true, Ordering::Relaxed);
                worst = Some(seed);
            }
        }
        (worst, trace::tally())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let found: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a run's panics are caught")).collect()
    });
    let tried = next.into_inner().min(to) - from;
    eprintln!("{kind:?}: {tried} seeds, {:.0} per second", tried as f64 / began.elapsed().as_secs_f64());
    if let Some(seed) = found.iter().filter_map(|(worst, _)| *worst).min() {
        panic!("{}", report(kind, seed));
    }
    let mut met = Tally::new();
    for (what, count) in found.into_iter().flat_map(|(_, tally)| tally) {
        *met.entry(what).or_default() += count;
    }
    eprintln!("{kind:?} met {met:?}");
    met
}

/// Checks that the seeds together met all of `what`, unless only some were asked for.
pub(crate) fn must_have_met(met: &Tally, what: &[&str]) {
    if from_env("RUNCAST_SIM_SEED").is_none() && from_env("RUNCAST_SIM_SEEDS").is_none() {
        let missed: Vec<_> = what.iter().filter(|what| !met.contains_key(**what)).collect();
        assert!(missed.is_empty(), "never met: {missed:?} of {met:?}");
    }
}
