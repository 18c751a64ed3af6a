//! The cost of the wire formats: parsing posted events, encoding a segment, decoding a viewer's frames.
//!
//! `ingest/*` and `serde_json/*` parse the same bodies. The second uses serde_json with a struct of the relevant keys;
//! the other keys are skipped, and therefore not checked. Our parser checks everything, and should not be slower.

#![allow(clippy::unwrap_used)] // a benchmark that can't read its own input has nothing to measure

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput};
use runcast::protocol::event::{BodyKind, EventLimits, parse_body};
use runcast::protocol::frame::{Decoder, FrameLimits, OpCode, header};
use runcast::protocol::segment::Encoding;
use runcast::protocol::{Epoch, Lines, RunId, Segment, Timestamp};
use runcast::run_state::RunState;
use serde::Deserialize;
use serde::de::IgnoredAny;

const EVENTS: usize = 500;

/// Events of a test run, one per line, 130 to 290 bytes each.
fn events(stamped: bool) -> String {
    let mut all = String::new();
    for n in 0..EVENTS {
        let stamp = if stamped { "\"timestamp\":\"2026-11-23T17:15:48.578Z\"," } else { "" };
        let title = ["Before Hooks", "page.goto(http://127.0.0.1:8080/orders)", "Fixture \\\"browser\\\""][n % 3];
        let phase = if n % 2 == 0 { "begin" } else { "end" };
        let rest = if n % 4 == 0 {
            ",\"location\":{\"file\":\"/app/tests/orders/shop.spec.js\",\"line\":3,\"column\":21}"
        } else {
            ""
        };
        let _ = writeln!(
            all,
            "{{\"type\":\"test_step\",{stamp}\"testId\":\"a63ca64a6f071281070d-4686f0682ef36719bacc\",\"step\":\
             {{\"stepNumber\":{n},\"phase\":\"{phase}\",\"title\":\"{title}\",\"category\":\"hook\"{rest}}}}}"
        );
    }
    all
}

fn array(lines: &str) -> Bytes {
    format!("[{}]", lines.trim_end().replace('\n', ",")).into()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    seq: Option<IgnoredAny>,
    timestamp: Option<Cow<'a, str>>,
    run_id: Option<Cow<'a, str>>,
}

fn ingest(c: &mut Criterion) {
    let run = RunId::parse("run-1").unwrap();
    let limits = EventLimits::default();
    let now = Timestamp::from_millis(1_795_454_147_966);
    let lines = events(true);
    let mut group = c.benchmark_group("ingest");
    for (name, kind, body) in [
        ("ndjson", BodyKind::NdJson, Bytes::from(lines.clone())),
        ("ndjson_without_timestamps", BodyKind::NdJson, events(false).into()),
        ("array", BodyKind::Json, array(&lines)),
        ("one_event", BodyKind::Json, Bytes::copy_from_slice(lines.lines().next().unwrap().as_bytes())),
        ("real_run", BodyKind::NdJson, Bytes::from_static(include_bytes!("../tests/data/run.ndjson"))),
    ] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |b| b.iter(|| parse_body(kind, body.clone(), &run, &limits, now).unwrap()));
    }
    group.finish();

    let mut group = c.benchmark_group("serde_json");
    group.throughput(Throughput::Bytes(lines.len() as u64));
    group.bench_function("ndjson", |b| {
        b.iter(|| {
            simdutf8::basic::from_utf8(lines.as_bytes()).unwrap();
            for line in lines.lines() {
                let fields: Fields<'_> = serde_json::from_str(line).unwrap();
                black_box((fields.r#type, fields.seq, fields.timestamp, fields.run_id));
            }
        });
    });
    group.finish();
}

fn encode(c: &mut Criterion) {
    let lines = Lines::from_stored(events(true).trim_end().to_owned().into());
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (name, encoding) in [("web_socket", Encoding::WebSocket), ("sse", Encoding::Sse), ("ndjson", Encoding::NdJson)]
    {
        let segment = || Segment::new(Epoch(1_795_454_147_966), 41, Timestamp::default(), lines.clone());
        group.bench_function(name, |b| {
            b.iter_batched(segment, |segment| segment.encoded(encoding).bytes().len(), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn masked(op: OpCode, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let (mut head, size) = header(op, payload.len());
    head[1] |= 0x80;
    let mut out = head[..size].to_vec();
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

fn decode(c: &mut Criterion) {
    let limits = FrameLimits { max_frame_bytes: 64 * 1024, max_message_bytes: 64 * 1024 };
    let mut group = c.benchmark_group("decode");
    for (name, frame, piece) in [
        ("pong", masked(OpCode::Pong, b""), 4096),
        ("ping_message", masked(OpCode::Text, br#"{"type":"ping"}"#), 4096),
        ("ping_message_in_two_pieces", masked(OpCode::Text, br#"{"type":"ping"}"#), 9),
        ("text_of_32_kib", masked(OpCode::Text, "text é ".repeat(4096).as_bytes()), 16 * 1024),
    ] {
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |b| {
            let mut decoder = Decoder::new();
            b.iter(|| {
                for mut data in frame.chunks(piece) {
                    while let Some(incoming) = decoder.feed(&mut data, &limits).unwrap() {
                        black_box(incoming);
                    }
                }
            });
        });
    }
    group.finish();
}

fn fold(c: &mut Criterion) {
    let run = include_str!("../tests/data/run.ndjson");
    let mut group = c.benchmark_group("fold");
    group.throughput(Throughput::Elements(run.lines().count() as u64));
    group.bench_function("real_run", |b| {
        b.iter(|| {
            let mut state = RunState::new(RunId::parse("r").unwrap());
            for (seq, event) in (1..).zip(run.lines()) {
                state.apply(seq, Timestamp::default(), event.as_bytes());
            }
            state
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    ingest(&mut criterion);
    encode(&mut criterion);
    decode(&mut criterion);
    fold(&mut criterion);
    criterion.final_summary();
}
