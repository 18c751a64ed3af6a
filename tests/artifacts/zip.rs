//! Zip files as a tracer writes them, and what is in one.

use std::io::{Read as _, Write as _};

use super::support::Dice;

/// What a zip file has: names, contents, checksums.
pub(crate) type Entries = Vec<(String, Vec<u8>, u32)>;

/// A trace of some 300 kB with entries of text and pictures, deflated as tracers do.
pub(crate) fn trace() -> Vec<u8> {
    let mut dice = Dice::new(7);
    let event =
        |n: u64| format!("{{\"type\":\"before\",\"callId\":\"call@{n}\",\"class\":\"Frame\",\"method\":\"click\"}}\n");
    let text: String = (0..12_000).map(event).collect();
    let picture: Vec<u8> = b"\xff\xd8\xff".iter().copied().chain((0..20_000).map(|_| dice.below(256) as u8)).collect();
    let page = "<html><body>".to_owned() + &"<p class=\"line\">The same line again</p>".repeat(3_000);
    write(&[
        ("trace.trace", text.as_bytes()),
        ("trace.network", &text.as_bytes()[..200_000]),
        ("resources/page@1.html", page.as_bytes()),
        ("resources/page@1.jpeg", &picture),
        ("resources/empty", b""),
    ])
}

fn sum(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// A zip file with these entries (APPNOTE.TXT 6.3.10, 4.3).
pub(crate) fn write(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        deflated.write_all(data).unwrap();
        let deflated = deflated.finish().unwrap();
        let offset = file.len() as u32;
        let mut common = [20_u16, 0, 8, 0, 0x21].map(u16::to_le_bytes).concat();
        common.extend([sum(data), deflated.len() as u32, data.len() as u32].map(u32::to_le_bytes).concat());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.as_bytes());
        file.extend(deflated);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, count) = (file.len() as u32, entries.len() as u16);
    let size = directory.len() as u32;
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count, count].map(u16::to_le_bytes).concat());
    file.extend([size, start].map(u32::to_le_bytes).concat());
    file.extend([0; 2]);
    file
}

fn number(file: &[u8], at: usize, bytes: usize) -> usize {
    file[at..at + bytes].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// What is in a zip file, in the order of its directory; each content fits its checksum.
pub(crate) fn read(file: &[u8]) -> Entries {
    let end = file.windows(4).rposition(|four| four == b"PK\x05\x06").expect("a directory's end");
    let (count, mut at) = (number(file, end + 10, 2), number(file, end + 16, 4));
    let mut entries = Entries::new();
    for _ in 0..count {
        assert_eq!(&file[at..at + 4], b"PK\x01\x02");
        let field = |from: usize, bytes: usize| number(file, at + from, bytes);
        let (method, crc, packed) = (field(10, 2), field(16, 4) as u32, field(20, 4));
        let (name, extra, comment, local) = (field(28, 2), field(30, 2), field(32, 2), field(42, 4));
        let text = String::from_utf8(file[at + 46..at + 46 + name].to_vec()).unwrap();
        let start = local + 30 + number(file, local + 26, 2) + number(file, local + 28, 2);
        let packed = &file[start..start + packed];
        let mut data = Vec::new();
        match method {
            0 => data.extend(packed),
            8 => drop(flate2::read::DeflateDecoder::new(packed).read_to_end(&mut data).unwrap()),
            other => panic!("{text}: method {other}"),
        }
        assert_eq!(sum(&data), crc, "{text}");
        entries.push((text, data, crc));
        at += 46 + name + extra + comment;
    }
    entries
}
