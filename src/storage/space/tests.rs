use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const MIB: u64 = 1 << 20;

/// A disk of which 100 MiB have to stay free, and what is free on it.
fn disk(free: u64) -> (Disk, Arc<AtomicU64>) {
    let free = Arc::new(AtomicU64::new(free));
    let told = free.clone();
    (disk_that_says(move |_| told.load(Ordering::Relaxed)), free)
}

/// The same that says by itself what is free; it is told its reservations.
fn disk_that_says(free: impl Fn(&SharedReservations) -> u64 + Send + Sync + 'static) -> Disk {
    let reservations = Arc::<SharedReservations>::default();
    let own = reservations.clone();
    Disk(Arc::new(DiskState {
        path: "d".into(),
        keep: 100 * MIB,
        reservations,
        free: Box::new(move |_| Ok(free(&own))),
    }))
}

fn reserved(disk: &Disk) -> u64 {
    *locked(&disk.0.reservations.reserved)
}

fn is_full<T>(reserved: io::Result<T>) -> bool {
    reserved.is_err_and(|error| error.kind() == ErrorKind::StorageFull && error.to_string().contains("have to be"))
}

#[test]
fn ten_at_a_time_do_not_pass_together() {
    let (disk, _) = disk(150 * MIB);
    let begun: Vec<_> = (0..10).map(|_| disk.reserve_now(20 * MIB)).collect();
    assert_eq!(begun.iter().filter(|reserved| reserved.is_ok()).count(), 2);
    assert!(begun.into_iter().skip(2).all(is_full), "and all that was reserved is given back here");
    assert!(disk.reserve_now(50 * MIB).is_ok());
    assert!(is_full(disk.reserve_now(50 * MIB + 1)));
}

#[test]
fn of_ten_who_ask_a_slow_disk_at_the_same_moment_as_many_pass_as_fit() {
    let slow = |_: &SharedReservations| {
        std::thread::yield_now();
        150 * MIB
    };
    let (disk, begin) = (disk_that_says(slow), Barrier::new(10));
    let ask = || {
        begin.wait();
        disk.reserve_now(20 * MIB)
    };
    let asked: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!((asked.iter().filter(|one| one.is_ok()).count(), reserved(&disk)), (2, 40 * MIB));
    drop(asked);
    assert_eq!(reserved(&disk), 0);
}

#[test]
fn who_gives_back_does_not_wait_for_a_disk_that_hangs() {
    // While the system is asked.
    let disk = disk_that_says(|reservations| {
        assert!(reservations.reserved.try_lock().is_ok());
        150 * MIB
    });
    let mut one = disk.reserve_now(20 * MIB).unwrap();
    for _ in 0..30 {
        one.write_now(MIB).unwrap();
    }
    drop(one);
    assert_eq!(reserved(&disk), 0);
}

#[test]
fn the_example_of_the_module() {
    let (disk, _) = disk(500 * MIB);
    let mut one = disk.reserve_now(40 * MIB).unwrap();
    for _ in 0..10 {
        one.write_now(MIB).unwrap();
    }
    let numbers = [one.granted, one.written, one.held, one.asked_at, reserved(&disk)];
    assert_eq!(numbers, [40, 10, 32, 7, 32].map(|mib| mib * MIB));
    let asks = [4, 5, 30, 31].map(|more| one.next_ask(more * MIB));
    assert_eq!(asks, [Ask::Nothing, Ask::WhetherItLasts, Ask::WhetherItLasts, Ask::More(MIB)]);
    one.end();
    assert_eq!((one.held, reserved(&disk)), (0, 0));
}

#[test]
fn what_is_written_is_counted_once() {
    let (disk, free) = disk(150 * MIB);
    let mut one = disk.reserve_now(40 * MIB).unwrap();
    for _ in 0..40 {
        one.write_now(MIB).unwrap();
        free.fetch_sub(MIB, Ordering::Relaxed);
    }
    // The last bytes may be on their way.
    assert!(is_full(disk.reserve_now(9 * MIB)));
    one.end();
    assert!(disk.reserve_now(10 * MIB).is_ok() && is_full(disk.reserve_now(10 * MIB + 1)));
}

#[test]
fn what_does_not_say_its_size_is_asked_for_step_by_step() {
    let (disk, free) = disk(120 * MIB);
    let (mut one, mut two) = (disk.reserve_now(0).unwrap(), disk.reserve_now(0).unwrap());
    one.write_now(1).unwrap();
    two.write_now(1).unwrap();
    assert_eq!(reserved(&disk), 2 * STEP);
    // No whole step is left: what is needed now still is.
    for written in 0..20 {
        let passed = one.write_now(MIB);
        assert_eq!(passed.is_ok(), written < 10, "{written}: {passed:?}");
        if passed.is_ok() {
            free.fetch_sub(MIB, Ordering::Relaxed);
        }
    }
    drop(one);
    assert_eq!(reserved(&disk), STEP);
}

#[test]
fn what_others_have_overtaken_ends_at_its_next_step_and_leaves_the_rest_to_others() {
    let (disk, free) = disk(300 * MIB);
    let mut begun = [disk.reserve_now(90 * MIB).unwrap(), disk.reserve_now(90 * MIB).unwrap()];
    free.fetch_sub(60 * MIB, Ordering::Relaxed); // the journal
    let ended = begun[0].write_now(STEP);
    assert!(is_full(ended));
    let [one, mut two] = begun;
    drop(one);
    for _ in 0..90 {
        two.write_now(MIB).unwrap();
        free.fetch_sub(MIB, Ordering::Relaxed);
    }
    drop(two);
    assert_eq!(reserved(&disk), 0);
}

#[test]
fn paths_on_one_file_system_share_what_is_reserved() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("below")).unwrap();
    let (one, two) = (Disk::of(home.path(), 1).unwrap(), Disk::of(&home.path().join("below"), 1).unwrap());
    assert!(one.is_before_the_same_as(&two));
    assert!(!one.is_before_the_same_as(&Disk::of(Path::new("/proc"), 1).unwrap()));
    let held = one.reserve_now(MIB).unwrap();
    assert!(reserved(&two) >= MIB);
    drop(held);
}

#[test]
fn nothing_is_checked_where_nothing_has_to_stay_free() {
    let disk = Disk::of(Path::new("/proc"), 0).unwrap();
    let mut reserved = disk.reserve_now(u64::MAX).unwrap();
    assert!(reserved.write_now(100 * MIB).is_ok() && disk.reserve_now(u64::MAX).is_ok());
}
