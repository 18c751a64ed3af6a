//! Writes the published events, and reads their stamps back.

/// Size of the smallest event that holds any stamp.
pub const MIN_SIZE: usize = 112;

/// The data that a viewer reads from an event.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Stamp {
    /// Time of publishing, on the load generator's clock.
    pub sent: u64,
    /// The event's number among those of its publisher.
    pub number: u64,
}

/// Appends an event of exactly `size` bytes. It has its own `timestamp`, so that runcast adds none and all servers
/// deliver what was posted (runcast: plus `"seq":N,`).
pub fn write(out: &mut Vec<u8>, stamp: Stamp, size: usize) {
    let end = out.len() + size;
    let Stamp { sent, number } = stamp;
    out.extend_from_slice(
        format!(r#"{{"type":"log","timestamp":"2026-01-01T00:00:00.000Z","t":{sent},"n":{number},"pad":""#).as_bytes(),
    );
    out.resize(end.saturating_sub(2).max(out.len()), b'x');
    out.extend_from_slice(br#""}"#);
}

/// Reads the stamp of an event as delivered, with or without a leading `seq`.
pub fn stamp(event: &[u8]) -> Option<Stamp> {
    const SENT: &[u8] = br#""t":"#;
    const NUMBER: &[u8] = br#","n":"#;
    let at = event.windows(SENT.len()).position(|window| window == SENT)?;
    let (sent, rest) = number(&event[at + SENT.len()..])?;
    let (number, _) = number(rest.strip_prefix(NUMBER)?)?;
    Some(Stamp { sent, number })
}

fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    Some((value, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_size_asked_for_and_its_stamp_comes_back() {
        for size in [MIN_SIZE, 128, 4096] {
            let stamp_in = Stamp { sent: 1_764_000_000_000_000_000, number: 1_234_567 };
            let mut event = Vec::new();
            write(&mut event, stamp_in, size);
            assert_eq!(event.len(), size);
            assert!(serde_json::from_slice::<serde_json::Value>(&event).is_ok());
            assert_eq!(stamp(&event), Some(stamp_in));
        }
    }

    #[test]
    fn a_leading_seq_does_not_hide_the_stamp() {
        let delivered = br#"{"seq":42,"type":"log","timestamp":"x","t":17,"n":3,"pad":""}"#;
        assert_eq!(stamp(delivered), Some(Stamp { sent: 17, number: 3 }));
        assert_eq!(stamp(br#"{"type":"connected","tip":7}"#), None);
    }
}
