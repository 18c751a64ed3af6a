use super::*;
use crate::protocol::ScreenChoice;

const MIB: usize = 1 << 20;

fn limits(bytes_per_sec: usize) -> ScreenSharing {
    ScreenSharing { bytes_per_sec, kept_bytes: 64 * MIB, keep: Duration::from_secs(60) }
}

fn run() -> RunId {
    RunId::parse("r").unwrap()
}

fn frame(stream: &str, byte: u8, bytes: usize) -> ShowScreen {
    let stream = StreamId::parse(stream).unwrap();
    ShowScreen { stream, at: Timestamp::from_millis(byte.into()), frame: vec![byte; bytes].into() }
}

fn looks(of: &[&str]) -> Arc<Interest> {
    let mut all = Interest::default();
    of.iter().for_each(|of| all.add(&ScreenChoice::checked(of, None, None).unwrap()));
    all.into()
}

/// The shipments on any way but that of keeping, by stream and first byte.
fn sent(shipments: &[Shipment]) -> Vec<(&str, u8)> {
    let sent = shipments.iter().filter(|shipment| shipment.way != Way::Kept);
    sent.map(|shipment| (shipment.stream.as_str(), shipment.frame[0])).collect()
}

fn kept(shipments: &[Shipment]) -> Vec<(&str, u8)> {
    let kept = shipments.iter().filter(|shipment| shipment.way == Way::Kept);
    kept.map(|shipment| (shipment.stream.as_str(), shipment.frame[0])).collect()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_newest_frame_of_a_stream_goes_five_times_a_second_and_is_kept_once() {
    let start = Instant::now();
    let mut pacing = Pacing::new(limits(4 * MIB), start);
    let mut took = (Vec::new(), Vec::new());
    for tick in 0..100u64 {
        let now = start + millis(20 * tick);
        pacing.offer(run(), frame("p/0", tick as u8, 1_000), now);
        let (shipments, _) = pacing.next(now, |_| Some(looks(&["p/0"])));
        took.0.extend(sent(&shipments).iter().map(|(_, byte)| *byte));
        took.1.extend(kept(&shipments).iter().map(|(_, byte)| *byte));
    }
    assert_eq!(took.0, (0..100).step_by(10).collect::<Vec<u8>>());
    assert_eq!(took.1, [0, 50]);
    // The last one goes when its time has come.
    let (shipments, later) = pacing.next(start + millis(1_999), |_| Some(looks(&["p/0"])));
    assert_eq!((shipments.len(), later), (0, Some(start + millis(2_000))));
    let (shipments, _) = pacing.next(start + millis(2_000), |_| Some(looks(&["p/0"])));
    assert_eq!((sent(&shipments), kept(&shipments)), (vec![("p/0", 99)], vec![("p/0", 99)]));
    assert_eq!((pacing.waiting_bytes, pacing.take_dropped()), (0, 0));
}

#[test]
fn nothing_goes_where_nobody_looks_and_what_came_shortly_before_somebody_did_goes_then() {
    let start = Instant::now();
    let mut pacing = Pacing::new(limits(4 * MIB), start);
    pacing.offer(run(), frame("p/0", 1, 1_000), start);
    assert_eq!(sent(&pacing.next(start, |_| None).0), []);
    assert_eq!(sent(&pacing.next(start + millis(900), |_| Some(looks(&["p/1"]))).0), []);
    assert_eq!(sent(&pacing.next(start + millis(2_000), |_| Some(looks(&["auto"]))).0), [("p/0", 1)]);
    assert_eq!(sent(&pacing.next(start + millis(3_000), |_| Some(looks(&["auto"]))).0), []);
    pacing.offer(run(), frame("p/0", 2, 1_000), start + millis(4_000));
    assert_eq!(sent(&pacing.next(start + millis(9_000), |_| None).0), []);
    let (shipments, _) = pacing.next(start + millis(9_500), |_| Some(looks(&["auto"])));
    assert_eq!(sent(&shipments), [], "it is kept, for who joins");
    assert_eq!(pacing.next(start + Duration::from_secs(70), |_| None), (vec![], None));
    assert_eq!((pacing.streams.len(), pacing.waiting_bytes, pacing.kept_bytes), (0, 0, 0));
}

#[test]
fn a_wall_is_shown_each_stream_once_a_second_and_a_wish_for_fewer_frames_is_obeyed() {
    let start = Instant::now();
    let mut pacing = Pacing::new(limits(4 * MIB), start);
    let choice = ScreenChoice::checked("p/0", Some(2), None).unwrap();
    let mut interest = Interest::of(&choice);
    interest.add(&ScreenChoice::checked("wall", None, None).unwrap());
    let interest = Arc::new(interest);
    let mut counts = HashMap::new();
    for tick in 0..200u64 {
        let now = start + millis(20 * tick);
        for stream in ["p/0", "p/1", "p/2"] {
            pacing.offer(run(), frame(stream, 0, 1_000), now);
        }
        for (stream, _) in sent(&pacing.next(now, |_| Some(interest.clone())).0) {
            *counts.entry(stream.to_owned()).or_insert(0) += 1;
        }
    }
    let count = |stream: &str| counts[stream];
    assert_eq!((count("p/0"), count("p/1"), count("p/2")), (8, 4, 4));
}

#[test]
fn what_does_not_fit_is_overtaken_and_what_is_looked_at_goes_first() {
    let start = Instant::now();
    let per_sec = 100_000;
    let mut pacing = Pacing::new(limits(per_sec), start);
    let (mut bytes, mut named, mut others, mut dropped) = (0, 0, 0, 0);
    for tick in 0..500u64 {
        let now = start + millis(20 * tick);
        for stream in ["p/0", "p/1", "p/2", "p/3", "p/4", "p/5"] {
            pacing.offer(run(), frame(stream, 0, 30_000), now);
        }
        let (shipments, later) = pacing.next(now, |_| Some(looks(&["p/0", "wall"])));
        assert!(later.is_some_and(|later| later > now));
        bytes += shipments.iter().map(|shipment| shipment.frame.len()).sum::<usize>();
        for (stream, _) in sent(&shipments) {
            *(if stream == "p/0" { &mut named } else { &mut others }) += 1;
        }
        dropped += pacing.take_dropped();
    }
    assert!(bytes <= 11 * per_sec + 30_000, "{bytes} in ten seconds");
    assert!(named >= 30 && named > 3 * others, "{named} of the one that is looked at, {others} of five others");
    assert!(dropped > 100);
}

#[test]
fn large_frames_are_not_kept_and_what_is_kept_is_bounded() {
    let start = Instant::now();
    let mut pacing = Pacing::new(ScreenSharing { kept_bytes: 250_000, ..limits(64 * MIB) }, start);
    pacing.offer(run(), frame("large", 0, MAX_KEPT_BYTES + 1), start);
    for stream in ["p/0", "p/1", "p/2"] {
        pacing.offer(run(), frame(stream, 0, 100_000), start);
    }
    let (shipments, _) = pacing.next(start, |_| Some(looks(&["off"])));
    assert_eq!((kept(&shipments).len(), pacing.kept_bytes), (2, 200_000));
    // A frame that takes the place of another takes its room.
    let stream = shipments[0].stream.as_str();
    pacing.offer(run(), frame(stream, 1, 120_000), start + millis(1_500));
    let (shipments, _) = pacing.next(start + millis(1_500), |_| Some(looks(&["off"])));
    assert_eq!((kept(&shipments), pacing.kept_bytes), (vec![(stream, 1)], 220_000));
}

#[test]
fn too_many_streams_lose_frames_and_nothing_else() {
    let start = Instant::now();
    let mut pacing = Pacing::new(limits(64 * MIB), start);
    for index in 0..=MAX_PACED {
        pacing.offer(run(), frame(&format!("p/{index}"), 0, 10), start);
    }
    assert_eq!((pacing.streams.len(), pacing.take_dropped()), (MAX_PACED, 1));
    pacing.offer(run(), frame("p/0", 1, MAX_WAITING_BYTES), start);
    assert_eq!(pacing.take_dropped(), 1, "there is no room for it");
    let (shipments, _) = pacing.next(start, |_| Some(looks(&["auto"])));
    assert_eq!(sent(&shipments).len(), MAX_PACED - 1);
}
