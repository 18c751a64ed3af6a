//! Zip files made byte by byte, so that they can lie.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// A local header and, with more, a record of the directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header {
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u16,
    pub(crate) date: u16,
    pub(crate) crc: u32,
    pub(crate) packed: u32,
    pub(crate) size: u32,
    pub(crate) name: Vec<u8>,
    pub(crate) extra: Vec<u8>,
    // Of the directory only.
    pub(crate) made_by: u16,
    pub(crate) comment: Vec<u8>,
    pub(crate) volume: u16,
    pub(crate) internal: u16,
    pub(crate) external: u32,
}

impl Header {
    fn common(&self) -> Vec<u8> {
        let words = [20, self.flags, self.method, self.time, self.date].map(u16::to_le_bytes).concat();
        let numbers = [self.crc, self.packed, self.size].map(u32::to_le_bytes).concat();
        let lengths = [self.name.len() as u16, self.extra.len() as u16].map(u16::to_le_bytes).concat();
        [words, numbers, lengths].concat()
    }

    fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04", &self.common()[..], &self.name, &self.extra].concat()
    }

    fn central(&self, offset: u32) -> Vec<u8> {
        let words = [self.comment.len() as u16, self.volume, self.internal].map(u16::to_le_bytes).concat();
        let numbers = [self.external, offset].map(u32::to_le_bytes).concat();
        let made_by = self.made_by.to_le_bytes();
        let fixed = [b"PK\x01\x02", &made_by[..], &self.common(), &words, &numbers].concat();
        [&fixed[..], &self.name, &self.extra, &self.comment].concat()
    }
}

/// An entry, as it stands in its two records.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) local: Header,
    pub(crate) central: Header,
    pub(crate) data: Vec<u8>,
    /// What follows the data.
    pub(crate) behind: Vec<u8>,
    /// Where the directory says that it is; where it is otherwise.
    pub(crate) offset: Option<u32>,
}

pub(crate) fn crc(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}

impl Piece {
    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        Self::packed(name, content, 0, content.to_vec())
    }

    pub(crate) fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        Self::packed(name, content, 8, encoder.finish().unwrap())
    }

    fn packed(name: &str, content: &[u8], method: u16, data: Vec<u8>) -> Self {
        let header = Header {
            method,
            time: 0x8c2f,
            date: 0x5d77,
            crc: crc(content),
            packed: data.len() as u32,
            size: content.len() as u32,
            name: name.into(),
            made_by: 3 << 8 | 20,
            external: 0o100_644 << 16,
            ..Header::default()
        };
        Self { local: header.clone(), central: header, data, behind: Vec::new(), offset: None }
    }

    /// Changes both headers.
    pub(crate) fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    pub(crate) fn local(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        self
    }

    pub(crate) fn central(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.central);
        self
    }

    /// CRC and sizes behind the data instead of before, in one of the four forms there are.
    pub(crate) fn streamed(mut self, signature: bool, large: bool) -> Self {
        let Header { crc, packed, size, .. } = self.local;
        if signature {
            self.behind.extend(b"PK\x07\x08");
        }
        self.behind.extend(crc.to_le_bytes());
        for number in [packed, size] {
            self.behind.extend(number.to_le_bytes());
            self.behind.extend(&[0; 4][..if large { 4 } else { 0 }]);
        }
        self.both(|header| header.flags |= 8).local(|header| {
            header.crc = 0;
            header.packed = 0;
            header.size = 0;
        })
    }

    /// Sizes in the extra field of zip64, however small.
    pub(crate) fn large(self) -> Self {
        self.both(|header| {
            let sizes = [header.size, header.packed].map(|size| u64::from(size).to_le_bytes()).concat();
            header.extra = [b"\x01\0\x10\0", &sizes[..], &header.extra].concat();
            header.packed = u32::MAX;
            header.size = u32::MAX;
        })
    }
}

/// A zip file of these entries.
pub(crate) fn zip(pieces: &[Piece]) -> Vec<u8> {
    Zip::of(pieces).bytes()
}

/// A zip file whose end can be changed.
#[derive(Clone, Debug)]
pub(crate) struct Zip {
    pub(crate) entries: Vec<u8>,
    pub(crate) directory: Vec<u8>,
    pub(crate) count: u16,
    pub(crate) volume: u16,
    pub(crate) comment: Vec<u8>,
}

impl Zip {
    pub(crate) fn of(pieces: &[Piece]) -> Self {
        let (mut entries, mut directory) = (Vec::new(), Vec::new());
        for piece in pieces {
            directory.extend(piece.central.central(piece.offset.unwrap_or(entries.len() as u32)));
            entries.extend(piece.local.local());
            entries.extend(&piece.data);
            entries.extend(&piece.behind);
        }
        Self { entries, directory, count: pieces.len() as u16, volume: 0, comment: Vec::new() }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let words = [self.volume, self.volume, self.count, self.count].map(u16::to_le_bytes).concat();
        let numbers = [self.directory.len() as u32, self.entries.len() as u32].map(u32::to_le_bytes).concat();
        let length = (self.comment.len() as u16).to_le_bytes();
        let end = [b"PK\x05\x06", &words[..], &numbers, &length, &self.comment].concat();
        [&self.entries[..], &self.directory, &end].concat()
    }

    /// The same with an end in the form of zip64, of `count` entries.
    pub(crate) fn large(&self, count: u64) -> Vec<u8> {
        let (offset, size) = (self.entries.len() as u64, self.directory.len() as u64);
        let numbers = [count, count, size, offset].map(u64::to_le_bytes).concat();
        let record = [b"PK\x06\x06", &44_u64.to_le_bytes()[..], &[45, 0, 45, 0], &[0; 8], &numbers].concat();
        let locator = [b"PK\x06\x07", &[0; 4][..], &(offset + size).to_le_bytes(), &[1, 0, 0, 0]].concat();
        let end = [b"PK\x05\x06", &[0; 4][..], &[0xff; 12], &[0, 0]].concat();
        [&self.entries[..], &self.directory, &record, &locator, &end].concat()
    }
}
