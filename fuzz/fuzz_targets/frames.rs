//! Whatever a client sends, cut however: no panic, the same meaning, and no more memory than was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runcast_fuzz::protocol::frame::{Decoder, FrameLimits, Incoming, Violation};

const LIMITS: FrameLimits = FrameLimits { max_frame_bytes: 4096, max_message_bytes: 6000 };

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Incoming>, Option<Violation>) {
    let mut decoder = Decoder::new();
    let mut all = Vec::new();
    let mut sent = 0;
    for mut piece in pieces {
        sent += piece.len();
        loop {
            match decoder.feed(&mut piece, &LIMITS) {
                Ok(Some(incoming)) => all.push(incoming),
                Ok(None) => break,
                Err(violation) => return (all, Some(violation)),
            }
        }
        assert!(piece.is_empty());
        assert!(decoder.held_bytes() <= 256 + 2 * sent);
        assert!(decoder.held_bytes() <= 256 + 2 * LIMITS.max_message_bytes);
        assert_eq!(decoder.is_idle(), decoder.held_bytes() == 0);
    }
    (all, None)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let whole = decode([bytes]);
    assert_eq!(decode(bytes.chunks(1)), whole);
    assert_eq!(decode(bytes.chunks(usize::from(cut).max(2))), whole);
});
