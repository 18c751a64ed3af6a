//! The cost of storing a trace compressed, and the bytes saved. Throughput is unpacked bytes per second of CPU time, so
//! other load on the machine matters little.
//!
//! The large trace is made from the real one in `tests/data/`: the recording is repeated, each time with all contents
//! under another substitution of byte values. Within a repetition, frames resemble one another exactly as the real ones
//! do; between repetitions there is no similarity that a real, longer recording would not have. So it compresses as
//! well as the real one, and no better. `RUNCAST_TRACE=FILE` measures your own trace as well. `parts/*` measure the
//! parts of the whole.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // a benchmark that can't read its own input has nothing to measure

use std::fs::File;
use std::hint::black_box;
use std::io::{Cursor, Read, Write, sink};
use std::time::Duration;

use criterion::{Criterion, Throughput};
use flate2::Compression;
use flate2::write::GzEncoder;
use runcast::compression::{CompressionLimits, CompressionOutcome, Smaller, compress};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const TRACE: &[u8] = include_bytes!("../tests/data/trace.zip");
const RUN: &[u8] = include_bytes!("../tests/data/run.ndjson");

/// Least unpacked bytes of the large trace.
const LARGE: usize = 16 << 20;

/// CPU time of this thread during `times` calls of `work`.
fn on_cpu<T>(times: u64, mut work: impl FnMut() -> T) -> Duration {
    let nanos = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        stat.split(' ').next().unwrap().parse().unwrap()
    };
    let before: u64 = nanos();
    for _ in 0..times {
        black_box(work());
    }
    Duration::from_nanos(nanos() - before)
}

fn contents(trace: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(trace)).unwrap();
    let read = |index| {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (String::from_utf8(entry.name_raw().to_vec()).unwrap(), content)
    };
    (0..ZipArchive::new(Cursor::new(trace)).unwrap().len()).map(read).collect()
}

/// A substitution of byte values, different for each round.
fn substitution(round: u32) -> [u8; 256] {
    let mut table: [u8; 256] = std::array::from_fn(|value| value as u8);
    let mut state = 0x9e37_79b9_u32.wrapping_mul(round + 1) | 1;
    for last in (1..256).rev() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        table.swap(last, state as usize % (last + 1));
    }
    table
}

/// The real trace repeated, deflated as Playwright does it.
fn large_trace() -> Vec<u8> {
    let real = contents(TRACE);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut size = 0;
    for round in 0.. {
        let table = substitution(round);
        for (name, content) in &real {
            let content: Vec<u8> = content.iter().map(|byte| table[usize::from(*byte)]).collect();
            writer.start_file(format!("{round}/{name}"), options).unwrap();
            writer.write_all(&content).unwrap();
            size += content.len();
        }
        if size >= LARGE {
            break;
        }
    }
    writer.finish().unwrap().into_inner()
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn smaller(source: &File, target: &mut File) -> Smaller {
    match compress(source, target, "", &CompressionLimits::default(), &|| false).unwrap() {
        CompressionOutcome::Smaller(smaller) => smaller,
        CompressionOutcome::Kept(reason) => unreachable!("{reason:?}"),
    }
}

fn whole(c: &mut Criterion, name: &str, bytes: &[u8]) {
    let (source, mut target) = (file(bytes), file(b""));
    let once = smaller(&source, &mut target);
    let saved = 100.0 - 100.0 * once.size as f64 / bytes.len() as f64;
    println!("{name}: {} bytes, unpacked {}, stored {}: {saved:.1} % saved", bytes.len(), once.decoded, once.size);
    let mut group = c.benchmark_group("compress");
    group.sample_size(10).throughput(Throughput::Bytes(once.decoded));
    group.bench_function(name, |b| b.iter_custom(|times| on_cpu(times, || smaller(&source, &mut target))));
    group.finish();
}

/// Inflating, zstd, decoding and checksums separately, to show where the time goes.
fn parts(c: &mut Criterion, trace: &[u8]) {
    let unpacked: Vec<u8> = contents(trace).into_iter().flat_map(|(_, content)| content).collect();
    let packed = {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&unpacked).unwrap();
        encoder.finish().unwrap()
    };
    let encode = || {
        let mut encoder = zstd::Encoder::new(Vec::new(), 9).unwrap();
        encoder.window_log(23).unwrap();
        encoder.long_distance_matching(true).unwrap();
        encoder.include_checksum(true).unwrap();
        for chunk in unpacked.chunks(128 * 1024) {
            encoder.write_all(chunk).unwrap();
        }
        encoder.finish().unwrap()
    };
    let encoded = encode();
    let mut group = c.benchmark_group("parts");
    group.sample_size(10).throughput(Throughput::Bytes(unpacked.len() as u64));
    group.bench_function("inflate", |b| {
        b.iter_custom(|times| {
            on_cpu(times, || {
                std::io::copy(&mut flate2::bufread::DeflateDecoder::new(&packed[..]), &mut sink()).unwrap()
            })
        });
    });
    group.bench_function("zstd_9_long", |b| b.iter_custom(|times| on_cpu(times, encode)));
    group.bench_function("zstd_decode", |b| {
        b.iter_custom(|times| {
            on_cpu(times, || std::io::copy(&mut zstd::Decoder::new(&encoded[..]).unwrap(), &mut sink()).unwrap())
        });
    });
    group.bench_function("crc32", |b| {
        b.iter_custom(|times| {
            on_cpu(times, || {
                let mut crc = flate2::Crc::new();
                crc.update(&unpacked);
                crc.sum()
            })
        });
    });
    group.bench_function("sha256", |b| {
        b.iter_custom(|times| on_cpu(times, || aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &unpacked)));
    });
    group.finish();
    let text = RUN.repeat(40);
    let mut group = c.benchmark_group("gzip");
    group.sample_size(10).throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("level_9", |b| {
        b.iter_custom(|times| {
            on_cpu(times, || {
                let mut encoder = GzEncoder::new(sink(), Compression::best());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap();
            })
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let large = large_trace();
    whole(&mut criterion, "large_trace", &large);
    whole(&mut criterion, "real_trace", TRACE);
    whole(&mut criterion, "run_ndjson", RUN);
    if let Ok(path) = std::env::var("RUNCAST_TRACE") {
        whole(&mut criterion, "trace_of_your_own", &std::fs::read(path).unwrap());
    }
    parts(&mut criterion, &large);
    criterion.final_summary();
}
